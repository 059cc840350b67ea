"""Shares over days and groups, against trying every way in which promises could be located."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inventory import asking
from inventory.asking import Question
from inventory.catalog import SupplyLink
from inventory.channel_supply import ChannelSupply, GroupUse, Use, quota_units
from inventory.pre_sales import PreSaleFacts, SoldAhead
from inventory.projection import HARD, PEG, Commitment, Inbound, PositionFacts
from inventory.supply import GroupHold

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
DAYS = range(3)
PLACES = ("L1", "L2")
few = st.integers(0, 5)


def day(t):
    return TODAY + timedelta(days=t)


@st.composite
def shops(draw):
    """On hand, supply and commitments by place; what the channel has of them, and on the group."""
    return {
        "on_hand": {at: draw(few) for at in PLACES},
        "supply": {at: [0, draw(st.integers(0, 3)), draw(st.integers(0, 3))] for at in PLACES},
        "own": {at: [draw(st.integers(0, 3)) for _ in DAYS] for at in PLACES},
        "others": {at: [draw(st.integers(0, 2)) for _ in DAYS] for at in PLACES},
        "ratio": {at: draw(st.sampled_from([None, 0.25, 0.5, 0.8])) for at in PLACES},
        "held": [draw(st.integers(0, 2)) for _ in DAYS],
    }


def supply_of(shop, **more):
    positions, uses = {}, {}
    for at in PLACES:
        commitments = [
            Commitment(day(t), HARD, shop["own"][at][t] + shop["others"][at][t]) for t in DAYS
        ]
        inbound = [
            Inbound(f"{at}-{t}", NOW + timedelta(days=t), "confirmed", units)
            for t, units in enumerate(shop["supply"][at])
        ]
        on_hand = {"available": shop["on_hand"][at]}
        positions[at] = PositionFacts(
            "A", at, on_hand_units=on_hand, commitments=commitments, inbound=inbound
        )
        uses["A", at] = [Use("web", "ship", shop["own"][at][t], day(t)) for t in DAYS]
    links = [SupplyLink(at, "web", at, ratio=shop["ratio"][at]) for at in PLACES]
    nobody = frozenset[str]()
    own = [GroupUse("g", nobody, "web", "ship", n, day(t)) for t, n in enumerate(shop["held"])]
    question = Question(
        "A", None, None, "web", "ship", positions, {"g": PLACES},
        holds=[GroupHold("g", hold.promised_date, hold.units, "ship") for hold in own],
        channel_supply=ChannelSupply(links, {("web", None)}, uses, {"A": own}),
        **more,
    )  # fmt: skip
    return asking.supplies_of([question], (), last_day=day(2), now=NOW)[0]


def room_of(shop, at):
    """Quota less use on each day, as section 3 has it; None without a ratio."""
    if shop["ratio"][at] is None:
        return None
    base = [shop["on_hand"][at] + sum(shop["supply"][at][: t + 1]) for t in DAYS]
    quota = [quota_units(units, [shop["ratio"][at]])[0] for units in base]
    return [quota[t] - sum(shop["own"][at][: t + 1]) for t in DAYS]


def fits(shop, taken):
    """Whether what is held on the group can be located so that every share still holds.

    `taken`: units more by place and day.
    """
    rooms = {at: room_of(shop, at) for at in PLACES}

    def holds(at, located):
        if rooms[at] is None or not (sum(located) + sum(taken[at])):
            return True
        first = min(t for t in DAYS if located[t] + taken[at][t])
        return all(
            sum(located[: t + 1]) + sum(taken[at][: t + 1]) <= rooms[at][t]
            for t in DAYS
            if t >= first
        )

    splits = product(*(range(held + 1) for held in shop["held"]))
    return any(
        holds("L1", split)
        and holds("L2", [n - s for n, s in zip(shop["held"], split, strict=True)])
        for split in splits
    )


def most(shop, t, places):
    """The most that can be taken at these places by day t, as far as shares go."""
    nothing = {at: [0] * len(DAYS) for at in PLACES}
    assume(fits(shop, nothing))
    ways = product(range(10), repeat=len(places))
    for units in sorted(ways, key=sum, reverse=True):
        taken = {at: list(row) for at, row in nothing.items()}
        for at, n in zip(places, units, strict=True):
            taken[at][t] = n
        if fits(shop, taken):
            return sum(units)
    return 0


@settings(max_examples=150, deadline=None)
@given(shop=shops(), t=st.sampled_from(list(DAYS)))
def test_a_share_is_what_every_later_day_allows(shop, t):
    supply = supply_of(shop)
    for at in PLACES:
        taking = supply.at_location(at)
        room = most(shop, t, [at])
        physical = int(taking.stock[t])
        if shop["ratio"][at] is None:
            assert taking.atp[t] == max(0, physical)
        else:
            assert taking.atp[t] == max(0, min(physical, room))


@settings(max_examples=60, deadline=None)
@given(shop=shops(), t=st.sampled_from(list(DAYS)))
def test_a_share_of_a_group_is_what_all_members_allow_together(shop, t):
    shop["ratio"] = {at: ratio or 0.5 for at, ratio in shop["ratio"].items()}
    taking = supply_of(shop).in_group("g", "ship")
    room = most(shop, t, PLACES)
    assert taking.atp[t] == max(0, min(int(taking.stock[t]), room))


@settings(max_examples=100, deadline=None)
@given(shop=shops(), on=st.sampled_from(list(DAYS)), units=st.integers(1, 3))
def test_what_is_taken_is_missing_from_then_on(shop, on, units):
    supply = supply_of(shop)
    for at in PLACES:
        before = supply.at_location(at).atp
        if before[on] < units:
            continue
        supply.commit_at(at, on, units)
        after = supply.at_location(at).atp
        assert after[on] == before[on] - units
        assert all(later <= earlier for earlier, later in zip(before, after, strict=True))


@settings(max_examples=200, deadline=None)
@given(
    on_hand=few,
    orders=st.lists(few, min_size=3, max_size=3),
    supply=st.lists(few, min_size=3, max_size=3),
    sale=st.tuples(few, few, st.sampled_from(list(DAYS))),
)
def test_what_is_sold_ahead_never_breaks_what_held_without_it(on_hand, orders, supply, sale):
    """U ≥ 0 stays U ≥ 0, on hand stays for sale, and real supply is never counted twice."""
    cap, sold, launch = sale

    def projected(*, sold_ahead):
        sale = PreSaleFacts(
            "p", day(launch), max(cap, sold), sold=[SoldAhead("web", day(launch), sold, sold)]
        )
        ordinary = [Commitment(day(t), HARD, n) for t, n in enumerate(orders)]
        pegs = [Commitment(day(launch), PEG, sold)]
        position = PositionFacts(
            "A", "L1",
            on_hand_units={"available": on_hand},
            commitments=ordinary + pegs * sold_ahead,
            inbound=[
                Inbound(f"i{t}", NOW + timedelta(days=t), "confirmed", n)
                for t, n in enumerate(supply)
            ],
            pre_sales=[sale] * sold_ahead,
        )  # fmt: skip
        question = Question("A", None, None, None, None, {"L1": position}, {})
        (made,) = asking.supplies_of([question], (), last_day=day(2), now=NOW)
        return made.at_location("L1").raw[:3].tolist()

    without, beside = projected(sold_ahead=False), projected(sold_ahead=True)
    assert all(b <= w for b, w in zip(beside, without, strict=True))
    if without[0] >= 0:
        assert beside[0] >= 0
    # What is announced by the end covers those who wait first, as far as orders leave any.
    covered = min(max(cap, sold), sum(supply), max(0, without[-1]))
    assert beside[-1] == without[-1] - covered


@pytest.mark.parametrize("channel", ["web", "app"])
def test_without_links_nothing_changes(channel):
    position = PositionFacts("A", "L1", on_hand_units={"available": 5})
    question = Question("A", "L1", None, channel, "ship", {"L1": position}, {},
                        channel_supply=ChannelSupply())  # fmt: skip
    (supply,) = asking.supplies_of([question], (), last_day=day(2), now=NOW)
    assert supply.quotas is None
    assert supply.at_location("L1").atp[0] == 5
