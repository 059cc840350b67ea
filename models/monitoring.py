"""Is the forecast still good? Measures of forecasts against what came, and of drifting inputs.

Errors are actual minus forecast, so that a positive sum means that demand was underestimated. Each
measure comes with the bound beyond which chance is no longer a good explanation: a few observations
raise nothing.
"""

import math

import numpy as np

from inventory.demand import Floats

SHARE_MIN = 1e-4
"""An empty bin counts as this share of the values, so that its logarithm exists."""

BINS = 10
"""Bins of a reference, each with a tenth of its values, as usual for the index."""

PSI_SHIFTED, PSI_SHIFTED_MUCH = 0.1, 0.25
"""Below the first nothing of note has changed, above the second the population is another one.

Source: Siddiqi (2006), Credit Risk Scorecards, Wiley: the usual reading of the index."""

TREND_SMOOTHING = 0.1
"""α of the smoothed tracking signal; Trigg uses 0.1."""


def tracking_signal(errors_units: Floats) -> Floats:
    """Cumulative error in units of its mean absolute deviation, (…, T) -> (…).

        TS = Σ e / MAD        MAD = Σ |e| / T

    Between -T and T. Positive: demand is above forecast. Zero where every error is zero. Periods
    without an error (NaN) do not count.

    Source
    ------
    Brown (1959), Statistical Forecasting for Inventory Control; the example is Carlson's bakery of
    Heizer & Render, Operations Management, chapter "Forecasting": 35 units over a MAD of 14.2.

    >>> actual = np.array([90.0, 95, 115, 100, 125, 140])
    >>> forecast = np.array([100.0, 100, 100, 110, 110, 110])
    >>> round(float(tracking_signal(actual - forecast)), 1)
    2.5
    """
    known = ~np.isnan(errors_units)
    error = np.where(known, errors_units, 0.0)
    absolute = np.abs(error).sum(axis=-1)
    signal: Floats = error.sum(axis=-1) * known.sum(axis=-1) / np.where(absolute > 0, absolute, 1.0)
    return signal


def tracking_limit(periods: int, *, deviations: float = 3.0) -> float:
    """|TS| that errors which are only noise exceed with the chance of `deviations` sigmas.

    With T independent normal errors of deviation σ, Σ e has deviation σ √T and MAD is near
    σ √(2 / π), so TS has deviation √(π T / 2). The fixed limit of 4 found in textbooks fits six
    periods; kept for 28, it would be passed by chance half of the time.

    >>> round(tracking_limit(6, deviations=1.3), 1), round(tracking_limit(14), 1)
    (4.0, 14.1)
    """
    assert periods >= 0
    return deviations * math.sqrt(math.pi * periods / 2)


def smoothed_tracking_signal(errors_units: Floats, *, alpha: float = TREND_SMOOTHING) -> Floats:
    """Trigg's signal: smoothed error over smoothed absolute error, (…, T) -> (…), in [-1, 1].

        E ← E + α (e - E)        M ← M + α (|e| - M)        signal = E / M

    Forgets, where the cumulative signal remembers: back to zero once the forecast is right again.
    Both start at zero, so their early weights cancel.

    Source
    ------
    Trigg (1964), Monitoring a forecasting system, Operational Research Quarterly 15(3), 271-274.

    >>> smoothed_tracking_signal(np.array([[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]]))
    array([1., 0.])
    """
    assert 0 < alpha <= 1
    T = errors_units.shape[-1]
    weight = (1 - alpha) ** np.arange(T - 1, -1, -1)
    known = ~np.isnan(errors_units)
    error = np.where(known, errors_units, 0.0)
    spread = (np.abs(error) * weight).sum(axis=-1)
    signal: Floats = (error * weight).sum(axis=-1) / np.where(spread > 0, spread, 1.0)
    return signal


def coverage_falls_short(
    *, covered: int, observed: int, level: float, tolerance: float, chance: float = 0.001
) -> bool:
    """Whether fewer actuals lie at or below the quantile of `level` than it promises.

    Two conditions: the share is below `level - tolerance`, which is a shortfall that matters; and a
    quantile that is right would be exceeded so often with a chance below `chance` (binomial, one
    sided, which takes observations as independent), which is a shortfall that is no accident. More
    coverage than promised is no alarm: demand in whole units always has some.

    >>> coverage_falls_short(covered=17, observed=20, level=0.95, tolerance=0.02)
    False
    >>> coverage_falls_short(covered=850, observed=1000, level=0.95, tolerance=0.02)
    True
    """
    from scipy.stats import binom

    assert 0 <= covered <= observed
    if observed == 0 or covered / observed >= level - tolerance:
        return False
    return bool(binom.cdf(covered, observed, level) < chance)


def population_stability(reference_shares: Floats, current_shares: Floats) -> float:
    """PSI: how far a distribution over bins has moved from its reference; 0 is not at all.

        PSI = Σ (a - r) ln(a / r)

    The symmetric Kullback-Leibler divergence of shares a and r; empty bins count as `SHARE_MIN`.
    Read it by `PSI_SHIFTED` and `PSI_SHIFTED_MUCH`.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, Wiley, "system stability report".

    >>> shifted = population_stability(np.array([0.5, 0.5]), np.array([0.6, 0.4]))
    >>> math.isclose(shifted, 0.1 * math.log(1.5))
    True
    """
    assert reference_shares.shape == current_shares.shape
    r = np.maximum(reference_shares, SHARE_MIN)
    a = np.maximum(current_shares, SHARE_MIN)
    return float(((a - r) * np.log(a / r)).sum())


def reference_edges(values: Floats, *, bins: int = BINS) -> Floats:
    """Inner edges of bins that hold an equal share of the reference each, NaN left out.

    A value that many share (no sale, one price) is an edge once, and a bin of its own where it is
    the smallest: what is below it, or above the largest, was not in the reference.

    >>> reference_edges(np.arange(101.0), bins=4)
    array([25., 50., 75.])
    >>> bin_shares(np.array([3.0, 5.0, 7.0, 7.0]), reference_edges(np.array([5.0, 5.0, 5.0])))
    array([0.25, 0.25, 0.5 , 0.  ])
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return np.empty(0)
    edges: Floats = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="lower"))
    if edges[0] == known.min():
        edges = np.append(np.nextafter(edges[0], -np.inf), edges)
    return edges


def bin_shares(values: Floats, edges: Floats) -> Floats:
    """Share of the values in each bin, shape (len(edges) + 2,): the last is the share that is NaN.

    A bin reaches from above one edge up to and with the next.

    >>> bin_shares(np.array([0.0, 0.0, 3.0, np.nan]), np.array([0.0, 10.0]))
    array([0.5 , 0.25, 0.  , 0.25])
    """
    missing = np.isnan(values)
    place = np.searchsorted(edges, values[~missing], side="left")
    counted = np.append(np.bincount(place, minlength=len(edges) + 1), missing.sum())
    shares: Floats = counted / max(len(values), 1)
    return shares
