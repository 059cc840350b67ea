"""Promises made on sets of locations, to be located later, and what they leave for others.

A group hold takes no unit of a particular location until it is located. As groups overlap, the
question is whether every outstanding group promise can still be located together with what is being
asked for. That is a flow: promises flow into the locations of their group, and a location gives by
day u no more than a_l(u) = max(0, raw_l(u)). By max-flow = min-cut, what is asked for on the
locations `asked` may take at day t

    ATP(t) = Σ (a_l − short_l)(t) over asked  −  H(t)

where H(t) are the units promised on groups that find no place once all of that is taken. For one
group this is min Σ_l (a_l − short_l)(u) − Q(u), u ≥ t; for days that do not matter it is Hall's
condition: the smallest slack(T) = Σ a_l − Σ q_g over the sets T of promises.

Locations that the same promises can go to count as one *cell*, with the lowest total of any later
day. A promise that has cells to itself is located there first: nobody else could use them. H of
what remains is searched over all cuts when these are few, and is a max-flow when they are many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from inventory import group_cuts, group_flow
from inventory.availability import Units, lowest_from_each_day
from inventory.group_cuts import NOT_COUNTED, Promised

CUTS_MAX = 256
"""Up to so many cuts are tried one by one; with more of them a flow is quicker."""


@dataclass(frozen=True, slots=True)
class GroupPromise:
    """Units outstanding on a set of locations. `members`: rows of the projection."""

    name: str
    members: frozenset[int]
    units_by_day: tuple[int, ...]
    """Cumulative: what must have left by the end of each day."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What holds back an answer: the locations that count, less the promises that count."""

    slack_units: int
    counted_on: dict[int, int]
    """Row of the projection, and the day at which what it gives is counted."""
    joined: tuple[tuple[int, int], ...]
    """(index of the promise, the day up to which it is counted)."""


def net_units(projected: Units, raw: Units) -> Units:
    """net_l(t) = max(0, raw) − max(0, −U): what a location gives to a group, or lacks, (N, D)."""
    net: Units = np.maximum(raw, 0) + np.minimum(lowest_from_each_day(projected), 0)
    return net


def connected(promises: Sequence[GroupPromise], asked: frozenset[int]) -> list[GroupPromise]:
    """The promises that can be in each other's way with what is asked for, through any chain."""
    reached, rest = set(asked), list(promises)
    found: list[GroupPromise] = []
    while rest:
        touching = [p for p in rest if not reached.isdisjoint(p.members)]
        if not touching:
            break
        found += touching
        rest = [p for p in rest if reached.isdisjoint(p.members)]
        reached.update(*(p.members for p in touching))
    return found


@dataclass(slots=True, eq=False)
class _Cells:
    """Locations by who can take from them: the asked, and which promises."""

    rows: list[list[int]]
    asked: list[bool]
    reach: list[list[int]]
    """Indices of the promises that can be located there."""
    units: Units
    """(C, D), as the members sum up day by day."""
    lowest: Units = field(init=False)
    """(C, D), the lowest of this and all later days: it never falls."""

    def __post_init__(self) -> None:
        self.lowest = lowest_from_each_day(self.units)


class GroupLimits:
    """What promises on groups leave of the supply at `asked`.

    `net` is what each location gives to a group by each day, or lacks. A lack counts where it was
    asked for, not against promises elsewhere: those take what there is.
    """

    def __init__(
        self,
        net: Mapping[int, Units],
        promises: Sequence[GroupPromise],
        asked: frozenset[int],
        *,
        days: int,
    ) -> None:
        self.promises = promises
        self.days = days
        self._cells = _cells_of(net, promises, asked, days=days)
        self._inside = np.array(self._cells.asked, np.bool_)
        self.supply_units: Units = self._cells.lowest[self._inside].sum(axis=0)
        """What the asked locations can give, shape (D,), were it not for the promises."""
        self._due_days, self._due = _due(promises)
        self._locate_alone()

    def _locate_alone(self) -> None:
        """Locate promises in cells that are theirs alone, as long as that makes others alone."""
        cells = self._cells
        waiting = {p for p in range(len(self.promises)) if self._due[p].any()}
        open_cells = [c for c in range(len(cells.rows)) if not cells.asked[c] and cells.reach[c]]
        while True:
            alone: dict[int, list[int]] = {}
            for cell in open_cells:
                users = [p for p in cells.reach[cell] if p in waiting]
                if len(users) == 1:
                    alone.setdefault(users[0], []).append(cell)
            for promise, own in alone.items():
                given = np.maximum(cells.lowest[own], 0).sum(axis=0)[self._due_days]
                self._due[promise] = _left_after(self._due[promise], given)
                open_cells = [c for c in open_cells if c not in own]
            located = {p for p in waiting if not self._due[p].any()}
            if not located:
                break
            waiting -= located
        self._waiting = self._near_asked(sorted(waiting), open_cells)
        self._outside = [c for c in open_cells if any(p in self._waiting for p in cells.reach[c])]
        self._shared = [c for c in range(len(cells.rows)) if cells.asked[c]]
        of_cell = [set(cells.reach[c]) for c in self._outside + self._shared]
        reach = np.array([[p in used for used in of_cell] for p in self._waiting], np.bool_)
        self._promised = Promised(
            self._due[self._waiting], reach.reshape(len(self._waiting), len(of_cell))
        )

    def _near_asked(self, waiting: list[int], open_cells: list[int]) -> list[int]:
        """Of the promises still to be located, those in the way of each other and the asked."""
        if not self._inside.any():
            return waiting
        cells, still = self._cells, set(waiting)
        near: set[int] = set()
        together = [still.intersection(cells.reach[c]) for c in open_cells]
        grown = {p for c, asked in enumerate(cells.asked) if asked for p in cells.reach[c]} & still
        while grown - near:
            near |= grown
            grown = near.union(*(promises for promises in together if near & promises))
        return sorted(near)

    def held_units(self, taken: Units | None = None) -> Units:
        """H, shape (D,): promised units without a place once the asked give all they can.

        `taken` (D,): how much is taken at the asked, where that is more than groups get there.
        """
        if not self._waiting:
            return np.zeros(self.days, np.int64)
        given = self._given(taken)
        # The later the day, the more is taken there: start with the last, as cells then only grow.
        differs = np.ones(self.days, np.bool_)
        differs[:-1] = (given[:-1] != given[1:]).any(axis=(1, 2))
        situations = np.flatnonzero(differs)[::-1]
        homeless = _method(self._promised).homeless_units(self._promised, given[situations])
        held = np.empty(self.days, np.int64)
        held[situations] = homeless
        of_run = np.searchsorted(situations[::-1], np.arange(self.days))
        filled: Units = held[situations[::-1][of_run]]
        return filled

    def _given(self, taken: Units | None) -> Units:
        """(D, C, K): what is left for promises in each cell when the asked take all they can."""
        cells, due = self._cells, self._due_days
        inside = cells.lowest[self._shared]
        took = inside if taken is None else np.maximum(inside, taken)
        left = np.maximum(inside[None, :, due] - took.T[:, :, None], 0)
        outside = np.maximum(cells.lowest[self._outside][:, due], 0)
        fixed = np.broadcast_to(outside, (self.days, *outside.shape))
        given: Units = np.concatenate([fixed, left], axis=1)
        return given

    def cut_at(self, day: int) -> Cut:
        """What holds back the answer at `day`: its slack is the supply less what is held there."""
        levels = [NOT_COUNTED] * len(self.promises)
        if self._waiting:
            given = self._given(None)[day]
            found = _method(self._promised).worst_cut(self._promised, given)
            for promise, level in zip(self._waiting, found, strict=True):
                levels[promise] = NOT_COUNTED if level < 0 else self._due_days[level]
        cells = self._cells
        slack = -sum(
            self.promises[p].units_by_day[level] for p, level in enumerate(levels) if level >= 0
        )
        counted_on: dict[int, int] = {}
        for cell, rows in enumerate(cells.rows):
            reached = [levels[p] for p in cells.reach[cell]]
            level = max([*reached, day if cells.asked[cell] else NOT_COUNTED])
            if level == NOT_COUNTED:
                continue
            at = level + int(cells.units[cell, level:].argmin())
            slack += int(cells.units[cell, at])
            counted_on |= dict.fromkeys(rows, at)
        joined = tuple((p, level) for p, level in enumerate(levels) if level >= 0)
        return Cut(slack, counted_on, joined)


def _method(promised: Promised) -> ModuleType:
    return group_cuts if promised.cuts <= CUTS_MAX else group_flow


def _cells_of(
    net: Mapping[int, Units],
    promises: Sequence[GroupPromise],
    asked: frozenset[int],
    *,
    days: int,
) -> _Cells:
    """Locations with the same promises in one cell; a lack counts inside what is asked only."""
    users: dict[int, list[int]] = {row: [] for row in asked}
    for index, promise in enumerate(promises):
        for row in promise.members:
            users.setdefault(row, []).append(index)
    by_users: dict[tuple[bool, tuple[int, ...]], list[int]] = {}
    for row, reach in users.items():
        by_users.setdefault((row in asked, tuple(reach)), []).append(row)
    units = np.zeros((len(by_users), days), np.int64)
    for cell, ((inside, _), rows) in enumerate(by_users.items()):
        given = np.array([net[row] for row in rows])
        units[cell] = (given if inside else np.maximum(given, 0)).sum(axis=0)
    return _Cells(
        list(by_users.values()),
        [inside for inside, _ in by_users],
        [list(reach) for _, reach in by_users],
        units,
    )


def _due(promises: Sequence[GroupPromise]) -> tuple[list[int], Units]:
    """The days on which something is due, and the units of each promise due on each, (P, K)."""
    if not promises:
        return [], np.zeros((0, 0), np.int64)
    by_day = np.diff([p.units_by_day for p in promises], axis=1, prepend=0)
    days = np.flatnonzero(by_day.any(axis=0))
    return days.tolist(), by_day[:, days]


def _left_after(due: Units, given: Units) -> Units:
    """What remains of a promise when a cell of its own takes all it can, the earliest first."""
    left, located = due.copy(), 0
    for day, units in enumerate(due.tolist()):
        here = min(units, int(given[day]) - located)
        located += here
        left[day] -= here
    return left
