"""Demand to replay policies against, and what a policy may know of it while it is replayed.

What an empty shelf hid was never seen. It is estimated as `features.expected` does, night by night
from what was known before, or left as sold: then an empty shelf counts as no demand at all, as the
VN2 challenge counts it. Policies read the same history, up to the period that has just ended: what
sold then, not what their own shelves would have sold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.demand import censored_expr, dense
from features.expected import expected
from features.frame import UNITS, Panel
from inventory.demand import Floats
from models.seasonal_average import week_of_year

Unseen = Literal["estimate", "sold"]
"""What stands in for demand that an empty shelf hid."""

Rows = NDArray[np.integer]

WEEKS_PER_YEAR = 52
WEEKDAYS = 7


@dataclass(frozen=True, slots=True, eq=False)
class ReplayDemand:
    """Demand of N series over T periods.

    played_units : shape (N, T), what customers ask for in the replay.
    known_units : shape (N, T), what policies may read, period by period; NaN where nobody knows.
    days : length T, the first day of each period. period_days : 1 or 7.
    unseen_share : share of series' periods in which the shelf was empty at least for a while.
    """

    played_units: Floats
    known_units: Floats
    days: Sequence[date]
    period_days: int
    unseen_share: float

    @property
    def season(self) -> Rows:
        """Of each period and `WEEKS_PER_YEAR` more: its week of the year (0..51) or weekday."""
        step = timedelta(days=self.period_days)
        ahead = [self.days[-1] + (k + 1) * step for k in range(WEEKS_PER_YEAR)]
        if self.period_days == 1:
            return np.array([day.weekday() for day in [*self.days, *ahead]])
        return week_of_year(np.array([*self.days, *ahead], dtype="datetime64[D]"))

    @property
    def seasons(self) -> int:
        """How many seasons there are: weeks of a year, or weekdays."""
        return WEEKDAYS if self.period_days == 1 else WEEKS_PER_YEAR

    def select(self, rows: Rows) -> "ReplayDemand":
        """Of some of the series."""
        return replace(
            self, played_units=self.played_units[rows], known_units=self.known_units[rows]
        )


def demand_to_replay(panel: Panel, *, unseen: Unseen = "estimate") -> ReplayDemand:
    """The panel's history as demand; series that start later ask for nothing before."""
    sold = dense(panel, UNITS)
    censored = dense(panel, censored_expr()) == 1
    played, known = sold, np.where(censored, np.nan, sold)
    if unseen == "estimate" and censored.any():
        hidden = dense(panel, pl.Series(expected(panel.history).unseen_units).fill_nan(None))
        whole = np.nan_to_num(sold) + np.nan_to_num(hidden)
        played = np.where(censored, whole, sold)
        known = np.where(censored & np.isnan(hidden), np.nan, played)
    step = timedelta(days=panel.period_days)
    return ReplayDemand(
        played_units=np.nan_to_num(played),
        known_units=known,
        days=[panel.first_recorded + k * step for k in range(sold.shape[1])],
        period_days=panel.period_days,
        unseen_share=float(censored.sum() / max(1, (~np.isnan(sold)).sum())),
    )
