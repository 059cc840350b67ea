"""Every feature says which row it reads and when that row's value is known.

To forecast period `o + h` we stand at the end of the origin `o`. A feature reads one row of its
series, named by its anchor: the origin itself, the last row of the same season position at or
before the origin, the row a year before the target, or the target. `known_after_periods` is how
long after the end of that row its value is known: 0 for sales, which arrive overnight; far negative
for a calendar. `is_legal` applies the one rule, `row + known_after <= origin`, for every period of
the horizon, and `chosen` refuses what breaks it: a leak cannot hide in a feature and flatter a
backtest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal

import numpy as np

from features.block import Block
from inventory.demand import Floats

KNOWN_AHEAD = -100_000
"""Known this many periods early: always. Calendars, and covariates that the future file holds."""


class Anchor(StrEnum):
    """Which row a feature reads."""

    ORIGIN = "origin"
    SEASON = "season"
    """Last row at or before the origin at the target's place in the season (same weekday)."""
    YEAR = "year"
    """The row a year before the target: 364 days or 52 weeks, so weekdays agree."""
    TARGET = "target"


Group = Literal["history", "external", "product", "customer", "inventory"]
GROUPS: tuple[Group, ...] = ("history", "external", "product", "customer", "inventory")

Values = Callable[[Block], Floats]
"""Values on every row of a block: (T, n), or (T, 1) and (1, n) where that says it all."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column for the models: how to compute it, and when we may.

    values : of a block of series; evaluated on every row.
    scaled : in units of demand, so divided by the series' level before a model sees it.
    less : name of the feature to subtract, which is then read at the origin.
    given, otherwise : the value is `values` where the covariate `given` is 1 at the target, and
        `otherwise` where it is not; both are read at the feature's anchor.
    default : models take it unless told to take everything. Not so where it restates what other
        columns hold: a tree splits its attention between them, and on rolling windows of three
        public data sets such columns raised the quantile loss more often than not, by 1 to 3 %.
    """

    name: str
    unit: str
    group: Group
    anchor: Anchor
    known_after_periods: int
    why: str
    values: Values
    scaled: bool = False
    less: str | None = None
    given: str | None = None
    otherwise: Values | None = None
    default: bool = True
    periods_min: int = 0
    """Without so many periods of history it would say nothing, so it is left out."""

    @property
    def known_when(self) -> str:
        """In words: the row it reads, and when the value of that row is known."""
        row = {
            Anchor.ORIGIN: "the origin",
            Anchor.SEASON: "the last same place in the season by the origin",
            Anchor.YEAR: "a year before the target",
            Anchor.TARGET: "the target",
        }[self.anchor]
        if self.known_after_periods == KNOWN_AHEAD:
            return f"reads {row}, known ahead"
        if self.known_after_periods:
            return f"reads {row}, known {self.known_after_periods} periods after it"
        return f"reads {row}, known at its end"


def year_periods(period_days: int) -> int:
    """A year as a whole number of weeks, in periods."""
    return 364 // period_days


def season_periods(period_days: int) -> int:
    """The season that `Anchor.SEASON` follows: a week of days, a year of weeks."""
    return 7 if period_days == 1 else 52


def offset_periods(anchor: Anchor, ahead: np.ndarray, *, period_days: int) -> np.ndarray:
    """The row that an anchor reads, counted from the origin, for targets `ahead` periods on.

    >>> offset_periods(Anchor.SEASON, np.array([1, 7, 8]), period_days=1)
    array([-6,  0, -6])
    """
    match anchor:
        case Anchor.ORIGIN:
            return np.zeros_like(ahead)
        case Anchor.SEASON:
            season = season_periods(period_days)
            last: np.ndarray = ahead - season * -(-ahead // season)
            return last
        case Anchor.YEAR:
            return ahead - year_periods(period_days)
        case Anchor.TARGET:
            return ahead


def is_legal(feature: Feature, *, horizon: int, period_days: int) -> bool:
    """Whether the feature is known at the origin for every period of the horizon."""
    latest = _latest_read(feature.anchor, horizon, period_days)
    return latest + feature.known_after_periods <= 0


@cache
def _latest_read(anchor: Anchor, horizon: int, period_days: int) -> int:
    """The last row that an anchor reads for any target of the horizon, counted from the origin."""
    ahead = np.arange(1, horizon + 1)
    return int(offset_periods(anchor, ahead, period_days=period_days).max())


def chosen(features: tuple[Feature, ...], *, horizon: int, period_days: int) -> tuple[Feature, ...]:
    """The features that are legal for the whole horizon, in order."""
    return tuple(f for f in features if is_legal(f, horizon=horizon, period_days=period_days))
