"""Group availability: the worked examples, and feasibility by trying every way to locate."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.asking import HORIZON_DAYS, Question, answer, supplies_of
from inventory.buffer_rules import BufferRule, DatedUnits
from inventory.projection import Commitment, Inbound, PositionFacts
from inventory.supply import GroupHold

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()


def day(t):
    return TODAY + timedelta(days=t)


def position(location, on_hand, *, committed=(), inbound=(), buffers=None, kind="warehouse"):
    return PositionFacts(
        "A",
        location,
        location_type=kind,
        on_hand_units={"available": on_hand, "defective": 5, "inspection": 3},
        commitments=[Commitment(day(t), name, units) for t, name, units in committed],
        inbound=[
            Inbound(f"po-{t}", NOW + timedelta(days=t), "confirmed", units) for t, units in inbound
        ],
        computed_buffers={
            rule: DatedUnits(TODAY, units, "run-7") for rule, units in (buffers or {}).items()
        },
    )


DC = position(
    "DC",
    92,
    committed=[(0, "hard", 20), (0, "soft", 6), (2, "hard", 10), (5, "hard", 70), (6, "peg", 25)],
    inbound=[(2, 4), (3, 40), (6, 60)],
    buffers={"dc-ship": [10, 10, 10, 12, 12, 15, 15, 15]},
)
S1 = position(
    "S1",
    8,
    committed=[(0, "hard", 2), (0, "soft", 1), (3, "hard", 1)],
    inbound=[(4, 6)],
    kind="store",
)
RULES = [
    BufferRule("dc-ship", sku="A", location="DC", method="ship", from_forecast=True),
    BufferRule("s1-sfs", sku="A", location="S1", method="sfs", quantity=4),
]


def ask(positions, *, group=None, location=None, groups=None, holds=(), rules=(), on=None):
    question = Question(
        sku="A",
        location=location,
        group=group,
        channel="web",
        method="ship",
        positions={p.location: p for p in positions},
        groups=groups or {},
        holds=holds,
    )
    last_day = day(HORIZON_DAYS)
    (supply,) = supplies_of([question], rules, last_day=last_day, now=NOW)
    return answer(supply, question, horizon_days=7, quantity=None, on=on, explain=True)


POOL = {"pool": ["DC", "S1"]}


def test_ship_to_home_pool_with_a_group_hold():
    hold = GroupHold("pool", TODAY, 3, "ship")
    got = ask([DC, S1], group="pool", groups=POOL, holds=[hold], rules=RULES)
    assert got.atp_by_day == (12, 12, 12, 12, 18, 18, 53, 53)


def test_ship_to_home_pool_after_confirming_sixteen_on_day_four():
    holds = [GroupHold("pool", TODAY, 3, "ship"), GroupHold("pool", day(4), 16, "ship")]
    got = ask([DC, S1], group="pool", groups=POOL, holds=holds, rules=RULES)
    assert got.atp_by_day == (2, 2, 2, 2, 2, 2, 37, 37)


def test_the_terms_of_a_position_name_the_forecast_run_behind_its_buffer():
    got = ask([DC], location="DC", rules=RULES)
    assert got.atp_by_day == (15, 15, 15, 15, 15, 15, 50, 50)
    assert got.binding_date == day(5)
    by_term = {}
    for term in got.terms:
        by_term[term.term] = by_term.get(term.term, 0) + term.quantity
    # 92 + 44 - 6 - 100 - 15 = 15; the pre-order of day 6 lies behind the binding day.
    assert by_term == {"on-hand": 92, "inbound": 44, "soft-holds": -6, "orders": -100,
                       "buffer": -15}  # fmt: skip
    sources = {term.source for term in got.terms}
    assert "buffer-rule dc-ship, forecast run run-7" in sources


def test_the_terms_of_a_group_sum_to_its_raw_availability():
    hold = GroupHold("pool", TODAY, 3, "ship")
    got = ask([DC, S1], group="pool", groups=POOL, holds=[hold], rules=RULES, on=day(4))
    assert (got.raw, got.atp) == (18, 18)
    assert sum(term.quantity for term in got.terms) == 18


def test_a_true_shortage_of_one_member_is_taken_off_the_others():
    """S1 promised 4 more than it has: the pool can give 10 - 4."""
    short = position("S1", 1, committed=[(0, "hard", 5)])
    got = ask([position("DC", 10), short], group="pool", groups=POOL)
    assert got.atp == 6


def test_a_member_that_does_not_ship_takes_no_part():
    pick_up_only = position("S1", 9, kind="store")
    pick_up_only.methods = ["bopis"]
    ships = position("S2", 4, kind="store")
    ships.methods = ["bopis", "sfs"]
    groups = {"pool": ["S1", "S2"]}
    assert ask([pick_up_only, ships], group="pool", groups=groups).atp == 4
    assert ask([pick_up_only, ships], location="S1", groups=groups).atp == 0


OVERLAP = {"A": ["L1", "L2"], "B": ["L2", "L3"]}


@pytest.mark.parametrize(
    ("place", "expected"),
    [({"group": "A"}, 8), ({"group": "B"}, 3), ({"location": "L1"}, 5),
     ({"location": "L2"}, 3), ({"location": "L3"}, 3)],
)  # fmt: skip
def test_overlapping_groups_check(place, expected):
    """L1 5, L2 5, L3 15; A = {1, 2}, B = {2, 3}; B holds 17."""
    positions = [position("L1", 5), position("L2", 5), position("L3", 15)]
    got = ask(positions, **place, groups=OVERLAP, holds=[GroupHold("B", TODAY, 17, "ship")])
    assert got.atp == expected
    assert sum(term.quantity for term in got.terms) == got.raw


def test_a_later_promise_on_one_group_and_an_early_one_on_another():
    """Hall's condition day by day is not enough: L2 cannot serve both.

    L1 has nothing today and 10 on day 3, L2 has 5. A = {L1, L2} was promised 5 today, and B = {L2}
    asks for 5 on day 3. On each single day the sums fit (0 + 5 today, 10 + 5 on day 3), and yet
    A's five can only come from L2.
    """
    positions = [position("L1", 0, inbound=[(3, 10)]), position("L2", 5)]
    groups = {"A": ["L1", "L2"], "B": ["L2"]}
    holds = [GroupHold("A", TODAY, 5, "ship")]
    got = ask(positions, group="B", groups=groups, holds=holds)
    assert got.atp_by_day[3] == 0
    assert ask(positions, location="L2", groups=groups, holds=holds).atp_by_day[3] == 0
    assert ask(positions, location="L1", groups=groups, holds=holds).atp_by_day[3] == 10


def locatable(supply_by_day, promises):
    """Whether promises (members, day) of one unit each can be located, by trying every way.

    `supply_by_day[l][t]`: units that may have left l by day t.
    """
    for chosen in product(*[members for members, _ in promises]):
        if all(
            sum(1 for at, (_, due) in zip(chosen, promises, strict=True) if at == l and due <= t)
            <= units
            for l, by_day in enumerate(supply_by_day)
            for t, units in enumerate(by_day)
        ):
            return True
    return False


sizes = st.integers(0, 3)
locations = st.lists(st.tuples(sizes, sizes, sizes), min_size=3, max_size=3)
members = st.sampled_from([(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
promise_lists = st.lists(st.tuples(members, st.integers(0, 2)), max_size=4)


@settings(max_examples=150, deadline=None)
@given(locations, promise_lists, members, st.integers(0, 2), st.booleans())
def test_what_is_published_is_the_most_that_leaves_every_promise_locatable(
    stock, promises, asked, on, at_one_location
):
    positions = [
        position(f"L{l}", first, inbound=[(t, units) for t, units in ((1, second), (2, third))
                 if units])
        for l, (first, second, third) in enumerate(stock)
    ]  # fmt: skip
    by_day = [(first, first + second, first + second + third) for first, second, third in stock]
    held = []
    for one in promises:  # Keep only what could have been promised in the first place.
        if locatable(by_day, [*held, one]):
            held.append(one)
    asked = asked[:1] if at_one_location else asked
    groups = {str(m): [f"L{l}" for l in m] for m, _ in held} | {
        str(asked): [f"L{l}" for l in asked]
    }
    holds = [GroupHold(str(m), day(t), 1, "ship") for m, t in held]
    place = {"location": f"L{asked[0]}"} if at_one_location else {"group": str(asked)}
    got = ask(positions, **place, groups=groups, holds=holds, on=day(on))

    most = 0
    while most < 4 and locatable(by_day, [*held, *[(asked, on)] * (most + 1)]):
        most += 1
    assert min(got.atp, 4) == most
    assert got.as_of == NOW
    assert isinstance(got.binding_date, date)


def test_a_store_asked_by_name_and_a_group_around_it_keep_their_own_buffers():
    """Ten at S1, of which `ship` keeps 1 back and `sfs` 4; a parcel for the group is `sfs`."""
    rules = [
        BufferRule("named", sku="A", location="S1", method="ship", quantity=1),
        BufferRule("member", sku="A", location="S1", method="sfs", quantity=4),
    ]
    question = Question(
        sku="A", location=None, group=None, channel="web", method="ship",
        positions={"S1": position("S1", 10, kind="store")}, groups={"pool": ["S1"]},
        named=frozenset(["S1"]),
    )  # fmt: skip

    def supply():
        return supplies_of([question], rules, last_day=day(1), now=NOW)[0]

    def left(supply):
        named, chosen = supply.at_location("S1"), supply.at_location("S1", named=False)
        return named.atp[0], chosen.atp[0], supply.in_group("pool", "ship").atp[0]

    asked = supply()
    assert left(asked) == (9, 6, 6)
    asked.commit_at("S1", 0, 2)
    assert left(asked) == (7, 4, 4)
    asked = supply()
    asked.commit_in("pool", "ship", 0, 5)
    assert left(asked) == (4, 1, 1)
