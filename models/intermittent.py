"""Slow and lumpy items: Croston, its corrections, and negative binomial quantiles.

When most periods sell nothing, an average says little: what matters is how often an item sells and
how much then. The three smoothers run over many series at once.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from features.demand import dense_demand
from features.frame import Panel
from inventory.demand import DemandForecast, Floats
from models.baseline import constant_forecast

Method = Literal["croston", "sba", "tsb"]

SMOOTHING = 0.1
"""Syntetos and Boylan advise 0.05 to 0.2 for intermittent demand; the middle, as most tools do."""

SERIES_PER_CHUNK = 256
"""Series smoothed at once: their columns stay in the processor's cache."""

VARIANCE_PERIODS_MAX = 365
"""Older periods say little about how much next month's demand will vary."""

VARIANCE_PRIOR_PERIODS = 4.0
"""Weight of the Poisson variance, in periods: three days have no variance of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """What Croston's smoothing found, each of shape (N,).

    `size_units` : units per sale. `interval_periods` : periods from one sale to the next. Both NaN
    for a series that never sold.
    """

    size_units: Floats
    interval_periods: Floats


def smooth_croston(demand_units: Floats, *, alpha: float = SMOOTHING) -> Smoothed:
    """Smooth sizes and intervals, each updated only when something sold.

        q ← q + α (y - q)        a ← a + α (periods since the last sale - a)

    Both start at their first value; the first interval counts from the start of the series. A
    period whose demand is unknown (NaN) updates nothing and does not count as waiting.

    Parameters
    ----------
    demand_units : shape (N, T), oldest first, NaN where unknown.
    alpha : in (0, 1].

    Source
    ------
    Croston (1972), Operational Research Quarterly 23(3), 289-303; Hyndman & Athanasopoulos,
    Forecasting: Principles and Practice, 2nd ed., section 12.2.
    """
    size, interval = np.full((2, len(demand_units)), np.nan)
    for first in range(0, len(demand_units), SERIES_PER_CHUNK):
        rows = slice(first, first + SERIES_PER_CHUNK)
        size[rows], interval[rows] = _smoothed(demand_units[rows], alpha)
    return Smoothed(size_units=size, interval_periods=interval)


def _smoothed(demand_units: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Sizes and intervals (n,) of `smooth_croston`, written out as sums over all sales of a series.

    The j-th of k sales counts α (1 - α)^(k - j), and the first what is left, (1 - α)^(k - 1).
    """
    row, period = np.nonzero(demand_units > 0)
    count = np.bincount(row, minlength=len(demand_units))
    later = np.cumsum(count)[row] - 1 - np.arange(len(row))
    is_first = np.diff(row, prepend=-1) > 0
    weight = np.where(is_first, 1.0, alpha) * (1 - alpha) ** later
    at = np.cumsum(~np.isnan(demand_units), axis=1)[row, period]
    waited = np.diff(at, prepend=0)
    waited[is_first] = at[is_first]
    unknown: Floats = np.where(count > 0, 0.0, np.nan)
    size = unknown + np.bincount(row, weight * demand_units[row, period], minlength=len(count))
    interval = unknown + np.bincount(row, weight * waited, minlength=len(count))
    return size, interval


def croston_units(demand_units: Floats, *, alpha: float = SMOOTHING) -> Floats:
    """Mean demand per period by Croston's method, shape (N,): size / interval. Biased upward.

    >>> croston_units(np.array([[0.0, 2.0, 0.0, 2.0]]))
    array([1.])
    """
    smoothed = smooth_croston(demand_units, alpha=alpha)
    return np.nan_to_num(smoothed.size_units / smoothed.interval_periods)


def sba_units(demand_units: Floats, *, alpha: float = SMOOTHING) -> Floats:
    """Croston's method without its bias, shape (N,): (1 - α / 2) · size / interval.

    Source: Syntetos & Boylan (2005), International Journal of Forecasting 21(2), 303-314.

    >>> sba_units(np.array([[0.0, 2.0, 0.0, 2.0]]))
    array([0.95])
    """
    return (1 - alpha / 2) * croston_units(demand_units, alpha=alpha)


def tsb_units(
    demand_units: Floats,
    *,
    alpha_size: float = SMOOTHING,
    alpha_chance: float = SMOOTHING,
    start: Literal["first", "share"] = "first",
) -> Floats:
    """Mean demand per period, shape (N,), fading while nothing sells: an item may be obsolete.

        p ← p + β (1{y > 0} - p)  every period        q ← q + α (y - q)  when something sold

    Parameters
    ----------
    start : what the chance of a sale starts from.
        "first" is whether the first period sold, as in most implementations; it takes 1/β periods
        to forget. "share" is the share of periods that sold, better on a short history.

    Source
    ------
    Teunter, Syntetos & Babai (2011), European Journal of Operational Research 214(3), 606-615.
    """
    known, sold = ~np.isnan(demand_units), demand_units > 0
    chance = sold.sum(axis=1) / known.sum(axis=1).clip(min=1) if start == "share" else None
    if chance is None:
        first = known.argmax(axis=1)
        chance = np.take_along_axis(sold, first[:, None], axis=1)[:, 0].astype(np.float64)
    size = np.full(len(demand_units), np.nan)
    for units in demand_units.T:
        sells = units > 0
        moved = chance + alpha_chance * (sells - chance)
        chance = np.where(np.isnan(units), chance, moved)
        after = np.where(np.isnan(size), units, size + alpha_size * (units - size))
        size = np.where(sells, after, size)
    rate: Floats = chance * np.nan_to_num(size)
    return rate


def rate_units(demand_units: Floats, method: Method) -> Floats:
    """Mean demand per period (N,) by the named method."""
    if method == "croston":
        return croston_units(demand_units)
    if method == "sba":
        return sba_units(demand_units)
    return tsb_units(demand_units, start="share")


def demand_variance(demand_units: Floats, mean_units: Floats) -> Floats:
    """Variance of one period's demand around its mean (N,), units², never below Poisson's.

    Shrunk towards the Poisson variance by `VARIANCE_PRIOR_PERIODS`.
    """
    recent = demand_units[:, -VARIANCE_PERIODS_MAX:]
    known = ~np.isnan(recent)
    squared = np.where(known, (recent - mean_units[:, None]) ** 2, 0.0).sum(axis=1)
    shrunk = (squared + VARIANCE_PRIOR_PERIODS * mean_units) / (
        known.sum(axis=1) + VARIANCE_PRIOR_PERIODS
    )
    variance: Floats = np.maximum(shrunk, mean_units)
    return variance


def negative_binomial_quantiles_units(
    mean_units: Floats, variance: Floats, levels: Floats
) -> Floats:
    """Quantiles (..., Q) of the negative binomial with these moments: whole units, mass at zero.

    With size r = μ² / (σ² - μ) and chance p = r / (r + μ); Poisson where σ² does not exceed μ,
    and zero where μ is.
    """
    from scipy.stats import nbinom, poisson

    mean = np.maximum(mean_units, 1e-12)[..., None]
    excess = np.maximum(variance[..., None] - mean, 0.0)
    spread_out = excess > 1e-6 * mean
    size = mean**2 / np.where(spread_out, excess, mean)
    found = nbinom.ppf(levels, size, size / (size + mean))
    if not spread_out.all():
        found = np.where(spread_out, found, poisson.ppf(levels, mean))
    quantiles: Floats = np.where(mean_units[..., None] > 0, found, 0.0)
    return quantiles


class IntermittentForecaster:
    """One of the three smoothers for the mean, negative binomial quantiles around it; flat ahead.

    Local: each series on its own evidence. For demand in whole units. Named for its method.
    """

    def __init__(self, *, seed: int = 0, threads: int = 1, method: Method = "tsb") -> None:
        del seed, threads  # Nothing is drawn and nothing is slow; members share one signature.
        self.method: Method = method
        self.name: str = method

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Nothing to learn beyond what `predict` smooths."""
        del panel, horizon
        return self

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """The same mean and quantiles for every period ahead."""
        demand = dense_demand(panel)
        mean = rate_units(demand, self.method)
        quantiles = negative_binomial_quantiles_units(mean, demand_variance(demand, mean), levels)
        return constant_forecast(
            panel, horizon=horizon, levels=levels, quantiles_units=quantiles, mean_units=mean
        )

    def save(self, folder: Path) -> None:
        """Write what `load` needs."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "member.json").write_text(json.dumps({"name": self.name, "method": self.method}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        return cls(method=json.loads((folder / "member.json").read_text())["method"])
