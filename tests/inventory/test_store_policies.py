"""Policies and alerts in PostgreSQL: what is on order, and that repeats write nothing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from inventory.alerts import Alert
from inventory.demand import LEVELS, DemandForecast
from inventory.errors import NotFound
from inventory.store.alerts import list_alerts, raise_alerts, replace_alerts, resolve_alert
from inventory.store.forecasts import store_run
from inventory.store.policies import (
    bases,
    list_policies,
    read_policy,
    read_positions,
)
from inventory.store.policy_changes import put_in_force

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@pytest.fixture
def shop(db):
    """Ten SKUs of one vendor in one warehouse, with a forecast."""
    db.execute("insert into locations (location, name, type) values ('DC', 'Centre', 'warehouse')")
    db.execute("insert into vendors (vendor, name, lead_time_days) values ('ACME', 'Acme', 5)")
    skus = tuple(f"SKU-{n}" for n in range(10))
    with db.cursor() as rows:
        rows.executemany(
            "insert into skus (sku, name, vendor) values (%s, 'x', 'ACME')", [(s,) for s in skus]
        )
    levels = np.array(LEVELS)
    store_run(db, DemandForecast(
        skus=skus, locations=("DC",) * 10, first_day=NOW.date(), levels=levels,
        quantiles_units=np.ones((10, 7, len(levels))), mean_units=np.ones((10, 7)),
        dependence=np.zeros((10, 2)), run_id="run-1", model_version="test",
    ), now=NOW)  # fmt: skip
    return db


def policies_of(n, *, level=0.95, reorder_point=30.0):
    return pl.DataFrame({
        "sku": [f"SKU-{i}" for i in range(n)], "location": ["DC"] * n,
        "safety_stock": [10.0] * n, "reorder_point": [reorder_point] * n,
        "order_quantity": [24.0] * n, "order_up_to": [reorder_point + 24] * n,
        "lead_time_days": [5.0] * n, "lead_time_sd_days": [0.0] * n,
        "review_period_days": [1.0] * n, "service_level": [level] * n,
        "target_kind": ["cycle_service"] * n, "lead_time_mean": [reorder_point - 14] * n,
        "review_mean": [4.0] * n, "target_units": [reorder_point] * n, "economic_lot": [24.0] * n,
        "min_order_units": [0.0] * n, "pack_units": [12.0] * n, "segment": ["AX"] * n,
        "demand_law": ["path"] * n, "run_id": ["run-1"] * n,
        "unit_cost": [4.0] * n, "order_cost": [5.0] * n, "holding_cost": [1.0] * n,
        "change_factor_max": [4.0] * n,
    }).with_columns(
        max_units=pl.lit(None, pl.Float64), basis_id=pl.lit(None, pl.Int64)
    )  # fmt: skip


def write_policies(db, policies, *, now, **more):
    return put_in_force(db, policies, now=now, **more)[0]


def test_a_policy_comes_back_as_it_was_written_with_terms_that_sum(shop):
    assert write_policies(shop, policies_of(3), now=NOW) == 3
    policy = read_policy(shop, "SKU-1", "DC")
    assert policy["reorder_point"] == 30.0
    assert policy["lead_time"] == 5.0
    assert policy["segment"] == "AX"
    for figure, told in policy["explanation"].items():
        assert sum(term["quantity"] for term in told["terms"]) == policy[figure], figure
    with pytest.raises(NotFound):
        read_policy(shop, "SKU-9", "DC")


def test_sources_are_kept_once(shop):
    first = bases(shop, {'{"target": "a"}', '{"target": "b"}'})
    again = bases(shop, {'{"target": "b"}', '{"target": "c"}'})
    assert first['{"target": "b"}'] == again['{"target": "b"}']
    found = policies_of(1).with_columns(basis_id=pl.lit(first['{"target": "b"}']))
    write_policies(shop, found, now=NOW)
    assert read_policy(shop, "SKU-0", "DC")["sources"] == {"target": "b"}


def test_writing_the_same_again_writes_nothing(shop):
    write_policies(shop, policies_of(3), now=NOW)
    later = NOW + timedelta(days=1)
    assert write_policies(shop, policies_of(3), now=later) == 0
    assert read_policy(shop, "SKU-1", "DC")["computed_at"] == NOW
    assert write_policies(shop, policies_of(3, reorder_point=31.0), now=later) == 3
    assert read_policy(shop, "SKU-1", "DC")["computed_at"] == later


def test_pages_hold_every_policy_once(shop):
    write_policies(shop, policies_of(10), now=NOW)
    seen, cursor = [], None
    while True:
        page = list_policies(shop, limit=3, cursor=cursor)
        seen += [policy["sku"] for policy in page["policies"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"SKU-{i}" for i in range(10)]
    assert len(list_policies(shop, sku="SKU-4")["policies"]) == 1


def position(db, sku="SKU-0"):
    row = read_positions(db, now=NOW, skus=[sku]).row(0, named=True)
    return row["on_hand"], row["on_order"], row["committed"]


def test_what_counts_in_a_position(shop):
    assert position(shop) == (0, 0, 0)
    shop.execute(
        "insert into balances (sku, location, status, units, updated_at) values "
        "('SKU-0', 'DC', 'available', 50, now()), ('SKU-0', 'DC', 'defective', 9, now())"
    )
    shop.execute(
        "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, source, "
        "updated_at) values ('t1', 'SKU-0', 'DC', 7, now(), 'confirmed', 'transfer', now()), "
        "('t2', 'SKU-0', 'DC', 100, now(), 'cancelled', 'transfer', now())"
    )
    assert position(shop) == (50, 7, 0)


@pytest.mark.parametrize(
    ("state", "firmed", "counts"),
    [
        ("proposed", False, False), ("proposed", True, True), ("accepted", False, True),
        ("sent", False, True), ("shipped", False, True), ("partially_received", False, True),
        ("received", False, False), ("closed", False, False), ("cancelled", False, False),
        ("rejected", True, False),
    ],
)  # fmt: skip
def test_which_purchase_orders_are_on_order(shop, state, firmed, counts):
    shop.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
        "updated_at, expected_on) values ('P', 'ACME', 'DC', %s, %s, %s, %s)",
        [state, NOW, NOW, NOW.date()],
    )
    shop.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
        "received_units, unit_cost, explanation, run_id, firmed) "
        "values ('P', 1, 'SKU-0', 30, 10, 1, '{}', 'run-1', %s)",
        [firmed],
    )
    # Its inbound row must not count a second time.
    shop.execute(
        "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, "
        "purchase_order_id, updated_at) "
        "values ('P:1', 'SKU-0', 'DC', 20, now(), 'confirmed', 'P', now())"
    )
    assert position(shop) == (0, 20 if counts else 0, 0)


def alert(sku, *, severity="warning", kind="low_stock"):
    return Alert(kind, severity, f"{sku} is low", sku, "DC", {"current_stock": 3})


def test_one_open_alert_per_cause(shop):
    assert raise_alerts(shop, [alert("SKU-0"), alert("SKU-1")], now=NOW) == 2
    assert raise_alerts(shop, [alert("SKU-0", severity="critical")], now=NOW) == 0
    found = list_alerts(shop, sku="SKU-0")["alerts"]
    assert [a["severity"] for a in found] == ["critical"]


def test_causes_that_ended_are_resolved_and_may_come_again(shop):
    raise_alerts(shop, [alert("SKU-0"), alert("SKU-1", kind="expiring")], now=NOW)
    assert replace_alerts(shop, [alert("SKU-2")], kinds=["low_stock"], now=NOW) == (1, 1)
    assert {a["sku"] for a in list_alerts(shop)["alerts"]} == {"SKU-1", "SKU-2"}
    assert raise_alerts(shop, [alert("SKU-0")], now=NOW) == 1
    assert len(list_alerts(shop, sku="SKU-0", open_only=False)["alerts"]) == 2


def test_an_alert_is_closed_by_hand_once(shop):
    raise_alerts(shop, [alert("SKU-0")], now=NOW)
    alert_id = list_alerts(shop)["alerts"][0]["id"]
    resolve_alert(shop, alert_id, now=NOW, by="ann")
    resolve_alert(shop, alert_id, now=NOW + timedelta(hours=1), by="bob")
    found = list_alerts(shop, open_only=False)["alerts"][0]
    assert (found["resolved_at"], found["resolved_by"]) == (NOW, "ann")
    with pytest.raises(NotFound):
        resolve_alert(shop, 10_000, now=NOW, by="ann")
