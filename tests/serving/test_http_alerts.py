"""Alerts over HTTP: listed with what to do, put off, judged by thresholds, and subscribed to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.alerts import Alert, Situation, position_alerts
from inventory.receipt_alerts import awaiting_approval_alert
from inventory.shelf import Lot
from inventory.store import database
from inventory.store.alerts import raise_alerts
from serving import messages_ordering, messages_stock


@pytest.fixture
def alert(shop, http_database_url):
    """An open alert about a SKU of this test's own."""
    sku, location = shop.sku(), shop.location()
    detail = {
        "current_stock": 1,
        "currency": None,
        "action": {"method": "GET", "path": "/api/v2/policies/x/y"},
    }
    with database.connect(http_database_url) as db:
        told = Alert("low_stock", "warning", f"{sku} is low", sku, location, detail)
        raise_alerts(db, [told], now=datetime.now(UTC))
    (found,) = shop.ok(shop.client.get("/alerts", params={"sku": sku}))["alerts"]
    return found


def listed(shop, alert, state):
    params = {"sku": alert["sku"], "state": state}
    return [a["id"] for a in shop.ok(shop.client.get("/alerts", params=params))["alerts"]]


def test_an_alert_may_wait(shop, alert, client_of):
    path = f"/alerts/{alert['id']}"
    assert client_of("viewer").post(f"{path}/snooze", json={"days": 2}).status_code == 403
    told = shop.ok(client_of("planner").post(f"{path}/snooze", json={"days": 2, "reason": "x"}))
    until = datetime.fromisoformat(told["until"])
    assert timedelta(days=1.9) < until - datetime.now(UTC) < timedelta(days=2.1)
    assert listed(shop, alert, "open") == []
    assert listed(shop, alert, "snoozed") == listed(shop, alert, "all") == [alert["id"]]
    assert shop.client.post(f"{path}/wake").status_code == 204
    assert listed(shop, alert, "open") == [alert["id"]]


def test_an_alert_is_read_by_itself(shop, alert, client_of):
    """Money that only the house's currency measures is told in that."""
    found = shop.ok(client_of("viewer").get(f"/alerts/{alert['id']}"))
    assert found == alert
    assert found["detail"]["currency"] == "EUR"
    assert shop.client.get("/alerts/999999999").status_code == 404


def test_an_alert_may_be_closed_by_hand(shop, alert):
    assert shop.client.post(f"/alerts/{alert['id']}/resolve").status_code == 204
    assert listed(shop, alert, "open") == []
    assert shop.client.post("/alerts/999999999/resolve").status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"days": 0}, {"days": 1, "until": "2030-01-01T00:00:00Z"},
     {"until": "2020-01-01T00:00:00Z"}, {"days": 1, "x": 1}],
    ids=["nothing", "none", "both", "past", "typo"],
)  # fmt: skip
def test_a_snooze_that_makes_no_sense_is_a_problem(shop, alert, body):
    answer = shop.client.post(f"/alerts/{alert['id']}/snooze", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_thresholds_of_a_sku_are_its_own(shop, alert):
    path = f"/alert-thresholds/{alert['sku']}"
    put = shop.ok(shop.client.put(path, json={"low_cover_days": 1.5}))
    assert put == shop.ok(shop.client.get(path))
    assert (put["hold"]["low_cover_days"], put["own"]["slow_cover_days"]) == (1.5, None)
    assert shop.client.put("/alert-thresholds/nobody", json={}).status_code in {404, 422}
    assert shop.client.put(path, json={"low_cover_days": -1}).status_code == 422
    listed = shop.ok(shop.client.get("/alert-thresholds"))["thresholds"]
    assert [row["low_cover_days"] for row in listed if row["sku"] == alert["sku"]] == [1.5]
    assert shop.client.delete(path).status_code == 204
    assert shop.client.delete(path).status_code == 404
    assert shop.ok(shop.client.get(path))["hold"]["low_cover_days"] == 3


def test_who_is_told_is_kept_and_taken_away(shop, client_of):
    path = f"/alert-subscriptions/{shop.mark}"
    body = {"method": "email", "target": "ops@example.com", "severity_min": "critical"}
    assert client_of("viewer").put(path, json=body).status_code == 403
    assert shop.ok(shop.client.put(path, json=body))["created"] is True
    listed = shop.ok(shop.client.get("/alert-subscriptions"))["subscriptions"]
    assert [s["target"] for s in listed if s["id"] == shop.mark] == ["ops@example.com"]
    assert shop.client.put(path, json=body | {"target": "nobody"}).status_code == 422
    hook = {"method": "webhook", "target": "https://ops.example/hook"}
    assert "secret" in shop.ok(shop.client.put(path, json=hook))
    assert shop.client.put(path, json=hook | {"target": "http://x.example"}).status_code == 422
    assert isinstance(shop.ok(shop.client.get("/alert-deliveries"))["deliveries"], list)
    assert shop.client.delete(path).status_code == 204
    assert shop.client.delete(path).status_code == 404


def test_the_bodies_of_acts_are_what_their_routes_take():
    """Whoever does what an alert says sends them as they are."""
    expired = Situation(
        sku="TEA", location="S1", health="healthy", today=date(2026, 3, 10), sellable_units=9.0,
        on_order_units=0.0, reorder_point_units=3.0, order_up_to_units=9.0, cover_days=9.0,
        demand_per_day_units=1.0, proposed_units=0.0, shelf_life_days=5.0,
        lots=[Lot(date(2026, 3, 1), 9)],
    )  # fmt: skip
    low = replace(expired, health="low", sellable_units=2.0, lots=())
    held = awaiting_approval_alert(
        inbound_id="PO-1:2", sku="TEA", location="S1", awaiting_units=15, excess_units=15,
        received_units=115, waits_since=date(2026, 3, 9), unit_cost=4.0, currency=None,
        current_stock=100, reorder_point=20.0, stock_out_on=None,
    )  # fmt: skip
    found = [*position_alerts([expired, low]), held]
    bodies = [alert.detail["action"]["body"] for alert in found]
    takes = [messages_stock.Move, messages_ordering.Compute, messages_stock.Approval]
    told = [message.model_validate(body) for message, body in zip(takes, bodies, strict=True)]
    assert (told[0].quantity, told[1].skus, told[2].quantity) == (9, ["TEA"], 15)
