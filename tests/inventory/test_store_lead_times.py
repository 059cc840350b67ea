"""Lead times learned from orders that arrived, per vendor and lane."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.store import lead_times

NOW = datetime(2026, 3, 31, tzinfo=UTC)


@pytest.fixture
def lanes(db):
    db.execute(
        "insert into locations (location, name, type) values ('S1', 'x', 'store'), "
        "('S2', 'x', 'store')"
    )
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, lead_time_sd_days) values "
        "('ACME', 'x', 5, 1), ('BOLT', 'x', 3, 0)"
    )
    db.execute("insert into skus (sku, name, vendor) values ('TEA', 'x', 'ACME')")
    return db


def arrive(db, order, location, parts, *, ordered=None, state="received", vendor="ACME"):
    """An order sent thirty days ago; parts [(days, units)]."""
    sent = NOW - timedelta(days=30)
    units = sum(u for _, u in parts)
    db.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
        "updated_at, expected_on, sent_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [order, vendor, location, state, sent, NOW, sent.date(), sent],
    )
    db.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, unit_cost, "
        "explanation, run_id, ordered_units, received_units) "
        "values (%s, 1, 'TEA', %s, 1, '{}', 'r', %s, %s)",
        [order, ordered or units, ordered or units, units],
    )
    for days, quantity in parts:
        db.execute(
            "insert into purchase_order_receipts (purchase_order_id, line_no, quantity, status, "
            "received_at, recorded_at, actor) values (%s, 1, %s, 'available', %s, %s, 'a')",
            [order, quantity, sent + timedelta(days=days), NOW],
        )


def found(db):
    return {(row["vendor"], row["location"]): row for row in lead_times.page(db)}


def test_nothing_is_learned_of_nothing(lanes):
    assert lead_times.refresh(lanes, now=NOW) == 0
    assert found(lanes) == {}


def test_a_lane_shows_how_long_how_sure_and_how_full(lanes):
    arrive(
        lanes, "P1", "S1", [(8, 60), (12, 20)], ordered=100, state="closed"
    )  # 9 days on average.
    arrive(lanes, "P2", "S1", [(11, 50)])
    lead_times.refresh(lanes, now=NOW)
    lane = found(lanes)["ACME", "S1"]
    assert (lane["orders"], lane["receipts"]) == (2, 3)
    assert lane["observed_mean_days"] == pytest.approx(10)
    assert lane["observed_sd_days"] == pytest.approx(2**0.5)
    assert lane["fill_share"] == pytest.approx(130 / 150)
    # Two orders against a statement worth five: (5·5 + 9 + 11) / 7.
    assert lane["mean_days"] == pytest.approx(45 / 7, abs=1e-5)
    assert (lane["stated_mean_days"], lane["stated_sd_days"]) == (5, 1)


def test_a_lane_believes_the_vendors_other_lanes_before_its_statement(lanes):
    for n in range(30):
        arrive(lanes, f"P{n}", "S2", [(10, 5)])
    arrive(lanes, "Q", "S1", [(10, 5)])
    lead_times.refresh(lanes, now=NOW)
    assert found(lanes)["ACME", "S1"]["mean_days"] > 9
    assert found(lanes)["ACME", None]["orders"] == 31


def test_learning_again_writes_nothing_and_old_orders_are_forgotten(lanes):
    arrive(lanes, "P1", "S1", [(8, 60)])
    assert lead_times.refresh(lanes, now=NOW) == 2
    assert lead_times.refresh(lanes, now=NOW + timedelta(minutes=1)) == 0
    assert lead_times.refresh(lanes, now=NOW + timedelta(days=900)) == 2
    assert found(lanes) == {}


def test_goods_that_came_before_the_order_was_sent_say_nothing(lanes):
    arrive(lanes, "P1", "S1", [(-2, 60)])
    lead_times.refresh(lanes, now=NOW)
    assert found(lanes) == {}
