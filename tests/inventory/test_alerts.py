"""What each alert says, worked by hand, and which act it points to."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.alerts import Situation, Thresholds, position_alerts
from inventory.feed_alerts import Unseen, UnseenLine, sync_alert
from inventory.late_alerts import late_order_alert
from inventory.shelf import Lot, Supply, expiring_lots, stock_out_day, units_by_age

TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 8, 6, 0, tzinfo=UTC)


def alerts_for(health, **more):
    told = {
        "sku": "TEA", "location": "S1", "health": health, "today": TODAY, "sellable_units": 5.0,
        "on_order_units": 0.0, "reorder_point_units": 20.0, "order_up_to_units": 50.0,
        "cover_days": 2.5, "demand_per_day_units": 2.0, "proposed_units": 45.0, "price": 9.0,
        "unit_cost": 4.0,
    }  # fmt: skip
    return position_alerts([Situation(**(told | more))])


def alert_for(health, **more):
    (found,) = alerts_for(health, **more)
    return found


def test_each_kind_of_trouble_has_its_alert():
    assert alert_for("out", sellable_units=0.0).severity == "critical"
    assert alert_for("low").kind == "low_stock"
    assert (alert_for("over").kind, alert_for("over").severity) == ("overstock", "info")
    assert alert_for("over", cover_days=200.0).kind == "slow_moving"
    assert alerts_for("healthy") == []


def test_low_stock_with_enough_on_order_is_no_alarm_until_it_is_urgent():
    assert alerts_for("low", on_order_units=40.0, cover_days=6.0) == []
    assert alert_for("low", on_order_units=40.0, cover_days=2.9).kind == "low_stock"
    patient = Thresholds(low_cover_days=1.0)
    assert alerts_for("low", on_order_units=40.0, cover_days=2.9, thresholds=patient) == []


def test_a_persons_mark_decides_alone():
    assert alerts_for("low", low_mark_units=4.0) == []
    assert "low from 9 on" in alert_for("healthy", low_mark_units=9.0).message


def test_every_alert_tells_what_is_there_and_when_it_runs_out():
    """5 units at 2 a day last two days and a half: the third day finds the shelf empty."""
    detail = alert_for("low", purchase_order="PO-1").detail
    assert detail == {
        "current_stock": 5, "on_order": 0, "reorder_point": 20.0, "recommended_quantity": 45,
        "days_of_cover": 2.5, "expected_stock_out_on": "2026-03-12",
        "action": {"label": "Accept the order", "method": "POST",
                   "path": "/api/v2/purchase-orders/PO-1/accept"},
    }  # fmt: skip


def test_out_of_stock_says_what_is_missed_in_units_and_money():
    """Out for 3 days at 2 a day and a price of 9; supply comes in 4 days."""
    found = alert_for(
        "out", sellable_units=0.0, out_since=TODAY - timedelta(days=3),
        supply=[Supply(TODAY + timedelta(days=4), 10)],
    )  # fmt: skip
    assert found.detail["missed_units"] == {"per_day": 2.0, "so_far": 6.0, "until_supply": 8.0}
    assert found.detail["missed_money"] == {"per_day": 18.0, "so_far": 54.0, "until_supply": 72.0}
    assert found.detail["expected_stock_out_on"] == "2026-03-10"
    unpriced = alert_for("out", sellable_units=0.0, price=0.0).detail
    assert unpriced["missed_money"] == {"per_day": None, "so_far": None, "until_supply": None}
    assert unpriced["missed_units"]["until_supply"] is None


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"transfer_in": "TR-1", "purchase_order": "PO-1"}, "/api/v2/transfers/TR-1/accept"),
        ({"on_order_units": 16.0}, "/api/v2/inventory/TEA"),
        ({"on_order_units": 15.0}, "/api/v2/policies/compute"),
        ({}, "/api/v2/policies/compute"),
        ({"low_mark_units": 25.0, "sellable_units": 21.0}, "/api/v2/policies/TEA/S1"),
        ({"obstacle": "no vendor"}, "/api/v2/replenishment/exceptions?sku=TEA"),
    ],
    ids=["transfer", "enough on order", "too little on order", "nothing", "marked", "obstacle"],
)
def test_the_act_is_the_one_that_helps_soonest(more, path):
    """The reorder point is 20: with 5 there, 15 on order are not enough, and 16 are."""
    assert alert_for("low", **more).detail["action"]["path"] == path


@pytest.mark.parametrize(
    ("more", "units"),
    [
        ({"proposed_units": 30.0, "needed_units": 48.0}, 30),
        ({"needed_units": 48.0}, 48),
        ({"needed_units": 32.0, "on_order_units": 15.0}, 32),
        ({"needed_units": 32.0, "on_order_units": 16.0, "cover_days": 1.0}, 0),
        ({"needed_units": 32.0, "sellable_units": 21.0, "low_mark_units": 25.0}, 32),
    ],
    ids=["proposed", "nothing proposed", "too little on order", "enough on order", "marked"],
)
def test_an_order_is_recommended_also_where_none_is_proposed(more, units):
    found = alert_for("low", **({"proposed_units": 0.0} | more))
    assert found.detail["recommended_quantity"] == units


def test_what_is_missed_is_not_known_where_all_units_are_committed():
    found = alert_for("out", sellable_units=0.0, out_since=None)
    assert found.detail["missed_units"] == {"per_day": 2.0, "so_far": None, "until_supply": None}
    assert found.detail["missed_money"]["so_far"] is None


@pytest.mark.parametrize(
    ("health", "more", "said"),
    [
        ("low", {"sellable_units": 1.0, "cover_days": 1.0}, "has 1 unit, enough for 1.0 day;"),
        ("low", {"sellable_units": 5.0}, "has 5 units, enough for 2.5 days;"),
        ("out", {"sellable_units": 0.0, "price": 5965.5, "currency": "EUR"}, "EUR 11,931.00"),
        ("over", {"sellable_units": 1200.0, "cover_days": 600.0},
         "has 1,200 units, enough for 600 days"),
        ("over", {"sellable_units": 60.0, "lots": [Lot(TODAY - timedelta(days=1), 60)]},
         "the oldest came 1 day ago"),
        ("healthy", {"shelf_life_days": 3.0, "lots": [Lot(TODAY - timedelta(days=4), 1)]},
         "1 unit of TEA at S1 expired on 2026-03-09"),
    ],
    ids=["one", "some", "money", "many", "aged", "expired"],
)  # fmt: skip
def test_sentences_count_as_people_do(health, more, said):
    assert said in alert_for(health, **more).message


def test_too_much_is_told_by_age():
    """90 there and 50 wanted: 40 too much at 4 each; 30 of them are 100 days old."""
    lots = [Lot(TODAY - timedelta(days=100), 30), Lot(TODAY - timedelta(days=40), 60)]
    found = alert_for("over", sellable_units=90.0, lots=lots, transfer_out="TR-2")
    assert found.severity == "warning"
    assert (found.detail["excess_units"], found.detail["excess_value"]) == (40, 160.0)
    assert found.detail["units_by_age_days"] == {"0-29": 0, "30-59": 60, "60-89": 0, "90+": 30}
    assert found.detail["oldest_days"] == 100
    assert found.detail["action"]["path"] == "/api/v2/transfers/TR-2/accept"
    assert "recommendations/prices" in alert_for("over").detail["action"]["path"]
    soon = [Lot(TODAY - timedelta(days=5), 10)]
    lost = alert_for("healthy", shelf_life_days=6.0, lots=soon, planned=False)
    assert lost.detail["action"]["path"] == "/api/v2/inventory/TEA"


def test_what_will_not_sell_in_time_is_told_before():
    """10 units that keep 8 days came 5 days ago: 3 days at 2 a day sell 6 of them."""
    lots = [Lot(TODAY - timedelta(days=5), 10)]
    found = alert_for("healthy", shelf_life_days=8.0, lots=lots)
    assert (found.kind, found.severity) == ("expiring", "warning")
    assert (found.detail["expiring_units"], found.detail["expires_on"]) == (4, "2026-03-13")
    assert found.detail["expiring_value"] == 16.0
    late = Thresholds(expiring_days=2.0)
    assert alerts_for("healthy", shelf_life_days=8.0, lots=lots, thresholds=late) == []
    over = alert_for("healthy", shelf_life_days=4.0, lots=lots)
    assert (over.severity, over.detail["expiring_units"]) == ("critical", 10)
    assert over.detail["action"]["path"] == "/api/v2/inventory/move"
    assert over.detail["action"]["body"]["quantity"] == over.detail["expired_units"] == 10


def test_what_came_first_is_sold_first():
    """Two lots of 8 that keep 5 and 7 more days, 1 a day: 5 of the first go, 2 of the second."""
    lots = [Lot(TODAY - timedelta(days=3), 8), Lot(TODAY - timedelta(days=5), 8)]
    left = expiring_lots(lots, shelf_life_days=10, per_day_units=1.0, today=TODAY)
    assert [(lot.arrived_on, lot.units) for lot in left] == [
        (TODAY + timedelta(days=5), 3), (TODAY + timedelta(days=7), 6),
    ]  # fmt: skip


def test_the_day_of_the_stock_out_counts_supply_that_comes_in_time():
    def day(units, *supply):
        told = [Supply(TODAY + timedelta(days=n), u) for n, u in supply]
        found = stock_out_day(units, 2.0, told, today=TODAY)
        return None if found is None else (found - TODAY).days

    assert day(0) == 0
    assert day(-3) == 0
    assert day(10) == 5
    assert day(10, (5, 4)) == 7
    assert day(10, (6, 4)) == 5
    assert day(10, (6, 4), (3, 2)) == 8
    assert stock_out_day(5, 0.0, [], today=TODAY) is None


def test_ages_are_counted_from_arrival():
    lots = [Lot(TODAY - timedelta(days=n), 1) for n in (0, 29, 30, 59, 60, 89, 90, 400)]
    assert list(units_by_age(lots, today=TODAY).values()) == [2, 2, 2, 2]


def test_a_late_order_says_how_late_and_what_runs_out():
    line = {"sku": "TEA", "open_units": 12, "current_stock": 1, "expected_stock_out_on": None}
    alert = late_order_alert(
        order_id="PO-1", vendor="ACME", location="S1", expected_on=date(2026, 3, 1),
        today=date(2026, 3, 4), open_units=12, lines=[line],
    )  # fmt: skip
    assert "3 days late" in alert.message
    assert alert.detail["purchase_order"] == "PO-1"
    assert alert.detail["lines"] == [line]
    one = late_order_alert(
        order_id="PO-1", vendor="ACME", location="S1", expected_on=date(2026, 3, 3),
        today=date(2026, 3, 4), open_units=1,
    )  # fmt: skip
    assert one.message == "PO-1 from ACME is 1 day late: 1 unit is open"


def test_a_feed_has_one_alert():
    told = {"feed": "pos", "problem": "no such SKU", "last_entry_at": NOW}
    alert = sync_alert(
        **told, quarantined_rows=1, silent_since=None, unseen=Unseen(1, locations=["S1"])
    )
    assert (alert.kind, alert.sku, alert.location) == ("sync_failure:pos", None, None)
    assert alert.message == "feed 'pos': 1 row waits in quarantine, the last since no such SKU"
    assert alert.detail["action"]["path"] == "/api/v2/quarantine?feed=pos"
    line = UnseenLine("TEA", "S1", 3.0, 20.0, 45.0, date(2026, 3, 11))
    silent = sync_alert(
        **told, quarantined_rows=0, silent_since=NOW,
        unseen=Unseen(4, 1, ["S1"], 90.0, 80.0, 45.0, [line]),
    )  # fmt: skip
    assert silent.message == (
        "feed 'pos': nothing came since 2026-03-08 06:00 UTC; 1 of 4 positions may run out unseen"
    )
    named = ("current_stock", "reorder_point", "recommended_quantity", "expected_stock_out_on")
    assert [silent.detail[name] for name in named] == [90, 80.0, 45, "2026-03-11"]
    assert [silent.detail["lines"][0][name] for name in named] == [3, 20.0, 45, "2026-03-11"]
    assert silent.detail["action"]["path"] == "/api/v2/inventory/sync"
