"""Sold before it is there: caps, what ordinary promises see of it, and the goods when they come."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Channel, Group, Location, PreSale, Sku, SupplyLink
from inventory.errors import InputRejected, InsufficientStock
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, events, inbound, ledger, orders, reservations
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
numbers = itertools.count()


def day(t):
    return TODAY + timedelta(days=t)


@pytest.fixture
def shop(shop):
    catalog.put_many(shop, [Location("DC", "x", "warehouse"), Location("D2", "x", "warehouse")])
    catalog.put_many(shop, [Channel("web"), Channel("app")])
    catalog.put_many(shop, [Sku("A", "x"), Sku("B", "x")])
    return shop


def stock(db, units, sku="A"):
    fact = Fact(sku, "DC", "available", "receipt", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def pre_sale(db, name="launch", *, on=10, cap=50, **more):
    catalog.put(db, PreSale(name, "A", "DC", day(on), cap, **more))


def take(db, units, *, kind="preorder", channel="web", on=None, now=NOW, **more):
    basket = Basket(
        kind, channel, "ship", (AskedLine("A", units),), location="DC",
        on=None if on is None else day(on), **more,
    )  # fmt: skip
    return reservations.place(db, basket, reservation_id=f"r{next(numbers)}", now=now)


def refused(db, units, **more):
    with pytest.raises(InsufficientStock) as error:
        take(db, units, **more)
    return error.value.shortages[0].available_units


def answer(db, *, channel="web", now=NOW, on=None):
    found = availability(db, sku="A", location="DC", channel=channel, method="ship", now=now,
                         explain=True, on=None if on is None else day(on))  # fmt: skip
    assert sum(term.quantity for term in found.terms) == found.raw
    return found


def left(db, **more):
    return [sale.units for sale in answer(db, **more).pre_sales]


def by_day(db, *days):
    atp = answer(db).atp_by_day
    return [atp[t] for t in days]


def announce(db, units, on, name="po"):
    inbound.put(db, inbound_id=name, sku="A", location="DC", quantity=units,
                expected_at=NOW + timedelta(days=on), state="confirmed", now=NOW)  # fmt: skip


def test_pre_orders_are_taken_up_to_both_caps_and_wait_for_the_day(shop):
    pre_sale(shop, cap=10, channel_caps={"web": 6})
    assert (left(shop, channel="web"), left(shop, channel="app")) == ([6], [10])
    placed = take(shop, 4)
    assert [(line.promised_date, line.pre_sale) for line in placed.lines] == [(day(10), "launch")]
    assert take(shop, 1, on=12).lines[0].promised_date == day(12)
    assert refused(shop, 2) == 1
    take(shop, 5, channel="app")
    assert refused(shop, 1) == 0
    assert refused(shop, 1, channel="app", on=10) == 0
    assert (left(shop, channel="web"), left(shop, channel="app")) == ([0], [0])
    reservations.release(shop, placed.id, now=NOW)
    assert (left(shop, channel="web"), left(shop, channel="app")) == ([4], [4])


def test_the_caps_hold_over_the_lines_of_a_basket(shop):
    pre_sale(shop, cap=5)
    lines = (AskedLine("A", 3), AskedLine("A", 3))
    basket = Basket("preorder", "web", "ship", lines, location="DC")
    with pytest.raises(InsufficientStock) as error:
        reservations.place(shop, basket, reservation_id="x", now=NOW)
    assert error.value.shortages[0].asked_units == 6
    part = Basket("preorder", "web", "ship", lines, location="DC", allow_partial=True)
    placed = reservations.place(shop, part, reservation_id="y", now=NOW)
    assert [line.quantity for line in placed.lines] == [3, 2]
    assert {line.pre_sale for line in placed.lines} == {"launch"}


def test_only_pre_orders_may_take_it(shop):
    stock(shop, 10)
    pre_sale(shop)
    for kind in ("soft", "hard"):
        assert refused(shop, 11, kind=kind, on=10) == 10
    take(shop, 50)
    assert by_day(shop, 0, 9, 10, 20) == [10, 10, 10, 10]
    take(shop, 10, kind="hard")
    assert by_day(shop, 0, 20) == [0, 0]


def test_a_pre_order_for_an_earlier_day_is_an_ordinary_one(shop):
    stock(shop, 3)
    pre_sale(shop)
    early = take(shop, 3, on=9)
    assert early.lines[0].pre_sale is None
    assert left(shop) == [50]
    assert refused(shop, 1, on=9) == 0


def test_announced_supply_takes_the_place_of_the_pre_sale(shop):
    """10 on hand and 50 sold ahead: the first 50 announced are theirs, from the day they come."""
    stock(shop, 10)
    pre_sale(shop)
    take(shop, 30)
    announce(shop, 50, 10)
    assert by_day(shop, 0, 10, 20) == [10, 10, 10], "20 more are kept for pre-orders"
    announce(shop, 80, 10)
    assert by_day(shop, 0, 9, 10) == [10, 10, 40]
    pre_sale(shop, ends_at=NOW)
    assert left(shop) == []
    assert by_day(shop, 0, 9, 10) == [10, 10, 60], "10 + 80 - 30: what is unsold is free"
    announce(shop, 80, 14)
    assert by_day(shop, 0, 10, 13, 14) == [10, 10, 10, 60]


def test_what_is_sold_ahead_breaks_no_ordinary_promise(shop):
    announce(shop, 20, 3)
    take(shop, 15, kind="hard", on=3)
    pre_sale(shop)
    assert refused(shop, 1, kind="hard", on=3) == 0, "what is announced goes to pre-orders first"
    take(shop, 50)
    found = answer(shop)
    assert (found.atp, found.raw) == (0, 0)
    events = shop.execute("select count(*) from outbox where kind = 'shortage'").fetchone()
    assert events == (0,)


def test_a_day_that_passed_without_goods_counts_like_overdue_supply(shop):
    stock(shop, 10)
    pre_sale(shop)
    confirmed = take(shop, 4, order_id="o1")
    assert confirmed.state == "confirmed"
    assert answer(shop, now=NOW + timedelta(days=10)).atp == 10
    late = NOW + timedelta(days=11)
    assert (answer(shop, now=late).atp, left(shop, now=late)) == (6, [])
    pre_sale(shop, on=20)
    assert (answer(shop, now=late).atp, left(shop, now=late)) == (10, [46])


def test_goods_that_come_are_dealt_out_to_who_waited(shop):
    pre_sale(shop)
    take(shop, 30, order_id="o1")
    announce(shop, 50, 5)
    received_at = NOW + timedelta(days=5)
    inbound.receive(shop, "po", message_id="m1", quantity=50, now=received_at)
    (line,) = reservations.get(shop, _only(shop), now=received_at).lines
    assert line.filled_at == received_at
    found = answer(shop, now=received_at)
    assert (found.atp, [sale.units for sale in found.pre_sales]) == (20, [20])
    orders.perform(shop, "o1", "allocate", OrderMessage("m2"), now=received_at)
    orders.perform(shop, "o1", "ship", OrderMessage("m3"), now=received_at)
    assert left(shop, now=received_at) == [20], "what shipped stays sold"


def test_no_more_is_dealt_out_than_came(shop):
    pre_sale(shop)
    take(shop, 30, order_id="o1")
    announce(shop, 20, 5)
    received_at = NOW + timedelta(days=5)
    inbound.receive(shop, "po", message_id="m1", quantity=20, now=received_at)
    lines = reservations.get(shop, _only(shop), now=received_at).lines
    assert sorted((line.open_units, line.filled_at is not None) for line in lines) == [
        (10, False), (20, True),
    ]  # fmt: skip
    assert {line.pre_sale for line in lines} == {"launch"}
    found = answer(shop, now=received_at)
    assert (found.atp, [sale.units for sale in found.pre_sales]) == (0, [20])


def _only(db):
    return db.execute("select reservation_id from reservations").fetchone()[0]


def states(db):
    found = db.execute("select kind from outbox where sku = 'A' order by event_id").fetchall()
    return [kind for (kind,) in found if kind != "peg_filled"]


def test_what_is_sold_ahead_does_not_make_a_place_run_out(shop):
    stock(shop, 10)
    pre_sale(shop)
    take(shop, 50)
    assert states(shop) == []
    with shop.transaction():
        events.announce(shop, [("A", "DC")], now=NOW)
    assert states(shop) == []
    take(shop, 10, kind="hard")
    with shop.transaction():
        events.announce(shop, [("A", "DC")], now=NOW)
    assert states(shop) == ["out_of_stock"]


def test_it_starts_and_ends_at_its_instants(shop):
    starts, ends = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    pre_sale(shop, starts_at=starts, ends_at=ends)
    microsecond = timedelta(microseconds=1)
    moments = (starts - microsecond, starts, ends - microsecond, ends)
    assert [left(shop, now=now) for now in moments] == [[], [50], [50], []]
    assert refused(shop, 1, now=ends) == 0
    take(shop, 1, now=ends - microsecond)


def test_two_waves_each_with_a_cap(shop):
    pre_sale(shop, "first", on=5, cap=3)
    pre_sale(shop, "second", on=10, cap=4)
    placed = take(shop, 3)
    assert (placed.lines[0].pre_sale, placed.lines[0].promised_date) == ("first", day(5))
    later = take(shop, 2)
    assert (later.lines[0].pre_sale, later.lines[0].promised_date) == ("second", day(10))
    assert refused(shop, 1, on=7) == 0
    assert refused(shop, 3, on=30) == 2


def test_a_pre_order_on_a_group_waits_where_most_is_left(shop):
    catalog.put(shop, Group("both", ("DC", "D2")))
    pre_sale(shop, "here", on=10, cap=5)
    catalog.put(shop, PreSale("there", "A", "D2", day(12), 8))

    def order(units, **more):
        basket = Basket("preorder", "web", "ship", (AskedLine("A", units),), group="both", **more)
        return reservations.place(shop, basket, reservation_id=f"g{next(numbers)}", now=NOW)

    first = order(4).lines[0]
    assert (first.location, first.group, first.pre_sale) == ("DC", "both", "here")
    later = order(2).lines[0]
    assert (later.location, later.pre_sale, later.promised_date) == ("D2", "there", day(12))
    with pytest.raises(InsufficientStock) as error:
        order(7)
    assert error.value.shortages[0].available_units == 6
    found = availability(shop, sku="A", group="both", channel="web", method="ship", now=NOW)
    assert [(sale.location, sale.units) for sale in found.pre_sales] == [("D2", 6), ("DC", 1)]


def test_a_launch_may_be_far_away(shop):
    pre_sale(shop, on=200)
    assert take(shop, 50).lines[0].promised_date == day(200)
    assert refused(shop, 1) == 0


def test_a_linked_channel_sells_ahead_only_where_it_is_linked(shop):
    pre_sale(shop)
    catalog.put(shop, SupplyLink("k", "web", "D2"))
    assert left(shop) == []
    assert refused(shop, 1) == 0
    assert left(shop, channel="app") == [50]


def test_what_is_sold_ahead_stays_where_and_what_it_is(shop):
    pre_sale(shop)
    take(shop, 1)
    with pytest.raises(InputRejected, match="sold already"):
        catalog.put(shop, PreSale("launch", "B", "DC", day(10), 50))
    catalog.put(shop, PreSale("launch", "A", "DC", day(12), 0))
    assert left(shop) == [0]


def test_the_answer_says_what_can_still_be_sold_ahead(shop):
    pre_sale(shop, cap=5)
    take(shop, 2)
    assert answer(shop).as_dict()["pre_sales"] == [
        {"pre_sale": "launch", "location": "DC", "available_on": day(10).isoformat(), "units": 3}
    ]
