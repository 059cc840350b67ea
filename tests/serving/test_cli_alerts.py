"""`vouch alert`: what is open in full, hearing of it later, and who is told."""

import json
from datetime import UTC, datetime

import pytest

from inventory.alerts import Alert, action
from inventory.store.alerts import raise_alerts
from tests.inventory.ordering import open_centre


@pytest.fixture
def vouch(desk):
    def run(line, code=0):
        done = desk(line)
        assert done.returncode == code, done.stdout + done.stderr
        return (done.stdout or done.stderr).strip()

    return run


@pytest.fixture
def alert(db):
    """The number of an open alert on TEA."""
    detail = {
        "current_stock": 0, "reorder_point": 20.0, "recommended_quantity": 1450,
        "expected_stock_out_on": "2026-03-10", "currency": None,
        "missed_units": {"so_far": 450.0}, "missed_money": {"so_far": 11925.0},
        "action": action("Accept the order", "POST", "/purchase-orders/PO-1/accept"),
    }  # fmt: skip
    told = Alert("out_of_stock", "critical", "TEA at DC is out", "TEA", "DC", detail)
    raise_alerts(open_centre(db), [told], now=datetime.now(UTC))
    (found,) = db.execute("select alert_id from alerts").fetchone()
    return found


def test_what_is_open_is_told_with_its_figures(vouch, alert):
    first, second = vouch("alert list").splitlines()
    assert first == f"{alert} [critical] TEA at DC is out"
    assert second.strip() == (
        "stock 0, reorder point 20, recommended quantity 1,450, expected stock-out 2026-03-10, "
        "missed sales so far 450 units, EUR 11,925.00"
    )
    assert vouch("alert list --location ST") == "no open alerts"


def test_one_alert_is_told_in_full(vouch, alert):
    shown = vouch(f"alert show {alert}").splitlines()
    assert shown[-1] == "Accept the order: POST /api/v2/purchase-orders/PO-1/accept"
    assert "Missed sales so far: 450 units, EUR 11,925.00" in shown
    told = json.loads(vouch(f"alert show {alert} --json"))
    assert (told["detail"]["recommended_quantity"], told["detail"]["currency"]) == (1450, "EUR")


def test_an_alert_waits_and_is_closed(vouch, alert):
    assert "field 'days'" in vouch(f"alert snooze {alert}", code=2)
    assert "waits until 2099-01-01 00:00" in vouch(f"alert snooze {alert} --until 2099-01-01")
    assert vouch("alert list") == "no open alerts"
    assert vouch("alert list --snoozed").startswith(f"{alert} ")
    assert "Waits until: 2099-01-01 00:00 UTC" in vouch(f"alert show {alert}")
    vouch(f"alert unsnooze {alert}")
    assert vouch("alert list").startswith(f"{alert} ")
    assert vouch(f"alert close {alert}") == f"alert {alert} is closed"
    assert vouch("alert list") == "no open alerts"
    assert "Over since" in vouch(f"alert show {alert}")


def test_thresholds_are_set_listed_and_removed(vouch, alert):
    vouch("alert thresholds set TEA --low-cover 1.5")
    assert vouch("alert thresholds list").startswith("TEA: low cover 1.5 days, said by cli:")
    assert vouch("alert thresholds remove TEA") == "TEA has no thresholds of its own"
    assert "every SKU" in vouch("alert thresholds list")
    assert "PUT /api/v2/skus/NONE" in vouch("alert thresholds set NONE", code=2)


def test_who_is_told_is_added_listed_and_removed(vouch):
    vouch("alert subscriptions add ops ops@example.com --kind out_of_stock --location DC")
    vouch("alert subscriptions add hook https://ops.example/hook --severity info")
    assert vouch("alert subscriptions list").splitlines() == [
        "hook: webhook to https://ops.example/hook, info and above",
        "ops: email to ops@example.com, warning and above, out_of_stock, at DC",
    ]
    assert "field 'target'" in vouch("alert subscriptions add x nobody", code=2)
    vouch("alert subscriptions remove hook")
    assert "hook" not in vouch("alert subscriptions list")
