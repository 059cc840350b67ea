"""Stated demand, spread over series and days: which of several statements holds, and for what.

Means per day of item-location series are adjusted in two steps.

1. Factors multiply, all of them that touch a cell (one series on one day), in any order.
2. Quantities hold: each sets the sum of its cells, in proportion to what step 1 left there. A
   factor on the same cells then changes how a quantity is spread, not how much it is.

Where quantities overlap, the narrower scope holds, and of equally narrow ones the later statement.
What is held is taken off the wider quantity, and the rest of that goes to its other cells: with 700
for a category and 300 for one of its items, the others share 400; with 800 for the item they get
nothing. Of one scope stated twice, the later statement replaces the earlier on the days that both
name, and the earlier one's other days stay as they were.

Where a quantity meets only zeros, it is spread by what the series sell over the whole forecast, and
where they sell nothing at all, evenly. Days of its range before the first forecast day keep their
even share of a total quantity.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

NOTHING_UNITS = 1e-9
"""Cells that sum to less are taken for zero: their proportions would be noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Mean units per day of N series over D days from `first_day` on.

    covered : shape (N, D), whether a forecast says anything about the cell; elsewhere units are 0.
    usual : shape (N,), mean units per day over the whole forecast.
    """

    first_day: date
    units: Floats
    covered: NDArray[np.bool_]
    usual: Floats

    def part(self, rows: slice) -> "Grid":
        """Some of the series."""
        return Grid(self.first_day, self.units[rows], self.covered[rows], self.usual[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """One statement about a block of cells: rows of the grid, and days `first` to `last` in it.

    Days may lie outside the grid. age : when it was stated, and a number that breaks ties.
    """

    rows: NDArray[np.integer]
    first: int
    last: int
    scope: Hashable
    narrowness: int
    age: tuple[datetime, int]
    quantity: float | None
    per_day: bool
    factor: float | None


def adjusted_units(grid: Grid, stated: Sequence[Stated]) -> Floats:
    """Mean units per day, shape (N, D), once all statements are followed; never negative."""
    units = grid.units.copy()
    for one in stated:
        if one.factor is not None:
            units[one.rows, max(0, one.first) : max(0, one.last + 1)] *= one.factor
    quantities = sorted(
        (one for one in stated if one.quantity is not None),
        key=lambda one: (one.narrowness, one.age),
        reverse=True,
    )
    held = np.zeros(units.shape, dtype=bool)
    replaced: dict[Hashable, NDArray[np.bool_]] = {}
    for one in quantities:
        taken = replaced.setdefault(one.scope, np.zeros(units.shape[1], dtype=bool))
        _hold(grid, units, held, one, taken)
        taken[max(0, one.first) : max(0, one.last + 1)] = True
    return units


def _hold(
    grid: Grid,
    units: Floats,
    held: NDArray[np.bool_],
    one: Stated,
    taken: NDArray[np.bool_],
) -> None:
    """Set the cells of one quantity that nothing narrower or later holds, and mark them."""
    assert one.quantity is not None
    days = np.arange(max(0, one.first), min(units.shape[1], one.last + 1))
    days = days[grid.covered[np.ix_(one.rows, days)].any(axis=0)]
    left = days[~taken[days]]
    if not len(left):
        return
    if one.per_day:
        for day in left:
            _fill(grid, units, held, np.ix_(one.rows, [day]), one.quantity)
        return
    total = one.quantity * len(days) / (one.last - one.first + 1)
    if len(left) < len(days):
        total *= _share(grid, one, left, days)
    _fill(grid, units, held, np.ix_(one.rows, left), total)


def _share(grid: Grid, one: Stated, left: NDArray[np.integer], days: NDArray[np.integer]) -> float:
    """How much of a quantity falls on the days that no later statement of its scope replaced."""
    whole = float(grid.units[np.ix_(one.rows, days)].sum())
    if whole < NOTHING_UNITS:
        return len(left) / len(days)
    return float(grid.units[np.ix_(one.rows, left)].sum()) / whole


def _fill(
    grid: Grid,
    units: Floats,
    held: NDArray[np.bool_],
    cells: tuple[NDArray[np.integer], ...],
    total: float,
) -> None:
    """Make the block sum to `total` through its free cells, as far as what is held leaves room."""
    free = grid.covered[cells] & ~held[cells]
    if not free.any():
        return
    block = units[cells]
    rest = max(0.0, total - float(block[~free].sum()))
    weights = np.where(free, block, 0.0)
    if weights.sum() < NOTHING_UNITS:
        weights = np.where(free, grid.usual[cells[0]], 0.0)
    if weights.sum() < NOTHING_UNITS:
        weights = free.astype(float)
    units[cells] = np.where(free, weights * (rest / weights.sum()), block)
    held[cells] |= free
