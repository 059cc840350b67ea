"""The nearest past: when did it look as it looks now, and what then sold?

A planner trusts a forecast that has a precedent. The last weeks of a series are laid beside every
earlier stretch of the same length, of the series itself and of its neighbours, at the same place
in the week; the stretch whose shape is nearest is the analogue, and what followed it is told at
today's level.
"""

from dataclasses import dataclass

import numpy as np

from features.catalog import season_periods
from inventory.demand import Floats
from models.metrics import SCALE_UNITS_MIN

CONTEXT_PERIODS = {1: 28, 7: 13}
"""What is compared, by days per period: four weeks of days, or a quarter of weeks."""

KNOWN_SHARE_MIN = 0.6
"""A stretch with fewer known periods has no shape to compare."""


@dataclass(frozen=True, slots=True, eq=False)
class Analogue:
    """A stretch of the past like the present.

    row : whose past, as a row of the demand that was searched.
    last : its last period, counted from the first of the history.
    distance : root mean square difference of the two shapes, each with mean one; zero is the same.
    followed_units : (H,) demand that followed, scaled to today's level; NaN where unknown.
    """

    row: int
    last: int
    distance: float
    followed_units: Floats


def nearest(demand_units: Floats, row: int, *, horizon: int, period_days: int) -> Analogue | None:
    """The stretch most like the end of one series, among all rows that are given.

    Parameters
    ----------
    demand_units : (N, T), oldest first, NaN where unknown: the series and those to search beside.
    row : the series to explain.
    horizon : periods that must have followed.

    Returns None where no stretch has enough known periods, or the series sold nothing of late.
    """
    context = CONTEXT_PERIODS[period_days]
    T = demand_units.shape[1]
    step = season_periods(period_days) if period_days == 1 else 1
    lasts = np.arange(T - 1 - horizon, context - 2, -1)
    lasts = lasts[(T - 1 - lasts) % step == 0]
    if len(lasts) == 0 or context > T:
        return None
    now, level = _shaped(demand_units[row : row + 1, -context:])
    if np.isnan(now).all():
        return None
    stretches = np.lib.stride_tricks.sliding_window_view(demand_units, context, axis=1)
    then, levels = _shaped(stretches[:, lasts - context + 1])
    both = ~np.isnan(then) & ~np.isnan(now[0])
    count = both.sum(axis=2)
    squared = np.where(both, (then - now[0]) ** 2, 0.0).sum(axis=2) / count.clip(min=1)
    squared[count < KNOWN_SHARE_MIN * context] = np.inf
    at, which = np.unravel_index(int(np.argmin(squared)), squared.shape)
    if not np.isfinite(squared[at, which]):
        return None
    last = int(lasts[which])
    followed = demand_units[at, last + 1 : last + 1 + horizon] * (level[0] / levels[at, which])
    return Analogue(int(at), last, float(np.sqrt(squared[at, which])), followed)


def _shaped(stretches: Floats) -> tuple[Floats, Floats]:
    """Stretches (..., C) divided by their mean, and the means (...); NaN without any demand."""
    known = ~np.isnan(stretches)
    mean = np.where(known, stretches, 0.0).sum(axis=-1) / known.sum(axis=-1).clip(min=1)
    level = np.where(mean > SCALE_UNITS_MIN, mean, np.nan)
    return stretches / level[..., None], level
