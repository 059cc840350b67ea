"""Parts of an order line: units are conserved whatever is told, against a model of single units."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.errors import InputRejected
from inventory.order_parts import (
    LineSupply,
    Part,
    When,
    arriving,
    cancelled,
    confirmed,
    falls_behind,
    redated,
    shipped,
)

FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def day(n):
    at = FIRST + timedelta(days=n)
    return When(at.date(), at)


def line(agreed=100, received=0, *parts, usual=7):
    """Parts as (number, units, day, state, shipment?)."""
    made = tuple(
        Part(n, units, day(on), state, *more) for n, units, on, state, *more in parts
    )  # fmt: skip
    return LineSupply(agreed, received, made, max([0, *(p.number for p in made)]), day(usual))


def told(supply):
    return [
        (p.number, p.units, (p.when.at - FIRST).days, p.state, *filter(None, [p.shipment]))
        for p in supply.parts
    ]


def test_a_schedule_makes_parts_and_nothing_told_keeps_them():
    split = confirmed(line(), [(60, day(5)), (40, day(19))])
    assert told(split) == [(1, 60, 5, "confirmed"), (2, 40, 19, "confirmed")]
    assert (split.last_day, split.unconfirmed_units) == (day(19).day, 0)
    assert confirmed(split, [(100, None)]) == split
    # Fewer: the latest go. More: on the usual day.
    fewer = confirmed(split, [(70, None)])
    assert told(fewer) == [(1, 60, 5, "confirmed"), (2, 10, 19, "confirmed")]
    more = confirmed(split, [(110, None)])
    assert told(more)[2:] == [(3, 10, 7, "confirmed")]
    assert more.agreed_units == 110
    # One day for all of it: one part, which keeps its number.
    assert told(confirmed(split, [(100, day(6))])) == [(1, 100, 6, "confirmed")]


def test_what_left_or_came_stands_for_the_first_of_a_schedule():
    here = line(100, 20, (1, 50, 5, "shipped", "S1"), (2, 30, 7, "confirmed"))
    assert told(confirmed(here, [(60, day(4)), (40, day(19))])) == [
        (1, 50, 5, "shipped", "S1"), (2, 30, 19, "confirmed"),
    ]  # fmt: skip
    nothing_more = confirmed(here, [(0, None)])
    assert (nothing_more.agreed_units, told(nothing_more)) == (70, [(1, 50, 5, "shipped", "S1")])


def test_a_notice_takes_the_part_of_its_day_then_the_earliest():
    split = confirmed(line(), [(60, day(5)), (40, day(19))])
    gone = shipped(split, 50, when=day(19), shipment="S1")
    assert told(gone) == [(1, 50, 5, "confirmed"), (2, 50, 19, "shipped", "S1")]
    gone = shipped(split, 30, when=day(6))
    assert told(gone) == [(1, 30, 5, "confirmed"), (2, 40, 19, "confirmed"), (3, 30, 6, "shipped")]
    # Without a day each part keeps its own.
    assert told(shipped(split, 100)) == [(1, 60, 5, "shipped"), (2, 40, 19, "shipped")]
    # Of a line without a word, the rest is no supply.
    silent = shipped(line(), 60, when=day(5))
    assert (told(silent), silent.unconfirmed_units) == ([(1, 60, 5, "shipped")], 40)


def test_goods_are_of_the_shipment_that_is_named():
    road = line(100, 0, (1, 30, 5, "shipped", "S1"), (2, 30, 4, "shipped", "S2"),
                (3, 20, 9, "confirmed"))  # fmt: skip
    assert arriving(road, 40) == ({2: 30, 1: 10}, 0)
    assert arriving(road, 40, shipment="S1") == ({1: 30, 3: 10}, 0)
    assert arriving(road, 40, number=3) == ({3: 20, 2: 20}, 0)
    # Those of a shipment nobody told of are not S1's nor S2's while others are open.
    assert arriving(road, 45, shipment="S9") == ({3: 20, 2: 5}, 20)
    assert arriving(road, 120) == ({2: 30, 1: 30, 3: 20}, 40)


def test_what_has_left_cannot_be_cancelled():
    road = line(100, 10, (1, 30, 5, "shipped"), (2, 20, 9, "confirmed"), (3, 15, 6, "confirmed"))
    assert told(cancelled(road, 25)) == told(road)  # Nobody had spoken of those.
    assert told(cancelled(road, 40))[1:] == [(2, 5, 9, "confirmed"), (3, 15, 6, "confirmed")]
    assert cancelled(road, 60).open_units == 30
    with pytest.raises(InputRejected, match="only 60 units are still with the vendor and 30"):
        cancelled(road, 61)


def test_one_part_one_shipment_or_all_of_it_gets_another_day():
    road = line(100, 0, (1, 30, 5, "shipped", "S1"), (2, 70, 9, "confirmed"))
    days = lambda supply: [on for _, _, on, *_ in told(supply)]  # noqa: E731
    assert days(redated(road, day(12))) == [12, 12]
    assert days(redated(road, day(12), number=2)) == [5, 12]
    assert days(redated(road, day(12), shipment="S1")) == [12, 9]
    with pytest.raises(InputRejected, match="no open part of the line has shipment 'S2'"):
        redated(road, day(12), shipment="S2")


def test_supply_falls_behind_where_a_moment_has_less():
    parts = line(100, 0, (1, 60, 5, "confirmed"), (2, 40, 19, "confirmed")).parts
    whole = line(100, 0, (1, 100, 19, "confirmed")).parts
    assert falls_behind(whole, parts)
    assert not falls_behind(parts, whole)
    assert not falls_behind(parts, parts)
    assert falls_behind((), parts)


units = st.integers(0, 130)
when = st.none() | st.integers(0, 30).map(day)
shipments = st.sampled_from([None, "S1", "S2"])
acts = st.one_of(
    st.tuples(st.just("confirm"), st.lists(st.tuples(units, when), min_size=1, max_size=4)),
    st.tuples(st.just("ship"), st.integers(1, 60), when, shipments),
    st.tuples(st.just("receive"), st.integers(1, 80), shipments, st.none() | st.integers(1, 5)),
    st.tuples(st.just("cancel"), st.integers(1, 80)),
    st.tuples(st.just("redate"), st.integers(0, 30).map(day), st.none() | st.integers(1, 5)),
)


def after_confirmation(supply, schedule):
    total = sum(count for count, _ in schedule)
    settled = min(supply.settled_units, supply.agreed_units)
    if 0 < total < settled:  # The store refuses it.
        return supply, supply.agreed_units
    return confirmed(supply, schedule), total or settled


def after_arrival(supply, count, shipment, number):
    taken, rest = arriving(supply, count, shipment=shipment, number=number)
    assert sum(taken.values()) + rest == count
    left = ((part, part.units - taken.get(part.number, 0)) for part in supply.parts)
    parts = tuple(replace(part, units=units) for part, units in left if units)
    received = supply.received_units + count
    return replace(supply, received_units=received, parts=parts), supply.agreed_units


def after(supply, act):
    """The line after an act, as the store does it, and the units that the model says are agreed."""
    agreed = supply.agreed_units
    try:
        match act:
            case ("confirm", schedule):
                supply, agreed = after_confirmation(supply, schedule)
            case ("ship", count, on, shipment):
                agreed = max(agreed, supply.settled_units + count)
                supply = shipped(supply, count, when=on, shipment=shipment)
            case ("receive", count, shipment, number):
                supply, agreed = after_arrival(supply, count, shipment, number)
            case ("cancel", count):
                supply, agreed = cancelled(supply, count), agreed - count
            case ("redate", on, number):
                supply = redated(supply, on, number=number)
    except InputRejected:
        assert act[0] in ("cancel", "redate")
    return supply, agreed


@settings(deadline=None, max_examples=300)
@given(st.lists(acts, max_size=8))
def test_units_are_conserved_over_parts(told_acts):
    supply = line(100)
    for act in told_acts:
        before = supply
        supply, agreed = after(supply, act)
        assert supply.agreed_units == agreed
        coming = sum(part.units for part in supply.parts)
        assert all(part.units > 0 for part in supply.parts)
        assert len({part.number for part in supply.parts}) == len(supply.parts)
        assert supply.last_number >= max([0, *(part.number for part in supply.parts)])
        over = max(supply.received_units - agreed, 0)
        assert supply.received_units + coming + supply.unconfirmed_units == agreed + over
        assert supply.unconfirmed_units >= 0
        if act[0] == "ship":
            assert supply.shipped_units == before.shipped_units + act[1]
        elif act[0] != "receive":  # Nothing that anybody says brings back what has left.
            assert supply.shipped_units == before.shipped_units
        if act[0] == "confirm" and supply != before:
            assert not supply.unconfirmed_units
