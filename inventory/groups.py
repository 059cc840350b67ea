"""Promises made on a set of locations, to be located later, and what they leave for others.

A group hold takes no unit of a particular location until it is located. As groups overlap, the
question is whether every outstanding group promise can still be located together with what is being
asked for. That is a flow: promises flow into the locations of their group, a location takes by day
u no more than net_l(u) = a_l(u) − short_l(u). By max-flow = min-cut it is feasible iff no *cut* is
overdrawn. A cut is a set T of promises, each counted up to a day u_g of its own:

    slack(T, u) = Σ net_l(max u_g of the groups of l)  −  Σ Q_g(u_g)       l in the union of T

where Q_g(u) are the units promised on g up to day u. What is asked for joins the cut as one more
group (a single location is a group of one), and may take at day t the smallest slack over the cuts
that it joins at a day u ≥ t. For one group this is min Σ_l net_l(u) − Q(u), u ≥ t; for days that
do not matter it is Hall's condition, slack(T) = Σ a_l − Σ q_g.

Cuts are searched by dynamic programming over subsets of promises, day by day: exact, and fast for
the handful of overlapping groups that one SKU has promises on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inventory.availability import Units, lowest_from_each_day

NEVER = 1 << 60
"""More than any stock: the value of a cut that does not exist."""


@dataclass(frozen=True, slots=True)
class GroupPromise:
    """Units outstanding on a set of locations. `members`: rows of the projection."""

    name: str
    members: frozenset[int]
    units_by_day: tuple[int, ...]
    """Cumulative: what must have left by the end of each day."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What holds back an answer: which promises, each counted up to which day, and what is left."""

    slack_units: int
    joined: tuple[tuple[int, int], ...]
    """(index of the promise, day), in the order of joining: latest day first."""
    day: int
    """The day at which what is asked for joins."""


def net_units(projected: Units, raw: Units) -> Units:
    """net_l(t) = max(0, raw) − max(0, −U): what a location gives to a group, or lacks, (N, D)."""
    net: Units = np.maximum(raw, 0) + np.minimum(lowest_from_each_day(projected), 0)
    return net


def connected(promises: Sequence[GroupPromise], asked: frozenset[int]) -> list[GroupPromise]:
    """The promises that can be in each other's way with what is asked for, through any chain."""
    reached, rest = set(asked), list(promises)
    found: list[GroupPromise] = []
    while True:
        touching = [p for p in rest if reached & p.members]
        if not touching:
            return found
        found += touching
        rest = [p for p in rest if not reached & p.members]
        reached.update(*(p.members for p in touching))


def tightest_cuts(
    net: Units, promises: Sequence[GroupPromise], asked: frozenset[int], *, alone: bool
) -> list[Cut]:
    """For each day, the tightest cut that what is asked for joins on that very day; length D.

    `alone` admits the cut without any promise, the plain supply of the asked locations.
    """
    search = _CutSearch(net, promises, asked, alone=alone)
    cuts = search.cuts()
    marks = [*search.days, net.shape[1]]
    return [cut for cut, (first, end) in zip(cuts, pairwise(marks), strict=True)
            for _ in range(first, end)]  # fmt: skip


def tightest_from(cuts: Sequence[Cut], day: int) -> Cut:
    """The tightest cut joined at `day` or later; the earliest of equals."""
    return min(cuts[day:], key=lambda cut: (cut.slack_units, cut.day))


def slack_from_each_day(cuts: Sequence[Cut]) -> Units:
    """Smallest slack over the cuts joined on each day or later, shape (D,): may be negative."""
    slack = np.array([[cut.slack_units for cut in cuts]], np.int64)
    lowest: Units = lowest_from_each_day(slack)[0]
    return lowest


_Path = tuple[tuple[int, int], ...]
_Best = tuple[int, _Path]


class _CutSearch:
    """Dynamic programming over (day, subset of promises counted so far), latest day first."""

    def __init__(
        self, net: Units, promises: Sequence[GroupPromise], asked: frozenset[int], *, alone: bool
    ) -> None:
        self.days = _days_that_differ(net, promises)
        self.count = len(promises)
        self.promised = [[p.units_by_day[day] for day in self.days] for p in promises]
        self.alone = alone
        columns = net[:, self.days]
        members = [set(p.members) for p in promises]
        self.supply: list[list[int]] = []
        self.supply_with_asked: list[list[int]] = []
        for subset in range(1 << self.count):
            union = set().union(*(members[g] for g in range(self.count) if subset >> g & 1))
            self.supply.append(_total(columns, union))
            self.supply_with_asked.append(_total(columns, union | asked))

    def cuts(self) -> list[Cut]:
        before = self._joined_before()
        after = self._joined_after()
        return [self._best_cut(day, before[day], after[day]) for day in range(len(self.days))]

    def _best_cut(self, day: int, before: list[_Best], after: list[_Best]) -> Cut:
        slack, path = min(
            (
                units + self.supply_with_asked[subset][day] - self.supply[subset][day] + more,
                path + later,
            )
            for subset, ((units, path), (more, later)) in enumerate(zip(before, after, strict=True))
        )
        joined = tuple((promise, self.days[at]) for promise, at in path)
        return Cut(slack, joined, self.days[day])

    def _joined_before(self) -> list[list[_Best]]:
        """Cheapest way to have counted exactly each subset on this day or later ones."""
        best: list[_Best] = [(NEVER, ())] * (1 << self.count)
        best[0] = (0, ())
        by_day: list[list[_Best]] = []
        for day in reversed(range(len(self.days))):
            for subset in range(1, 1 << self.count):
                for promise in _members_of(subset):
                    units, path = best[subset ^ (1 << promise)]
                    cost = self._cost(self.supply, promise, subset, day)
                    best[subset] = min(best[subset], (units + cost, (*path, (promise, day))))
            by_day.append(best.copy())
        return by_day[::-1]

    def _joined_after(self) -> list[list[_Best]]:
        """Cheapest that may still be added to each subset plus the asked, up to this day."""
        best: list[_Best] = [(0, ())] * (1 << self.count)
        if not self.alone:
            best[0] = (NEVER, ())
        full = (1 << self.count) - 1
        by_day: list[list[_Best]] = []
        for day in range(len(self.days)):
            for subset in range(full - 1, -1, -1):
                for promise in _members_of(full ^ subset):
                    larger = subset | (1 << promise)
                    units, path = best[larger]
                    cost = self._cost(self.supply_with_asked, promise, larger, day)
                    best[subset] = min(best[subset], (units + cost, ((promise, day), *path)))
            by_day.append(best.copy())
        return by_day

    def _cost(self, supply: list[list[int]], promise: int, subset: int, day: int) -> int:
        """What the slack gains in supply and loses to demand when the promise joins on a day."""
        gained = supply[subset][day] - supply[subset ^ (1 << promise)][day]
        return gained - self.promised[promise][day]


def _members_of(subset: int) -> list[int]:
    return [bit for bit in range(subset.bit_length()) if subset >> bit & 1]


def _total(columns: Units, rows: Collection[int]) -> list[int]:
    total: list[int] = columns[sorted(rows)].sum(axis=0).tolist()
    return total


def _days_that_differ(net: Units, promises: Sequence[GroupPromise]) -> list[int]:
    """Day 0 and every day on which anything changes: the days in between are all alike."""
    changes = (np.diff(net, axis=1) != 0).any(axis=0)
    for promise in promises:
        changes |= np.diff(promise.units_by_day) != 0
    return [0, *(int(day) + 1 for day in np.flatnonzero(changes))]
