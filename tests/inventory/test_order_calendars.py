"""Order days: which calendar a line has, when it is ordered, and how orders are split by it."""

from datetime import date, timedelta

import pytest

from inventory.errors import InputRejected, NotFound, UnknownLocation
from inventory.order_calendar import WEEKDAYS, OrderCalendar
from inventory.store import order_calendars
from inventory.store.order_proposals import propose
from inventory.store.purchase_orders import list_orders
from tests.inventory.ordering import DUE, NOW, do, open_centre, plan_of

MONDAY = date(2026, 3, 2)


@pytest.fixture
def centre(db):
    db = open_centre(db)
    db.execute("update skus set category = 'fresh' where sku = 'TEA'")
    return db


def calendar(db, name="c", vendor="ACME", days=("thursday",), **more):
    return order_calendars.put(db, OrderCalendar(name, vendor, days, **more))


@pytest.mark.parametrize(
    ("weekdays", "closed", "days"),
    [
        (("monday",), (), 0),
        (("sunday",), (), 6),
        (("tuesday", "friday"), (), 1),
        (("monday",), (MONDAY,), 7),
        (("monday", "wednesday"), (MONDAY,), 2),
    ],
)
def test_the_next_order_day(weekdays, closed, days):
    found = OrderCalendar("c", "ACME", weekdays, closed_on=closed).order_day(MONDAY)
    assert found == MONDAY + timedelta(days=days)


SHUT = tuple(MONDAY + timedelta(weeks=n) for n in range(60))


def test_a_vendor_that_is_always_closed_has_no_order_day():
    shut = OrderCalendar("c", "ACME", ("monday",), closed_on=SHUT)
    assert shut.order_day(MONDAY) is None
    assert shut.review_days(MONDAY) is None


@pytest.mark.parametrize(
    ("weekdays", "closed", "days"),
    [
        (("monday",), (), 7),
        (("monday", "wednesday", "friday"), (), 3),
        (("tuesday", "friday", "friday"), (), 4),
        (WEEKDAYS, (), 1),
        # The Monday after the next is closed, so the next order has to last two weeks.
        (("monday",), (MONDAY + timedelta(weeks=1),), 14),
        # A closed day beyond the next order is not yet anybody's concern.
        (("monday",), (MONDAY + timedelta(weeks=2),), 7),
    ],
)
def test_an_order_lasts_until_the_next_one(weekdays, closed, days):
    assert OrderCalendar("c", "ACME", weekdays, closed_on=closed).review_days(MONDAY) == days


def plan(db, now=NOW):
    propose(db, plan_of(("ACME", "TEA", 10), ("ACME", "CUP", 5), ("BOLT", "NUT", 3)), now=now)
    return {
        (order["vendor"], order["calendar"]): (
            sorted(line["sku"] for line in order["lines"]),
            order["order_on"],
            order["expected_on"],
        )
        for order in list_orders(db, state="proposed")["orders"]
    }


def test_without_a_calendar_any_day_will_do(centre):
    assert plan(centre) == {
        ("ACME", ""): (["CUP", "TEA"], MONDAY, DUE), ("BOLT", ""): (["NUT"], MONDAY, DUE),
    }  # fmt: skip


def test_an_order_waits_for_its_day_and_comes_that_much_later(centre):
    calendar(centre)
    thursday = MONDAY + timedelta(days=3)
    assert plan(centre) == {
        ("ACME", "c"): (["CUP", "TEA"], thursday, DUE + timedelta(days=3)),
        ("BOLT", ""): (["NUT"], MONDAY, DUE),
    }


def test_orders_are_split_by_calendar_and_the_most_specific_holds(centre):
    calendar(centre, "all", days=("thursday",))
    calendar(centre, "fresh", days=("tuesday",), category="fresh")
    calendar(centre, "here", days=("friday",), location="DC")
    found = plan(centre)
    assert {key: (skus, day.isoweekday()) for key, (skus, day, _) in found.items()} == {
        ("ACME", "here"): (["CUP", "TEA"], 5), ("BOLT", ""): (["NUT"], 1),
    }  # fmt: skip
    order_calendars.delete(centre, "here")
    found = plan(centre)
    assert {key: (skus, day.isoweekday()) for key, (skus, day, _) in found.items()} == {
        ("ACME", "all"): (["CUP"], 4), ("ACME", "fresh"): (["TEA"], 2), ("BOLT", ""): (["NUT"], 1),
    }  # fmt: skip


def test_a_draft_that_missed_its_day_moves_to_the_next(centre):
    calendar(centre)
    ids = {order["id"] for order in (plan(centre), list_orders(centre))[1]["orders"]}
    found = plan(centre, now=NOW + timedelta(days=4))
    assert found["ACME", "c"][1] == MONDAY + timedelta(days=10)
    assert {order["id"] for order in list_orders(centre)["orders"]} == ids


def test_an_order_sent_late_is_due_late(centre):
    plan(centre)
    order = list_orders(centre, vendor="ACME")["orders"][0]["id"]
    do(centre, order, "accept", "approve")
    found = do(centre, order, "send", now=NOW + timedelta(days=2))
    assert found["expected_on"] == DUE + timedelta(days=2)
    assert {line["due_on"] for line in found["lines"]} == {"2026-03-11"}


def test_a_calendar_that_cannot_be_meant_is_refused(centre):
    with pytest.raises(InputRejected, match="not 'someday'"):
        calendar(centre, days=("someday",))
    with pytest.raises(InputRejected, match="one or more"):
        calendar(centre, days=())
    with pytest.raises(NotFound):
        calendar(centre, vendor="NOBODY")
    with pytest.raises(UnknownLocation):
        calendar(centre, location="MOON")
    calendar(centre, "one")
    with pytest.raises(InputRejected, match="same location and category"):
        calendar(centre, "two")
    with pytest.raises(NotFound):
        order_calendars.delete(centre, "two")
