"""The rules of facts, on paper: a clerk can follow every story."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.ledger import (
    SNAPSHOT,
    Balance,
    Fact,
    balance_of,
    decide_delta,
    decide_snapshot,
)

DAY = "2026-07-01"


def at(clock):
    return datetime.fromisoformat(f"{DAY}T{clock}:00+00:00")


def fact(kind, units, effective_at, *, sequence=None, reservation_id=None):
    return Fact(
        "A", "S1", "available", kind, units, effective_at, "test",
        sequence=sequence, reservation_id=reservation_id,
    )  # fmt: skip


def fold(facts, *, basis="physical", open_hard_units=0):
    """The balance after facts in order of arrival, decided one at a time as the store does."""
    balance, told, outcomes = Balance(), [], []
    for each in facts:
        if each.kind == SNAPSHOT:
            later = sum(
                f.stated_units
                for f in told
                if f.kind != SNAPSHOT and f.effective_at > each.effective_at
            )
            recorded, balance = decide_snapshot(
                balance, each, later_units=later, basis=basis, open_hard_units=open_hard_units
            )
        else:
            recorded, balance = decide_delta(balance, each)
        told.append(each)
        outcomes.append(recorded.outcome)
    return balance, outcomes


def check(story):
    """Each line: what a source says, when it was true, its outcome, and the balance after."""
    facts = []
    for line in filter(None, (line.partition("#")[0].strip() for line in story.splitlines())):
        kind, units, clock, *rest, outcome, left = line.split()
        sequence = int(rest[0].removeprefix("seq")) if rest else None
        name = {"count": SNAPSHOT, "ship": "shipment"}.get(kind, "delta")
        facts.append(fact(name, int(units), at(clock), sequence=sequence))
        balance, outcomes = fold(facts)
        assert (outcomes[-1], balance.units) == (outcome, int(left)), line


def test_worked_example_of_the_feeds():
    """The count of 06:00 has seen the shipment of 05:50, and not the sale of 06:05."""
    check("""
        count   90  06:00   applied          90
        ship    -3  05:50   already_counted  90
        sale    -1  06:05   applied          89
        count  100  05:00   superseded       89
    """)


def test_a_late_count_keeps_what_happened_after_it():
    check("""
        receive 10  06:30   applied          10
        sale    -2  07:00   applied           8
        count   50  06:45   applied          48   # 50, and then the sale of 07:00
        count   40  06:40   superseded       48
        sale    -1  06:45   already_counted  48   # true at the very moment of the count
        sale    -1  06:46   applied          47
    """)


def test_counts_of_one_moment_are_ordered_by_their_sequence():
    check("""
        count   50  06:00  seq2  applied     50
        count   60  06:00  seq1  superseded  50
        count   70  06:00  seq3  applied     70
        count   70  06:00  seq3  superseded  70
    """)


def test_of_two_counts_that_contradict_each_other_the_lower_holds():
    check("""
        count   50  06:00   applied     50
        count   60  06:00   superseded  50
        count   40  06:00   applied     40
    """)


def test_stock_may_fall_below_zero_until_the_receipt_arrives():
    check("""
        sale    -2  07:00   applied  -2
        receive 10  06:30   applied   8
    """)


@pytest.mark.parametrize("ship_first", [True, False])
def test_a_net_count_and_a_late_shipment(ship_first):
    """90 on the shelf after 3 of an order left at 05:50; the source says so, net, at 06:00.

    Told of the shipment first, no order was open and 90 stands. Told later, the count was made
    93 by the open order, and the shipment takes the 3 off again.
    """
    ship = fact("shipment", -3, at("05:50"), reservation_id="r1")
    facts = [ship, fact(SNAPSHOT, 90, at("06:00"))]
    facts = facts if ship_first else facts[::-1]
    balance, _ = fold(facts, basis="net", open_hard_units=0 if ship_first else 3)
    assert balance.units == 90


def test_of_two_counts_of_one_moment_the_physical_one_holds():
    physical, net = fact(SNAPSHOT, 90, at("06:00")), fact(SNAPSHOT, 87, at("06:00"))
    _, held = decide_snapshot(Balance(), net, later_units=0, basis="net", open_hard_units=5)
    assert held.units == 92
    recorded, held = decide_snapshot(held, physical, later_units=0)
    assert (recorded.outcome, held.units) == ("applied", 90)
    recorded, held = decide_snapshot(held, net, later_units=0, basis="net", open_hard_units=5)
    assert (recorded.outcome, held.units) == ("superseded", 90)


moments = st.integers(0, 6).map(lambda second: at("06:00").replace(second=second))
facts_of_one_account = st.lists(
    st.one_of(
        st.builds(fact, st.just("delta"), st.integers(-9, 9), moments),
        st.builds(
            fact, st.just(SNAPSHOT), st.integers(0, 50), moments,
            sequence=st.none() | st.integers(0, 2),
        ),
    ),
    max_size=12,
)  # fmt: skip


@given(facts=facts_of_one_account, data=st.data())
def test_any_order_of_arrival_gives_the_balance_of_the_definition(facts, data):
    shuffled = data.draw(st.permutations(facts))
    assert fold(shuffled)[0].units == balance_of(facts)


@given(facts=facts_of_one_account)
def test_a_balance_is_the_sum_of_what_its_facts_did(facts):
    balance = Balance()
    told, done = [], 0
    for each in facts:
        before = balance.units
        balance, _ = fold([*told, each])
        told.append(each)
        done += balance.units - before
    assert done == balance.units
