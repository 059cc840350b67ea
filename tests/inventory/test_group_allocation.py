"""Locating promises on groups: nobody is stranded, and after a shock those who come first go on."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.asking import Question, supplies_of
from inventory.errors import InsufficientStock
from inventory.ledger import Fact
from inventory.locating import locate, locate_in_turn
from inventory.orders import OrderMessage
from inventory.projection import Inbound, PositionFacts
from inventory.reservations import AskedLine, Basket
from inventory.spreading import spread
from inventory.store import ledger, orders, reservations
from inventory.supply import GroupHold, SkuSupply

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
DAYS = 3
LOCATIONS = ("L0", "L1", "L2", "L3")


def day(t):
    return TODAY + timedelta(days=t)


def supply_of(stock, groups, holds):
    """`stock`: per location, what is there on day 0 and what comes on days 1 and 2."""
    positions = {
        location: PositionFacts(
            "A", location, on_hand_units={"available": first},
            inbound=[Inbound(f"i{t}", NOW + timedelta(days=t), "shipped", units)
                     for t, units in enumerate(later, start=1) if units],
        )
        for location, (first, *later) in zip(LOCATIONS, stock, strict=False)
    }  # fmt: skip
    question = Question("A", None, None, None, None, positions, groups, holds)
    return supplies_of([question], (), last_day=day(DAYS), now=NOW)[0]


sizes = st.integers(0, 4)
stocks = st.lists(st.tuples(sizes, sizes, sizes), min_size=4, max_size=4)
member_sets = st.lists(st.sampled_from(LOCATIONS), min_size=1, max_size=4, unique=True)
asks = st.tuples(st.integers(0, 3), st.integers(0, DAYS - 1), st.integers(1, 5))


@settings(max_examples=120, deadline=None)
@given(stocks, st.lists(member_sets, min_size=4, max_size=4), st.lists(asks, max_size=6), st.data())
def test_accepted_promises_can_be_located_in_any_order(stock, members, asked, data):
    """However greedily each is located, what remains promised keeps its place."""
    groups = {f"g{n}": chosen for n, chosen in enumerate(members)}
    supply = supply_of(stock, groups, [])
    accepted = []
    for number, t, units in asked:
        taking = supply.in_group(f"g{number}", None)
        if units <= taking.atp[t]:
            accepted.append(GroupHold(f"g{number}", day(t), units))
            supply.promise(accepted[-1])
    for hold in data.draw(st.permutations(accepted)):
        supply.withdraw(hold)
        located = locate(supply, groups[hold.group], hold)
        assert located is not None
        assert sum(units for _, units in located) == hold.units
        assert {location for location, _ in located} <= set(groups[hold.group])
    assert (supply.projection.projected >= 0).all()


@settings(max_examples=120, deadline=None)
@given(stocks, st.lists(member_sets, min_size=4, max_size=4), st.lists(asks, max_size=4))
def test_what_is_seen_at_a_glance_is_what_the_cuts_say(stock, members, promised):
    """A location that promises on groups need nothing of: the short way and the long way agree."""
    groups = {f"g{n}": chosen for n, chosen in enumerate(members)}
    holds = [GroupHold(f"g{n}", day(t), units) for n, t, units in promised]
    stock = [(4 * first, *later) for first, *later in stock]
    glances, cuts = supply_of(stock, groups, holds), supply_of(stock, groups, holds)
    with mock.patch.object(SkuSupply, "_plenty_beside", return_value=False):
        expected = {at: cuts.at_location(at).raw.tolist() for at in LOCATIONS}
    assert {at: glances.at_location(at).raw.tolist() for at in LOCATIONS} == expected


@settings(max_examples=200, deadline=None)
@given(stocks, st.lists(member_sets, min_size=4, max_size=4), st.lists(asks, max_size=6))
def test_bounds_of_what_is_free_hold_beside_any_promises(stock, members, promised):
    groups = {f"g{n}": chosen for n, chosen in enumerate(members)}
    holds = [GroupHold(f"g{n}", day(t), units) for n, t, units in promised]
    stock = [(4 * first, *later) for first, *later in stock]
    supply = supply_of(stock, groups, holds)
    for location in LOCATIONS:
        least, most = supply.free_between(location)
        opens = supply.projection.opens[supply.rows[location]]
        assert least <= supply.at_location(location).raw[opens] <= most


@given(st.data())
def test_promises_are_spread_so_that_nobody_gives_more_than_needed(data):
    """One set of locations: what is left of any two differs by one unit, or one gave nothing."""
    given_units = data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=6))
    units = data.draw(st.integers(0, 50))
    located = spread(given_units, [(range(len(given_units)), units)])
    if units > sum(given_units):
        assert located is None
        return
    left = [have - dealt for have, dealt in zip(given_units, located, strict=True)]
    assert sum(located) == units
    assert min(left + located) >= 0
    gave = [keeps for keeps, dealt in zip(left, located, strict=True) if dealt]
    # Who gave is never left with less than others, but for the unit that does not divide.
    assert not gave or min(gave) >= max(left) - 1


def most_that_fit(stock, holds):
    """Serve whole promises one after the other, each if the ones before leave room; who is."""
    served = []
    for number, hold in enumerate(holds):
        supply = supply_of(stock, {"all": LOCATIONS}, [holds[n] for n in served])
        if hold.units <= supply.in_group("all", None).atp[(hold.promised_date - TODAY).days]:
            served.append(number)
    return served


@settings(max_examples=80, deadline=None)
@given(stocks, st.lists(st.tuples(st.integers(0, DAYS - 1), st.integers(1, 9)), max_size=5))
def test_after_a_shock_exactly_those_go_on_who_fit_beside_those_before_them(stock, due):
    """One group for all, in serving order; who does not fit himself holds nobody back."""
    holds = [GroupHold("all", day(t), units) for t, units in sorted(due)]
    fit = most_that_fit(stock, holds)
    for number, hold in enumerate(holds):
        supply = supply_of(stock, {"all": LOCATIONS}, holds[:number] + holds[number + 1 :])
        located = locate_in_turn(
            supply, LOCATIONS, hold, before=holds[:number], after=holds[number + 1 :]
        )
        assert (located is not None) == (number in fit)


@pytest.fixture
def shop(db):
    for location in ("L1", "L2"):
        db.execute("insert into locations (location, name, type) values (%s, 'x', 'store')",
                   [location])  # fmt: skip
    db.execute("insert into groups values ('pool', 'x')")
    db.execute("insert into group_members values ('pool', 'L1'), ('pool', 'L2')")
    db.execute("insert into skus (sku, name) values ('A', 'A')")
    return db


def change(db, location, units):
    fact = Fact("A", location, "available", "delta", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def order(db, name, units, *, t=0, priority=0, kind="hard"):
    basket = Basket(kind, "web", "pick-up", (AskedLine("A", units),), group="pool", on=day(t),
                    priority=priority, order_id=None if kind == "soft" else name)  # fmt: skip
    reservations.place(db, basket, reservation_id=name, now=NOW)


def allocated(db, name):
    """Where an order was located, or None when it was refused."""
    try:
        orders.perform(db, name, "allocate", OrderMessage(f"m-{name}"), now=NOW)
    except InsufficientStock:
        return None
    return [(li.location, li.open_units) for li in orders.get(db, name, now=NOW).lines]


def test_two_orders_that_cannot_both_be_kept_do_not_block_each_other(shop):
    change(shop, "L1", 3)
    change(shop, "L2", 3)
    order(shop, "first", 3)
    order(shop, "second", 3)
    change(shop, "L2", -2)
    assert allocated(shop, "second") is None
    assert allocated(shop, "first") == [("L1", 3)]
    assert allocated(shop, "second") is None


@pytest.mark.parametrize(
    ("earlier", "later"),
    [({"t": 1}, {"t": 0}), ({"priority": 0}, {"priority": 5}), ({"kind": "soft"}, {})],
    ids=["earlier date", "higher priority", "an order before a cart"],
)
def test_who_is_served_first_though_he_came_later(shop, earlier, later):
    change(shop, "L1", 4)
    order(shop, "came-first", 2, **earlier)
    order(shop, "came-later", 2, **later)
    change(shop, "L1", -2)
    if "kind" not in earlier:
        assert allocated(shop, "came-first") is None
    assert allocated(shop, "came-later") == [("L1", 2)]


def test_who_cannot_be_served_any_more_does_not_hold_others_back(shop):
    change(shop, "L1", 5)
    order(shop, "large", 4)
    order(shop, "small", 1)
    change(shop, "L1", -3)
    assert allocated(shop, "large") is None
    assert allocated(shop, "small") == [("L1", 1)]


def test_as_few_as_possible_give_way(shop):
    """L1 has 4 for three orders of 2: the first two are kept, whichever is located first."""
    change(shop, "L1", 6)
    for name in ("a", "b", "c"):
        order(shop, name, 2)
    change(shop, "L1", -2)
    assert allocated(shop, "b") == [("L1", 2)]
    assert allocated(shop, "c") is None
    assert allocated(shop, "a") == [("L1", 2)]
