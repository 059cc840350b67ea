"""What kind of seller a series is: weights, calibration and figures are kept for each kind.

Demand classes follow Syntetos & Boylan; two more come first, since no class of demand can be told
for them: items too new to tell, and items that have gone quiet and may never sell again.
"""

import numpy as np

from inventory.demand import Floats
from models.metrics import SCALE_UNITS_MIN

SEGMENTS = ("smooth", "erratic", "intermittent", "new", "quiet")

SELLING_SHARE_MIN = 1 / 1.32
"""Selling less often than this is intermittent; Syntetos & Boylan (2005): interval over 1.32."""

CV2_MAX = 0.49
"""Squared coefficient of variation above which demand is erratic; same source."""

TOLD_FROM_PERIODS = 182
"""How far back a class is told from."""

NEW_PERIODS = {1: 21, 7: 8}
"""A series with less known history is new, by days per period: three weekends, or two months."""

QUIET_PERIODS = {1: 28, 7: 8}
"""No sale for this long, and for `QUIET_INTERVALS` of its usual intervals: a series is quiet."""

QUIET_INTERVALS = 4.0
"""With a chance of 1/interval a period, a silence of four intervals happens once in 55 times."""


def segments(demand_units: Floats, *, period_days: int) -> np.ndarray:
    """Index into `SEGMENTS` of each series: (N, T) units, NaN where unknown -> (N,).

    >>> segments(np.array([[3.0] * 40, [0.0] * 39 + [1.0], [1.0] * 8 + [0.0] * 32]), period_days=1)
    array([0, 2, 4])
    """
    recent = demand_units[:, -TOLD_FROM_PERIODS:]
    known = ~np.isnan(recent)
    sold = known & (np.nan_to_num(recent) > 0)
    selling = sold.sum(axis=1) / known.sum(axis=1).clip(min=1)
    amount = np.where(sold, recent, 0.0)
    count = sold.sum(axis=1).clip(min=1)
    mean = amount.sum(axis=1) / count
    variance = (np.where(sold, amount - mean[:, None], 0.0) ** 2).sum(axis=1) / count
    cv2 = variance / np.maximum(mean, SCALE_UNITS_MIN) ** 2
    found = np.where(selling < SELLING_SHARE_MIN, 2, np.where(cv2 > CV2_MAX, 1, 0))
    found = np.where(_quiet(demand_units, period_days=period_days), 4, found)
    known_ever = (~np.isnan(demand_units)).sum(axis=1)
    return np.where(known_ever < NEW_PERIODS[period_days], 3, found)


def _quiet(demand_units: Floats, *, period_days: int) -> np.ndarray:
    """Series (N,) whose silence is too long to be chance; censored periods do not count as one."""
    known = ~np.isnan(demand_units)
    sold = known & (np.nan_to_num(demand_units) > 0)
    T = demand_units.shape[1]
    last = np.where(sold.any(axis=1), T - 1 - sold[:, ::-1].argmax(axis=1), -1)
    after = np.arange(T)[None, :] > last[:, None]
    silence = (known & after).sum(axis=1)
    before = (known & ~after).sum(axis=1)
    interval = before / sold.sum(axis=1).clip(min=1)
    long = silence >= QUIET_PERIODS[period_days]
    quiet: np.ndarray = long & (silence > QUIET_INTERVALS * interval)
    return quiet
