"""Goods that come before a launch: kept for who bought ahead, and not sent before the day."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Channel, Group, Location, PreSale, Sku
from inventory.errors import InputRejected
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    catalog,
    inbound,
    ledger,
    orders,
    reservations,
    supply_shocks,
    verify,
)
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
LAUNCH = 10
numbers = itertools.count()


def day(t):
    return TODAY + timedelta(days=t)


def sale(cap, *, on=LAUNCH):
    return PreSale("launch", "A", "DC", day(on), cap)


@pytest.fixture
def shop(shop):
    catalog.put_many(shop, [Location("DC", "x", "warehouse"), Location("D2", "x", "warehouse")])
    for item in (Channel("web"), Sku("A", "x"), Group("both", ("DC", "D2")),
                 sale(50)):  # fmt: skip
        catalog.put(shop, item)
    yield shop
    assert verify.verify(shop).drifts == []


def came(db, units, *, on=0, location="DC"):
    now = NOW + timedelta(days=on)
    with db.transaction():
        ledger.record(db, [Fact("A", location, "available", "delta", units, now, "test")], now=now)
        supply_shocks.settle(db, risen=[("A", location)], now=now, cause="test")


def announced(db, units, on, name="po"):
    inbound.put(db, inbound_id=name, sku="A", location="DC", quantity=units,
                expected_at=NOW + timedelta(days=on), state="confirmed", now=NOW)  # fmt: skip


def take(db, units, *, kind="preorder", on=None, place="DC", order=True):
    name = f"r{next(numbers)}"
    at = {"group": place} if place == "both" else {"location": place}
    basket = Basket(
        kind, "web", "ship", (AskedLine("A", units),), on=None if on is None else day(on),
        order_id=f"o-{name}" if order else None, **at,
    )  # fmt: skip
    return reservations.place(db, basket, reservation_id=name, now=NOW).id


def lines(db, name):
    """(open units, days until it leaves, kept?) of each line."""
    found = reservations.get(db, name, now=NOW).lines
    return [(li.open_units, (li.promised_date - TODAY).days, li.filled_at is not None)
            for li in found]  # fmt: skip


def atp(db, *, now=0, location="DC", days=16):
    """What anybody may still have, on each day from then on."""
    found = availability(db, sku="A", location=location, channel="web", method="ship",
                         now=NOW + timedelta(days=now))  # fmt: skip
    return list(found.atp_by_day[: days - now])


def test_goods_that_come_early_are_kept_for_the_launch(shop):
    """10 stand on the shelf for sale, 30 are sold ahead, 20 come five days before the launch."""
    came(shop, 10)
    waiting = take(shop, 30)
    assert atp(shop) == [10] * 16
    came(shop, 20, on=5)
    assert lines(shop, waiting) == [(20, LAUNCH, True), (10, LAUNCH, False)]
    assert atp(shop, now=5) == [10] * 11, "what was for sale is for sale on every day"
    came(shop, 25, on=6)
    assert lines(shop, waiting) == [(20, LAUNCH, True), (10, LAUNCH, True)]
    assert atp(shop, now=6) == [25] * 10


def test_ordinary_promises_of_any_day_are_not_served_short(shop):
    """12 for the day after the launch rely on the shelf, which is 4 short of it."""
    catalog.put(shop, sale(0))
    came(shop, 8)
    announced(shop, 4, 3)
    late = take(shop, 12, kind="hard", on=LAUNCH + 1)
    catalog.put(shop, sale(50))
    waiting = take(shop, 30)
    came(shop, 6, on=1)
    assert lines(shop, waiting) == [(6, LAUNCH, True), (24, LAUNCH, False)]
    inbound.put(shop, inbound_id="po", sku="A", location="DC", quantity=0,
                expected_at=NOW + timedelta(days=3), state="cancelled", now=NOW)  # fmt: skip
    came(shop, 7, on=2)
    kept = sum(units for units, _, filled in lines(shop, waiting) if filled)
    assert kept == 9, "21 came, 12 of them are promised"
    assert lines(shop, late) == [(12, LAUNCH + 1, False)]
    assert atp(shop, now=2) == [0] * 14


def test_a_backorder_is_served_first_and_from_what_came(shop):
    catalog.put(shop, sale(0))
    came(shop, 5)
    announced(shop, 10, 4)
    back = take(shop, 15, on=4)
    catalog.put(shop, sale(50))
    waiting = take(shop, 30)
    came(shop, 4, on=1)
    assert [filled for _, _, filled in lines(shop, back)] == [True, False]
    assert lines(shop, waiting) == [(30, LAUNCH, False)]
    inbound.receive(shop, "po", message_id="m", quantity=10, now=NOW + timedelta(days=2))
    assert all(filled for _, _, filled in lines(shop, back))
    kept = sum(units for units, _, filled in lines(shop, waiting) if filled)
    assert kept == 4, "19 are there, 15 of them are promised"
    assert atp(shop, now=2) == [0] * 14


def test_what_came_before_anybody_waited_is_for_sale(shop):
    came(shop, 5)
    waiting = take(shop, 3)
    came(shop, 1)
    assert lines(shop, waiting) == [(1, LAUNCH, True), (2, LAUNCH, False)]
    reservations.release(shop, take(shop, 2, order=False), now=NOW)
    came(shop, 2)
    assert {filled for _, _, filled in lines(shop, waiting)} == {True}
    came(shop, 7)
    other = take(shop, 4)
    came(shop, 1)
    assert lines(shop, other) == [(1, LAUNCH, True), (3, LAUNCH, False)]
    assert atp(shop) == [12] * 16


def test_a_cart_gets_nothing_and_keeps_nobody_from_it(shop):
    take(shop, 5, order=False)
    waiting = take(shop, 5)
    came(shop, 5)
    assert lines(shop, waiting) == [(5, LAUNCH, True)]


def test_a_later_wish_and_a_launch_put_off_move_to_the_launch(shop):
    late = take(shop, 2, on=LAUNCH + 4)
    waiting = take(shop, 2)
    catalog.put(shop, sale(50, on=12))
    came(shop, 4)
    assert lines(shop, late) == [(2, 12, True)]
    assert lines(shop, waiting) == [(2, 12, True)], "its day was put off with the launch"
    (line,) = reservations.get(shop, waiting, now=NOW).lines
    assert line.first_promised_date == day(LAUNCH)


def test_after_the_launch_it_waits_like_any_backorder(shop):
    came(shop, 4)
    waiting = take(shop, 10)
    came(shop, 2, on=LAUNCH + 1)
    assert lines(shop, waiting) == [(6, LAUNCH, True), (4, LAUNCH, False)]


def test_promises_on_groups_keep_what_they_rely_on(shop):
    """8 on a group: 3 of them only the DC can give, whatever comes there."""
    came(shop, 5, location="D2")
    came(shop, 5)
    take(shop, 8, kind="hard", place="both")
    waiting = take(shop, 30)
    came(shop, 6)
    announcements.settle_noted(shop, now=NOW)
    assert lines(shop, waiting) == [(6, LAUNCH, True), (24, LAUNCH, False)]
    assert atp(shop) == [2] * 16
    assert atp(shop, location="D2") == [2] * 16


def test_what_is_kept_can_be_given_back_and_sold(shop):
    waiting = take(shop, 5)
    came(shop, 5)
    assert atp(shop) == [0] * 16
    orders.perform(shop, f"o-{waiting}", "cancel", OrderMessage("c"), now=NOW)
    assert atp(shop) == [5] * 16


def test_no_new_date_is_before_the_launch(shop):
    waiting = take(shop, 5)
    came(shop, 5)

    def redate(**more):
        orders.perform(shop, f"o-{waiting}", "redate", OrderMessage(f"m{more}", **more), now=NOW)
        return lines(shop, waiting)

    with pytest.raises(InputRejected, match="does not leave before 2026-06-11"):
        redate(on=day(LAUNCH - 1))
    assert redate() == [(5, LAUNCH, True)]
    assert redate(on=day(LAUNCH + 2)) == [(5, LAUNCH + 2, False)]
