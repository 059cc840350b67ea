"""What a booster learns from: targets of the past, each seen from an origin of its own.

One target may be drawn more than once, from different distances: the drawn share of a small file is
its every target several times over, and of a large one a sample. Periods censored by a stock-out
are no targets; their demand is not known.
"""

from dataclasses import dataclass

import numpy as np

from features.build import FeatureTable
from features.demand import CENSORED, censored_expr
from features.frame import Panel
from inventory.demand import Floats

MEMORY_PERIODS = {1: 365, 7: 104}
"""Half-life of an example's chance to be drawn, by days per period."""

AGE_MIN_PERIODS = {1: 7, 7: 4}
"""Periods a series must have behind an origin before it teaches anything."""

EXAMPLES_PER_TARGET = 14
"""Examples drawn per target at most: more would show the same sale again from next door. Where
there are few targets, fourteen lose 0.5 to 1 % less than four (1,000 FreshRetail series, two
earlier windows); where there are many, the most that are drawn bind first."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """n examples: the row of the series, the place of the origin in it, periods ahead; all (n,).

    sold_units : demand at the target.
    """

    series: np.ndarray
    origin_place: np.ndarray
    ahead: np.ndarray
    sold_units: Floats


def draw(panel: Panel, table: FeatureTable, *, horizon: int, count_max: int, seed: int) -> Examples:
    """At most `count_max` examples, newer targets more often; none where nothing can be read."""
    rng = np.random.default_rng(seed)
    length = np.diff(np.append(table.first_row, len(table.demand_units)))
    owner = np.repeat(np.arange(len(length)), length)
    place = np.arange(len(owner)) - table.first_row[owner]
    age_min = AGE_MIN_PERIODS[table.period_days]
    usable = ~_censored(panel, table) & ~np.isnan(table.demand_units) & (place > age_min)
    usable &= place <= table.origin_place[owner]
    rows = np.flatnonzero(usable)
    if len(rows) == 0:
        return Examples(rows, rows, rows, table.demand_units[rows])
    back = (table.origin_place[owner] - place)[rows]
    chance = 0.5 ** (back / MEMORY_PERIODS[table.period_days])
    wanted = min(count_max, len(rows) * min(horizon, EXAMPLES_PER_TARGET))
    drawn = rng.choice(rows, size=wanted, p=chance / chance.sum())
    drawn.sort()
    ahead = rng.integers(1, np.minimum(horizon, place[drawn] - age_min) + 1)
    return Examples(owner[drawn], place[drawn] - ahead, ahead, table.demand_units[drawn])


def _censored(panel: Panel, table: FeatureTable) -> np.ndarray:
    """Rows of the table that are censored: those of the horizon count as not."""
    flags = panel.history.select(censored_expr()).get_column(CENSORED).to_numpy()
    length = table.origin_place + 1
    rows = np.repeat(table.first_row, length) + _within(length)
    found = np.zeros(len(table.demand_units), dtype=bool)
    found[rows] = flags
    return found


def _within(length: np.ndarray) -> np.ndarray:
    """0..n-1 for each n, one after the other."""
    starts = np.concatenate([[0], np.cumsum(length)[:-1]])
    places: np.ndarray = np.arange(length.sum()) - np.repeat(starts, length)
    return places
