"""What finds no place on groups: all cuts, max-flow, and locating unit by unit, say the same."""

from itertools import product
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inventory import group_cuts, group_flow, groups
from inventory.group_cuts import Promised
from inventory.groups import GroupLimits, GroupPromise

BOTH = [group_cuts, group_flow]


def problem(due, reach):
    return Promised(np.array(due, np.int64), np.array(reach, np.bool_))


units = st.integers(0, 6)


@st.composite
def problems(draw):
    """Promises, cells and days: few, and what cells give by each day in several situations."""
    promises, cells, days = draw(st.tuples(*[st.integers(1, 4)] * 2, st.integers(1, 3)))
    due = [[draw(units) for _ in range(days)] for _ in range(promises)]
    reach = [[draw(st.booleans()) for _ in range(cells)] for _ in range(promises)]
    steps = [[[draw(units) for _ in range(days)] for _ in range(cells)]
             for _ in range(draw(st.integers(1, 3)))]  # fmt: skip
    return problem(due, reach), np.cumsum(np.array(steps, np.int64), axis=2)


def overdraft(promised, given, levels):
    """Units of the promises counted up to these days, less all that their cells give by then."""
    claimed = sum(
        promised.due[p, : level + 1].sum() for p, level in enumerate(levels) if level >= 0
    )
    taken = 0
    for cell in range(given.shape[0]):
        days = [level for p, level in enumerate(levels) if promised.reach[p, cell]]
        latest = max(days, default=-1)
        taken += given[cell, latest] if latest >= 0 else 0
    return claimed - taken


@settings(max_examples=300, deadline=None)
@given(problems())
def test_cuts_and_flow_agree(asked):
    promised, situations = asked
    by_cuts = group_cuts.homeless_units(promised, situations)
    assert group_flow.homeless_units(promised, situations) == by_cuts
    for homeless, one in zip(by_cuts, situations, strict=True):
        for method in BOTH:  # The cut that each of them names is as bad as it says.
            assert overdraft(promised, one, method.worst_cut(promised, one)) == homeless


def homeless_by_trying(due, reach, given):
    """Locate one unit after the other in every possible way, and keep the best."""
    claims = [(p, day) for p, days in enumerate(due) for day, n in enumerate(days)
              for _ in range(n)]  # fmt: skip
    best = len(claims)
    for chosen in product(*[[*np.flatnonzero(reach[p]), None] for p, _ in claims]):
        located = [(cell, day) for cell, (_, day) in zip(chosen, claims, strict=True)
                   if cell is not None]  # fmt: skip
        if all(
            sum(1 for at, on in located if at == cell and on <= day) <= most
            for cell, by_day in enumerate(given)
            for day, most in enumerate(by_day)
        ):
            best = min(best, len(claims) - len(located))
    return best


few = st.integers(0, 2)
tiny = st.tuples(
    st.lists(st.tuples(few, few), min_size=2, max_size=2).filter(lambda d: sum(map(sum, d)) <= 5),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=2),
    st.lists(st.tuples(few, few), min_size=3, max_size=3),
)


@settings(max_examples=120, deadline=None)
@given(tiny)
@example((((0, 2), (2, 0)), ((True, True, False), (True, False, False)), ((1, 1), (0, 1), (0, 0))))
def test_both_find_what_locating_unit_by_unit_finds(case):
    due, reach, steps = case
    given_units = np.cumsum(np.array(steps, np.int64), axis=1)
    expected = homeless_by_trying(due, np.array(reach), given_units.tolist())
    promised = problem(due, reach)
    for method in BOTH:
        assert method.homeless_units(promised, given_units[None]) == [expected]


@pytest.mark.parametrize("method", BOTH)
def test_units_beyond_32_bits_are_counted_exactly(method):
    """Three promises of 4 billion each on 10 billion: 2 billion find no place."""
    billion = 10**9
    promised = problem([[4 * billion]] * 3, [[True, True], [True, True], [False, True]])
    given_units = np.array([[[7 * billion], [3 * billion]]])
    assert method.homeless_units(promised, given_units) == [2 * billion]


@st.composite
def limited(draw):
    """Locations with what they give by day (or lack), promises, and who asks."""
    count, days = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    later = st.lists(st.integers(0, 4), min_size=days - 1, max_size=days - 1)
    steps = [[draw(st.integers(-3, 8)), *draw(later)] for _ in range(count)]
    net = dict(enumerate(np.cumsum(np.array(steps, np.int64), axis=1)))
    rows = st.frozensets(st.integers(0, count - 1), min_size=1)
    promises = []
    for index in range(draw(st.integers(0, 4))):
        due = [draw(st.integers(0, 4)) for _ in range(days)]
        by_day = tuple(np.cumsum(due).tolist())
        promises.append(GroupPromise(str(index), draw(rows), by_day))
    return net, promises, draw(rows), days


@settings(max_examples=200, deadline=None)
@given(limited())
def test_what_groups_hold_does_not_depend_on_the_method_and_the_cut_explains_it(case):
    net, promises, asked, days = case
    answers = []
    for cuts_max in (0, 10_000):
        with mock.patch.object(groups, "CUTS_MAX", cuts_max):
            near = groups.connected(promises, asked)
            limits = GroupLimits(net, near, asked, days=days)
            left = (limits.supply_units - limits.held_units()).tolist()
            assert left == [limits.cut_at(day).slack_units for day in range(days)]
            answers.append(left)
    assert answers[0] == answers[1]


def slack_by_definition(net, promises, asked, day):
    """The smallest of Σ net − Σ Q over the cuts that are joined at `day` or later: every one."""
    days = range(len(next(iter(net.values()))))
    lowest = None
    for joins in days[day:]:
        for levels in product([-1, *days], repeat=len(promises)):
            counted = dict.fromkeys(asked, joins)
            slack = 0
            for promise, level in zip(promises, levels, strict=True):
                if level >= 0:
                    slack -= promise.units_by_day[level]
                    for row in promise.members:
                        counted[row] = max(counted.get(row, 0), level)
            for row, at in counted.items():
                there = int(net[row][at])
                slack += there if row in asked else max(there, 0)
            lowest = slack if lowest is None else min(lowest, slack)
    return lowest


@settings(max_examples=100, deadline=None)
@given(limited().filter(lambda case: len(case[1]) <= 2 and case[3] <= 4))
def test_what_is_left_is_the_smallest_slack_of_all_cuts(case):
    """availability.md, section 3: ATP = min slack(T), over the days; no cell is merged here."""
    net, promises, asked, days = case
    near = groups.connected(promises, asked)
    limits = GroupLimits(net, near, asked, days=days)
    left = (limits.supply_units - limits.held_units()).tolist()
    expected = [slack_by_definition(net, near, asked, day) for day in range(days)]
    # Promises that no chain of unlocated ones ties to the asked do not count against them, and by
    # definition they do once they are overdrawn themselves.
    alone = GroupLimits(net, near, frozenset(), days=days).held_units()[0]
    if not alone:
        assert left == expected
    else:
        assert all(a >= b for a, b in zip(left, expected, strict=True))
