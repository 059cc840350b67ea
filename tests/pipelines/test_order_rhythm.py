"""Which calendar says how long an order of a position lasts, and what follows from it."""

from datetime import date, timedelta

import polars as pl
import pytest

from inventory.order_calendar import OrderCalendar
from pipelines.order_rhythm import with_order_days

MONDAY = date(2026, 3, 2)
TABLE = pl.DataFrame({
    "vendor": ["ACME", "ACME", "ACME", "ACME", "BOLT"], "hub": [None, None, None, "DC", None],
    "location": ["S1", "S1", "S2", "S2", "S1"], "category": ["fresh", None, "fresh", "dry", "dry"],
    "review_period_days": [1.0, 1.0, 1.0, 1.0, 3.0],
})  # fmt: skip


def days_of(*calendars):
    found = with_order_days(TABLE, calendars, today=MONDAY)
    assert found.columns == [*TABLE.columns, "calendar", "order_days"]
    return found["review_period_days"].to_list(), found["calendar"].to_list()


def calendar(name, *weekdays, **scope):
    return OrderCalendar(name, "ACME", weekdays, **scope)


def test_without_a_calendar_it_is_what_the_vendor_states():
    assert days_of() == ([1, 1, 1, 1, 3], [None] * 5)


def test_a_calendar_holds_for_its_vendor_and_not_for_what_a_hub_supplies():
    assert days_of(calendar("w", "monday")) == ([7, 7, 7, 1, 3], ["w", "w", "w", None, None])


@pytest.mark.parametrize("turn", [1, -1])
def test_the_most_specific_holds(turn):
    found = days_of(*[
        calendar("all", "monday"),
        calendar("fresh", "monday", "thursday", category="fresh"),
        calendar("here", "monday", "saturday", location="S1"),
        calendar("fresh-here", "monday", "wednesday", "friday", location="S1", category="fresh"),
    ][::turn])  # fmt: skip
    assert found == ([3, 5, 4, 1, 3], ["fresh-here", "here", "fresh", None, None])


def test_one_that_is_always_closed_is_told_and_leaves_the_vendors_word():
    shut = tuple(MONDAY + timedelta(weeks=n) for n in range(60))
    found = days_of(calendar("shut", "monday", closed_on=shut))
    assert found == ([1, 1, 1, 1, 3], ["shut", "shut", "shut", None, None])
