"""All features of a panel, made for the examples that ask for them, as of each one's own origin.

An example (series, origin, periods ahead) reads a few rows of its series. Columns are made for a
stretch of series at a time, on all their rows at once, the examples pick theirs, and the columns
are dropped: thousands of origins for training cost hardly more than one for forecasting, and
memory holds the examples rather than a table of everything.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from features.block import Block
from features.catalog import Anchor, Feature, offset_periods
from features.demand import DEMAND
from features.frame import Panel
from features.groups import usual_demand
from features.recipe import Recipe, recipe_for
from features.timeline import Timeline, timeline_of
from features.windows import Running, ratio
from inventory.demand import Floats

__all__ = ["FeatureTable", "Recipe", "build", "recipe_for"]

LEVEL_SHARE_MIN = 0.25
"""A series quiet of late keeps this share of its lifelong level as its unit."""
LEVEL_FLOOR_SHARE = 0.02
"""And every series at least this share of the median level so far: nothing divides by zero."""

CELLS_AT_ONCE = 32_768
"""Rows of a stretch of series: its columns stay in the processor's cache."""
SERIES_AT_ONCE_MIN = 64
"""Series side by side at least, however long they are: loops over time are paid once for all."""


@dataclass(slots=True, eq=False)
class FeatureTable:
    """Features of every row of every series, history and horizon, made when examples are picked.

    demand_units, level_units : of all rows, series after series; a series' rows start at its first
        period. first_row, origin_place : of each series, its first row, and how many rows on the
        origin lies.
    """

    features: tuple[Feature, ...]
    timeline: Timeline
    demand_units: Floats
    level_units: Floats
    first_row: np.ndarray
    origin_place: np.ndarray
    period_days: int
    threads: int = 1

    @property
    def names(self) -> list[str]:
        """Names of the matrix's columns."""
        return [*(f.name for f in self.features), "ahead", "log_level"]

    def matrix(
        self, *, series: np.ndarray, origin_place: np.ndarray, ahead: np.ndarray
    ) -> tuple[Floats, Floats]:
        """Examples (n, F) as float32, and the level (n,) that their demand is divided by.

        Rows are read as of each example's own origin; NaN where a row lies before the series.
        """
        level = self.level_units[self.first_row[series] + origin_place]
        matrix = np.empty((len(series), len(self.features) + 2), dtype=np.float32)
        order = np.argsort(series, kind="stable")
        sorted_series = series[order]

        def fill(some: slice) -> None:
            within = slice(*np.searchsorted(sorted_series, [some.start, some.stop]))
            picked = order[within]
            if len(picked):
                block = self.timeline.block(some)
                at = _Examples(block, series[picked] - some.start, origin_place[picked],
                               ahead[picked])  # fmt: skip
                for j, feature in enumerate(self.features):
                    matrix[picked, j] = at.value(feature, self.features)

        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(fill, self.stretches()))
        scaled = [j for j, feature in enumerate(self.features) if feature.scaled]
        matrix[:, scaled] /= level[:, None]
        matrix[:, -2] = ahead
        matrix[:, -1] = np.log1p(level)
        matrix[np.isinf(matrix)] = np.nan  # A figure too large to hold says nothing.
        return matrix, level

    def stretches(self) -> Iterator[slice]:
        """Series that are worked on together."""
        step = max(SERIES_AT_ONCE_MIN, CELLS_AT_ONCE // self.timeline.periods)
        for first in range(0, len(self.first_row), step):
            yield slice(first, min(first + step, len(self.first_row)))

    def every_row(self, some: slice) -> dict[str, Floats]:
        """Each feature on all rows of some series, (T, n) single precision, still in units."""
        block = self.timeline.block(some)
        shape = block.demand.shape
        made = {}
        with np.errstate(all="ignore"):
            for feature in self.features:
                values = feature.values(block).astype(np.float32, copy=False)
                made[feature.name] = np.broadcast_to(values, shape)
        return made


@dataclass(slots=True)
class _Examples:
    """Examples of one block: which of its series, from which place on, how far ahead."""

    block: Block
    series: np.ndarray
    origin_place: np.ndarray
    ahead: np.ndarray

    def value(self, feature: Feature, features: tuple[Feature, ...]) -> Floats:
        """(n,), still in units of demand."""
        block = self.block
        with np.errstate(all="ignore"):  # Unknown values meet here by design.
            value = self._read(feature.values(block), feature.anchor)
            if feature.given is not None:
                assert feature.otherwise is not None
                state = self._read(block.column(feature.given), Anchor.TARGET)
                other = self._read(feature.otherwise(block), feature.anchor)
                value = np.where(np.isnan(state), np.nan, np.where(state == 1, value, other))
            if feature.less is not None:
                usual = next(f for f in features if f.name == feature.less)
                value = value - self._read(usual.values(block), Anchor.ORIGIN)
        return value

    def _read(self, values: Floats, anchor: Anchor) -> Floats:
        """The value at the row that the anchor reads; NaN where that is before the series began."""
        block = self.block
        place = self.origin_place + offset_periods(
            anchor, self.ahead, period_days=block.period_days
        )
        row = np.where(place >= 0, block.start[self.series] + place, 0)
        everywhere = np.broadcast_to(values, (len(block.demand), len(block.start)))
        read: Floats = np.where(place >= 0, everywhere[row, self.series], np.nan)
        return read


def build(panel: Panel, recipe: Recipe, *, threads: int = 1) -> FeatureTable:
    """Every feature of the recipe on every row of the panel and its horizon."""
    timeline = timeline_of(panel, recipe)
    length = timeline.periods - timeline.start
    first_row = np.concatenate([[0], np.cumsum(length)[:-1]]).astype(np.int64)
    alive = np.arange(timeline.periods) >= timeline.start[:, None]
    demand = timeline.by_row[DEMAND]
    return FeatureTable(
        features=recipe.features,
        timeline=timeline,
        demand_units=demand[alive],
        level_units=_levels(demand, recipe.period_days)[alive],
        first_row=first_row,
        origin_place=length.astype(np.int64) - recipe.horizon - 1,
        period_days=panel.period_days,
        threads=threads,
    )


def _levels(demand: Floats, period_days: int) -> Floats:
    """What demand is divided by, on each row, (N, T): the recent mean, kept away from zero."""
    usual = usual_demand(demand, period_days)
    ever = _mean_so_far(demand)
    typical = _typical(ever)
    level = np.fmax(usual, LEVEL_SHARE_MIN * ever)  # NaN only where nothing is known yet.
    level = np.where(np.isnan(level), typical, level)
    floored: Floats = np.maximum(level, LEVEL_FLOOR_SHARE * typical).astype(np.float32)
    return floored


def _typical(ever: Floats) -> Floats:
    """The median level so far of what sells, (T,); one where nothing has sold yet.

    The median: one giant among them must not lift everyone's floor.
    """
    selling = np.where(ever > 0, ever, np.nan)
    some = ~np.isnan(selling).all(axis=0)
    typical = np.ones(ever.shape[1])
    typical[some] = np.nanmedian(selling[:, some], axis=0)
    return typical


def _mean_so_far(demand: Floats) -> Floats:
    running = Running.of(demand.T.astype(np.float64))
    return ratio(running.total, running.known).T
