"""What promises on groups cannot be located: by max-flow, for any number of promises.

The same question as in `inventory.group_cuts`. A claim (a promise and the day it is due) flows into
a cell that it can reach; a cell lets through by each day no more than it gives by then. A claim
without room looks for one along an augmenting path: it takes the place of another claim, which
moves to another cell. Plain integers, so nothing can overflow.

Where cells give more in the next situation, what was located stays, and only what is still without
a place looks again.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from inventory.availability import Units
from inventory.group_cuts import NOT_COUNTED, Promised


def homeless_units(promised: Promised, given: Units) -> list[int]:
    """Units without a place in each of S situations; quickest when `given` (S, C, K) grows."""
    homeless: list[int] = []
    grows = np.ones(len(given), np.bool_)
    grows[1:] = (given[1:] >= given[:-1]).all(axis=(1, 2))
    flow = _Flow(promised)
    for caps, more in zip(given.tolist(), grows.tolist(), strict=True):
        if not more:
            flow = _Flow(promised)
        located_all = more and homeless and not homeless[-1]
        homeless.append(0 if located_all else flow.grow(caps))
    return homeless


def worst_cut(promised: Promised, given: Units) -> list[int]:
    """Of one situation, `given` (C, K): up to which day each promise counts; −1: not at all."""
    flow = _Flow(promised)
    flow.grow(given.tolist())
    levels = [NOT_COUNTED] * len(promised.due)
    for claim in flow.stuck:
        promise = flow.promise_of[claim]
        levels[promise] = max(levels[promise], flow.day_of[claim])
    return levels


class _Flow:
    """Claims located in cells, as many as possible."""

    def __init__(self, promised: Promised) -> None:
        promises, days = promised.due.shape
        due = promised.due.tolist()
        claims = [(day, p) for day in range(days) for p in range(promises) if due[p][day]]
        self.day_of = [day for day, _ in claims]
        self.promise_of = [p for _, p in claims]
        self.left = [due[p][day] for day, p in claims]
        cells = [row.nonzero()[0].tolist() for row in promised.reach]
        self.cells_of: list[list[int]] = [cells[p] for _, p in claims]
        # Per cell: units it gives by each day beyond those located, and who is located there.
        count = promised.reach.shape[1]
        self.given = [[0] * days for _ in range(count)]
        self.free = [[0] * days for _ in range(count)]
        self.located: list[dict[int, int]] = [{} for _ in range(count)]
        self.stuck: set[int] = set()
        self.full_until: list[int] = []

    def grow(self, given: Sequence[Sequence[int]]) -> int:
        """Let the cells give so much, no less than before; returns units without a place."""
        for cell, row in enumerate(given):
            if row != self.given[cell]:
                self.free[cell] = [
                    free + now - before
                    for free, now, before in zip(
                        self.free[cell], row, self.given[cell], strict=True
                    )
                ]
                self.given[cell] = list(row)
        # What finds no way now blocks all it reached: nobody needs to look there again.
        self.stuck = set()
        self.full_until = [NOT_COUNTED] * len(self.given)
        for claim in sorted(range(len(self.left)), key=lambda c: len(self.cells_of[c])):
            while self.left[claim] and claim not in self.stuck:
                self._augment(claim)
        return sum(self.left)

    def _augment(self, root: int) -> None:
        """Find room for a claim, the shortest way; without any, note what it reached as stuck."""
        came_from: dict[int, tuple[int, int]] = {}
        full_until: dict[int, int] = {}
        queue = deque([root])
        seen = {root}
        while queue:
            claim = queue.popleft()
            day = self.day_of[claim]
            for cell in self.cells_of[claim]:
                before = full_until.get(cell, self.full_until[cell])
                if day <= before:
                    continue
                full = _first_full(self.free[cell], day)
                if full is None:
                    self._shift(root, claim, cell, came_from)
                    return
                full_until[cell] = full
                for other in self.located[cell]:
                    if self.day_of[other] <= full and not (other in seen or other in self.stuck):
                        seen.add(other)
                        came_from[other] = claim, cell
                        queue.append(other)
        self.stuck |= seen
        for cell, full in full_until.items():
            self.full_until[cell] = full

    def _shift(
        self, root: int, last: int, room: int, came_from: dict[int, tuple[int, int]]
    ) -> None:
        """Move units along the path: the last claim into the room, each other into its place."""
        steps = []
        claim = last
        units = min(self.free[room][self.day_of[last] :])
        while claim != root:
            pusher, cell = came_from[claim]
            units = min(units, self.located[cell][claim])
            entering, leaving = self.day_of[pusher], self.day_of[claim]
            if entering < leaving:
                units = min(units, *self.free[cell][entering:leaving])
            steps.append((pusher, claim, cell))
            claim = pusher
        units = min(units, self.left[root])
        assert units > 0
        self._locate(last, room, units)
        for pusher, pushed, cell in steps:
            self._locate(pushed, cell, -units)
            self._locate(pusher, cell, units)
        self.left[root] -= units

    def _locate(self, claim: int, cell: int, units: int) -> None:
        there = self.located[cell].get(claim, 0) + units
        if there:
            self.located[cell][claim] = there
        else:
            del self.located[cell][claim]
        free = self.free[cell]
        for day in range(self.day_of[claim], len(free)):
            free[day] -= units


def _first_full(free: Sequence[int], day: int) -> int | None:
    """The first day from `day` on by which nothing more can go through."""
    for at in range(day, len(free)):
        if free[at] <= 0:
            return at
    return None
