"""Alerts of real stock: opened, renewed and closed by what the shelves, orders and feeds say."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.store import alert_settings, feeds, inbound, low_marks
from inventory.store.alerts import list_alerts, resolve_alert
from inventory.store.outbox import number
from inventory.store.purchase_orders import act
from pipelines.stock_alerts import follow, refresh_alerts

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def deliver(db, name, sku, units, *, at=NOW):
    inbound.put(db, inbound_id=name, sku=sku, location="DC", quantity=units, expected_at=at,
                state="confirmed", now=at)  # fmt: skip
    inbound.receive(db, name, message_id=name, quantity=units, now=at)


def sell(db, sku, units, *, at=NOW):
    db.execute("update balances set units = units - %s where sku = %s", [units, sku])
    db.execute(
        "insert into entries (sku, location, status, kind, units, stated_units, outcome, "
        "effective_at, recorded_at, source, reason) values (%s, 'DC', 'available', 'delta', %s, "
        "%s, 'applied', %s, %s, 'till', 'sale')",
        [sku, -units, -units, at, at],
    )


def policy(db, sku, *, rate, reorder_point, order_up_to):
    db.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
        "values (%s, 'DC', 0, %s, 1, %s, 5, 1, 0.95, 'r', %s)",
        [sku, reorder_point, order_up_to, NOW],
    )
    db.execute(
        "insert into demand_windows (sku, location, run_id, stated, planned_on, lead_time_days, "
        "lead_time_sd_days, review_period_days, lead_time_mean, review_mean, demand_rate, "
        "quantiles) values (%s, 'DC', 'r', '', %s, 5, 0, 1, 0, 0, %s, '{}')",
        [sku, NOW.date(), rate],
    )


def propose_transfer(db, sku, units):
    db.execute(
        "insert into transfers (transfer_id, origin, destination, state, planned, created_at, "
        "updated_at, expected_on) values ('TR-1', 'HUB', 'DC', 'proposed', true, %s, %s, %s)",
        [NOW, NOW, NOW.date()],
    )
    db.execute(
        "insert into transfer_lines (transfer_id, line_no, sku, quantity, keep_units, reason, "
        "saving, explanation) values ('TR-1', 1, %s, %s, 0, 'stock_out_risk', 1, '{}')",
        [sku, units],
    )


@pytest.fixture
def shop(db):
    db.execute("insert into locations (location, name, type) values ('DC', 'Centre', 'warehouse')")
    db.execute("insert into vendors (vendor, name) values ('ACME', 'Acme')")
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price) values ('TEA', 'Tea', 'ACME', 4, 9)"
    )
    policy(db, "TEA", rate=2.0, reorder_point=20, order_up_to=50)
    return db


def open_alerts(db):
    return {a["kind"]: a for a in list_alerts(db)["alerts"]}


def test_an_empty_shelf_counts_from_the_sale_that_emptied_it(shop):
    """Empty for 3 days at 2 a day and a price of 9; the next supply comes in 4."""
    deliver(shop, "a", "TEA", 5, at=NOW - 8 * DAY)
    sell(shop, "TEA", 5, at=NOW - 3 * DAY)
    inbound.put(shop, inbound_id="b", sku="TEA", location="DC", quantity=30, state="confirmed",
                expected_at=NOW + 4 * DAY, now=NOW)  # fmt: skip
    assert refresh_alerts(shop, now=NOW).raised == 1
    detail = open_alerts(shop)["out_of_stock"]["detail"]
    assert detail["missed_units"] == {"per_day": 2.0, "so_far": 6.0, "until_supply": 8.0}
    assert detail["missed_money"]["so_far"] == 54.0
    assert (detail["out_since"], detail["on_order"]) == ("2026-03-07", 30)


def test_a_second_look_changes_nothing(shop):
    deliver(shop, "a", "TEA", 5)
    refresh_alerts(shop, now=NOW)
    before = shop.execute("select * from alerts order by 1").fetchall()
    again = refresh_alerts(shop, now=NOW)
    assert (again.raised, again.resolved) == (0, 0)
    assert shop.execute("select * from alerts order by 1").fetchall() == before


def test_an_alert_ends_with_the_stock_and_not_with_the_day(shop):
    """The sync that fills the shelf is an event, and the server follows events."""
    low_marks.refresh(shop, now=NOW)
    row = {"id": "1", "sku": "TEA", "location": "DC", "effective_at": NOW - DAY}
    feeds_of(shop, row | {"quantity": 3})
    number(shop)
    assert follow(shop, now=NOW).raised == 1
    assert set(open_alerts(shop)) == {"low_stock"}
    assert follow(shop, now=NOW).raised == 0
    feeds_of(shop, row | {"id": "2", "quantity": 45, "effective_at": NOW})
    number(shop)
    assert follow(shop, now=NOW).resolved == 1
    assert open_alerts(shop) == {}


def feeds_of(db, row, *, now=NOW):
    told = row | {"effective_at": row["effective_at"].isoformat()}
    return feeds.sync(db, mode="snapshot", rows=[told], now=now, source="pos", feed="pos")


def test_a_persons_mark_is_the_threshold(shop):
    deliver(shop, "a", "TEA", 25)
    refresh_alerts(shop, now=NOW)
    assert open_alerts(shop) == {}
    low_marks.put(shop, sku="TEA", location=None, units=25, now=NOW)
    refresh_alerts(shop, now=NOW)
    assert "low from 25 on" in open_alerts(shop)["low_stock"]["message"]


def test_too_much_is_told_by_the_age_of_what_is_left(shop):
    """40 came 100 days ago and 120 lately; 20 were sold, so 20 of the old ones are left."""
    deliver(shop, "a", "TEA", 40, at=NOW - 100 * DAY)
    sell(shop, "TEA", 20, at=NOW - 50 * DAY)
    deliver(shop, "b", "TEA", 120, at=NOW - 10 * DAY)
    refresh_alerts(shop, now=NOW)
    detail = open_alerts(shop)["overstock"]["detail"]
    assert detail["units_by_age_days"] == {"0-29": 120, "30-59": 0, "60-89": 0, "90+": 20}
    assert (detail["oldest_days"], detail["excess_units"], detail["excess_value"]) == (100, 90, 360)
    alert_settings.put_thresholds(shop, "TEA", {"slow_cover_days": 60}, now=NOW, by="ann")
    refresh_alerts(shop, now=NOW)
    assert set(open_alerts(shop)) == {"slow_moving"}


def test_what_will_not_sell_in_time_is_told(shop):
    """30 that keep 10 days came 5 days ago: 5 days at 2 a day sell 10 of them."""
    shop.execute("update skus set shelf_life_days = 10")
    deliver(shop, "a", "TEA", 30, at=NOW - 5 * DAY)
    refresh_alerts(shop, now=NOW)
    detail = open_alerts(shop)["expiring"]["detail"]
    assert (detail["expiring_units"], detail["expires_on"]) == (20, "2026-03-15")


@pytest.mark.parametrize(
    ("age_days", "units", "severity"),
    [(95, 20, "critical"), (86, 18, "warning"), (82, None, None)],
    ids=["expired", "nearly", "not yet"],
)
def test_age_counts_and_not_only_what_stock_covers(shop, age_days, units, severity):
    """20 that keep 90 days and sell at 0.4 a day: in the last 4 days 1.6 of them go.

    What expires in 8 days is told the day after: 7 days ahead.
    """
    shop.execute("insert into skus (sku, name, shelf_life_days) values ('JAM', 'Jam', 90)")
    policy(shop, "JAM", rate=0.4, reorder_point=4, order_up_to=30)
    deliver(shop, "a", "JAM", 20, at=NOW - age_days * DAY)
    refresh_alerts(shop, now=NOW)
    found = open_alerts(shop).get("expiring")
    assert (found and found["severity"]) == severity
    assert (found and found["detail"]["expiring_units"]) == units


def test_what_expires_is_told_of_what_nobody_plans_too(shop):
    """Without a policy there is no reorder point and no demand: all 20 will be left."""
    shop.execute("insert into skus (sku, name, shelf_life_days) values ('JAM', 'Jam', 90)")
    deliver(shop, "a", "JAM", 20, at=NOW - 86 * DAY)
    refresh_alerts(shop, now=NOW)
    found = list_alerts(shop, sku="JAM")["alerts"]
    assert [a["kind"] for a in found] == ["expiring"]
    told = {"expiring_units": 20, "reorder_point": None, "recommended_quantity": 0}
    assert found[0]["detail"] | told == found[0]["detail"]


def test_an_order_that_nobody_proposed_is_recommended_in_whole_packs(shop):
    """Level 50, 3 there and 5 on order: 42 are needed, which are 5 packs of 10 and more than 24."""
    shop.execute("update policies set pack_units = 10, min_order_units = 24")
    deliver(shop, "a", "TEA", 3)
    inbound.put(shop, inbound_id="b", sku="TEA", location="DC", quantity=5, state="confirmed",
                expected_at=NOW + 4 * DAY, now=NOW)  # fmt: skip
    refresh_alerts(shop, now=NOW)
    detail = open_alerts(shop)["low_stock"]["detail"]
    assert detail["recommended_quantity"] == 50
    assert detail["action"] == {
        "label": "Plan it now, which proposes the order", "method": "POST",
        "path": "/api/v2/policies/compute", "body": {"skus": ["TEA"]},
    }  # fmt: skip
    shop.execute(
        "insert into planning_exceptions (kind, sku, location, message, remedy, blocks, "
        "first_seen_at, last_seen_at) values ('no_price', 'TEA', null, 'TEA has no price', 'x', "
        "true, %s, %s)",
        [NOW, NOW],
    )
    refresh_alerts(shop, now=NOW)
    label = open_alerts(shop)["low_stock"]["detail"]["action"]["label"]
    assert label == "Mend what keeps it from being ordered: TEA has no price"


def test_a_transfer_that_is_proposed_is_what_is_recommended(shop):
    shop.execute("insert into locations (location, name, type) values ('HUB', 'Hub', 'warehouse')")
    propose_transfer(shop, "TEA", 12)
    deliver(shop, "a", "TEA", 3)
    refresh_alerts(shop, now=NOW)
    detail = open_alerts(shop)["low_stock"]["detail"]
    assert detail["recommended_quantity"] == 12
    assert detail["action"]["path"] == "/api/v2/transfers/TR-1/accept"


def test_rows_that_cannot_go_in_are_told_until_they_are_mended(shop):
    row = {"id": "1", "sku": "NUT", "location": "DC", "quantity": 3, "effective_at": NOW}
    feeds_of(shop, row)
    refresh_alerts(shop, now=NOW)
    found = open_alerts(shop)["sync_failure"]
    assert found["detail"]["quarantined_rows"] == 1
    assert found["detail"]["action"]["path"] == "/api/v2/quarantine?feed=pos"
    shop.execute("update quarantine set resolved_at = %s", [NOW])
    refresh_alerts(shop, now=NOW)
    assert "sync_failure" not in open_alerts(shop)


@pytest.fixture
def silent(shop):
    """A shop whose till came on 8 days, the last 3 days ago."""
    deliver(shop, "a", "TEA", 40, at=NOW - 12 * DAY)
    for n in range(10, 2, -1):
        came(shop, n)
    return shop


def came(db, days_ago):
    at = NOW - days_ago * DAY
    row = {"id": f"{days_ago}", "sku": "TEA", "location": "DC", "quantity": 18, "effective_at": at}
    feeds_of(db, row, now=at)


def test_a_feed_that_falls_silent_is_told(silent):
    """18 TEA are known of, below 20, and last 9 days at 2 a day; the level is 50."""
    refresh_alerts(silent, now=NOW - 2 * DAY)
    assert "sync_failure" not in open_alerts(silent)
    refresh_alerts(silent, now=NOW)
    found = open_alerts(silent)["sync_failure"]
    assert "nothing came since 2026-03-07" in found["message"]
    assert "1 of 1 position may run out unseen" in found["message"]
    line = {"current_stock": 18, "reorder_point": 20.0, "recommended_quantity": 32,
            "expected_stock_out_on": "2026-03-19"}  # fmt: skip
    assert found["detail"] | line == found["detail"]
    assert found["detail"]["lines"] == [{"sku": "TEA", "location": "DC"} | line]
    assert found["detail"]["locations"] == ["DC"]


@pytest.mark.parametrize("days", [6, 12, 30, 200])
def test_a_feed_that_stays_silent_stays_told(silent, days):
    refresh_alerts(silent, now=NOW)
    (first,) = (open_alerts(silent)["sync_failure"]["id"],)
    refresh_alerts(silent, now=NOW + days * DAY)
    assert open_alerts(silent)["sync_failure"]["id"] == first


def test_it_was_regular_before_it_fell_silent(silent):
    """Looked at first when the fortnight up to now is empty but for silence."""
    refresh_alerts(silent, now=NOW + 20 * DAY)
    assert "sync_failure" in open_alerts(silent)


def test_a_silent_feed_is_told_until_it_is_heard(silent):
    refresh_alerts(silent, now=NOW + 30 * DAY)
    came(silent, -31)
    refresh_alerts(silent, now=NOW + 31 * DAY)
    assert "sync_failure" not in open_alerts(silent)


def test_a_feed_that_is_gone_for_good_is_closed_by_a_person(silent):
    refresh_alerts(silent, now=NOW)
    resolve_alert(silent, open_alerts(silent)["sync_failure"]["id"], now=NOW, by="ann")
    refresh_alerts(silent, now=NOW + DAY)
    assert "sync_failure" not in open_alerts(silent)
    for n in range(-2, -10, -1):
        came(silent, n)
    refresh_alerts(silent, now=NOW + 12 * DAY)
    assert "nothing came since 2026-03-19" in open_alerts(silent)["sync_failure"]["message"]


def test_a_late_order_tells_what_runs_out_for_want_of_it(shop):
    deliver(shop, "a", "TEA", 45)
    shop.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
        "updated_at, expected_on) values ('PO-1', 'ACME', 'DC', 'sent', %s, %s, '2026-03-08')",
        [NOW, NOW],
    )
    shop.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, unit_cost, "
        "explanation, run_id) values ('PO-1', 1, 'TEA', 12, 4, '{}', 'r')"
    )
    refresh_alerts(shop, now=NOW)
    found = open_alerts(shop)["late_purchase_order"]
    assert found["detail"]["lines"] == [{
        "sku": "TEA", "open_units": 12, "current_stock": 45, "reorder_point": 20.0,
        "recommended_quantity": 12, "expected_stock_out_on": "2026-04-01",
    }]  # fmt: skip
    together = {"current_stock": 45, "reorder_point": 20.0, "recommended_quantity": 12,
                "expected_stock_out_on": "2026-04-01", "lines_open": 1}  # fmt: skip
    assert found["detail"] | together == found["detail"]
    act(shop, "PO-1", "cancel", actor="ann", role="admin", now=NOW)
    refresh_alerts(shop, now=NOW)
    assert "late_purchase_order" not in open_alerts(shop)
