"""ATP by a second method: promise one unit more, project again, and see whether anything breaks.

A second method, not a second copy: the oracle knows no minimum and no look-ahead, only days that
may not fall below their buffer.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.availability import atp_units, earliest_index

DAYS = 6
units_by_day = st.lists(st.integers(0, 9), min_size=DAYS, max_size=DAYS)


def balances(on_hand, supply, committed):
    balance = on_hand
    for received, promised in zip(supply, committed, strict=True):
        balance += received - promised
        yield balance


def takes_by_trying(on_hand, supply, committed, buffer, *, day, lookahead, oversell):
    """The most that can be taken on `day`, one unit at a time."""
    taken = 0
    while True:
        tried = list(committed)
        tried[day] += taken + 1
        for t, balance in enumerate(balances(on_hand, supply, tried)):
            watched = day <= t <= day + lookahead
            if t >= day and balance + oversell < (buffer[t] if watched else 0):
                return taken
        taken += 1


stock = st.fixed_dictionaries(
    {"on_hand": st.integers(0, 25), "supply": units_by_day, "committed": units_by_day,
     "buffer": units_by_day}
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(stock, st.integers(0, DAYS - 1), st.integers(0, DAYS), st.integers(0, 4))
def test_atp_is_the_most_that_can_be_taken(facts, day, lookahead, oversell):
    atp = atp_units(
        on_hand_units=facts["on_hand"],
        supply_units=facts["supply"],
        committed_units=facts["committed"],
        buffer_units=facts["buffer"],
        lookahead_days=lookahead,
        oversell_units=oversell,
    )
    tried = takes_by_trying(**facts, day=day, lookahead=lookahead, oversell=oversell)
    assert atp[day] == tried


@settings(max_examples=100, deadline=None)
@given(stock)
def test_atp_never_falls_when_buffers_are_looked_at_over_the_horizon(facts):
    atp = atp_units(
        on_hand_units=facts["on_hand"],
        supply_units=facts["supply"],
        committed_units=facts["committed"],
        buffer_units=facts["buffer"],
    )
    assert (np.diff(atp) >= 0).all()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 10), st.integers(0, 7))
def test_earliest_date_is_the_first_that_a_look_through_all_days_finds(atp, quantity, start):
    start = min(start, len(atp) - 1)
    looked = [t for t in range(start, len(atp)) if atp[t] >= quantity]
    assert earliest_index(atp, quantity, start=start) == (looked[0] if looked else None)
    rising = sorted(atp)
    looked = [t for t in range(start, len(atp)) if rising[t] >= quantity]
    assert earliest_index(rising, quantity, start=start) == (looked[0] if looked else None)
