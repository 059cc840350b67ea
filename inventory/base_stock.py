"""Targets from a forecast: the distribution of demand summed over lead time and review period.

Stock must last from placing this order until the next one could arrive. So the question is how much
may sell over L + R days in a row, with L itself uncertain. Each sample path of the forecast gets a
lead time of its own, and its demand is summed over exactly that many days: mixing the distribution
over lead-time outcomes, with days that depend on each other as the forecast says.

Horizon. Where L + R reaches beyond the forecast, its last week (the last seven daily, or the last
four weekly periods) repeats, quantiles, dependence and all. The mean then goes on as it was, and
the spread keeps growing with the window; a season that starts beyond the horizon is not seen.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.special import gammaincinv

from inventory.demand import LEVELS, PATHS, DemandForecast, Floats
from inventory.policy.lot_size import on_grid
from inventory.policy.window_quantiles import quantile_at

LEAD_TIME_LEVEL_MAX = 0.999
"""Lead times beyond this quantile are taken as this long: one order in a thousand is chased."""

TAIL_PERIODS = {1: 7, 7: 4}
"""How many of the last periods stand for what comes after the horizon, by `period_days`."""

LEVEL = np.array(LEVELS)

GRID_SEED_STEP = 1_000_003
"""Lead times are drawn from another stream than demand, of the same seed."""


@dataclass(frozen=True, slots=True, eq=False)
class ProtectionDemand:
    """Demand of N positions over the protection interval, units.

    Parameters
    ----------
    lead_time_mean_units, review_mean_units : shape (N,)
        Mean demand over the (random) lead time, and over the review period after it.
    target_units : shape (N,)
        Quantile at the service level of demand over both.
    """

    lead_time_mean_units: Floats
    review_mean_units: Floats
    target_units: Floats

    @property
    def mean_units(self) -> Floats:
        """Mean demand over lead time and review period, shape (N,)."""
        return self.lead_time_mean_units + self.review_mean_units

    @property
    def safety_stock_units(self) -> Floats:
        """Target quantile minus mean, not below zero, shape (N,)."""
        return np.maximum(self.target_units - self.mean_units, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class WindowDemand:
    """Demand of N positions over the protection interval as a distribution, units.

    Parameters
    ----------
    lead_time_mean_units, review_mean_units : shape (N,), as of `ProtectionDemand`.
    quantiles_units : shape (N, Q), at `inventory.demand.LEVELS`; in single precision, as stored.
    """

    lead_time_mean_units: Floats
    review_mean_units: Floats
    quantiles_units: Floats

    @property
    def mean_units(self) -> Floats:
        """Mean demand over lead time and review period, shape (N,)."""
        return self.lead_time_mean_units + self.review_mean_units

    def with_target(self, units: Floats) -> ProtectionDemand:
        """The same with targets (N,) chosen, on the grid on which terms sum exactly."""
        return ProtectionDemand(self.lead_time_mean_units, self.review_mean_units, on_grid(units))

    def at_level(self, level: Floats) -> ProtectionDemand:
        """Targets that demand stays at or below with these chances, shape (N,)."""
        return self.with_target(quantile_at(self.quantiles_units, LEVEL, level))


def protection_demand(
    forecast: DemandForecast,
    *,
    lead_time_days: Floats,
    lead_time_sd_days: Floats,
    review_period_days: Floats,
    service_level: Floats,
    seed: int,
) -> ProtectionDemand:
    """Mean and target quantile of demand over L + R, per position; parameters as `window_demand`.

    service_level : shape (N,), the chance that demand stays at or below the target.
    """
    window = window_demand(
        forecast,
        lead_time_days=lead_time_days,
        lead_time_sd_days=lead_time_sd_days,
        review_period_days=review_period_days,
        seed=seed,
    )
    return window.at_level(service_level)


def window_demand(
    forecast: DemandForecast,
    *,
    lead_time_days: Floats,
    lead_time_sd_days: Floats,
    review_period_days: Floats,
    seed: int,
) -> WindowDemand:
    """Mean and quantiles of demand over L + R, per position; L is gamma distributed.

    All arguments have shape (N,), with N the series of the forecast. An order placed on the eve of
    the first forecast day arrives L days later; L and R may be fractions of a day. With normal
    independent demand, the safety stock reduces to `inventory.policy.safety_stock`.

    Means are multiples of `lot_size.QUANTUM_UNITS`, so that terms built on them sum exactly.
    """
    longest = lead_time_quantile_days(lead_time_days, lead_time_sd_days, np.array([1.0]))[:, 0]
    needed = math.ceil(((longest + review_period_days) / forecast.period_days).max(initial=0.0))
    needed = max(needed, 1)
    longer = extended(forecast, horizon=needed)
    level = stratified_levels(seed)
    parts = [np.empty((0, 2 + len(LEVEL)))]
    for rows, paths in chunks(longer, seed=seed, periods=needed):
        lead = lead_time_quantile_days(lead_time_days[rows], lead_time_sd_days[rows], level)
        lead /= forecast.period_days
        both = lead + review_period_days[rows, None] / forecast.period_days
        quantiles = np.quantile(sums_over(paths, both), LEVEL, axis=1).T
        mean_units = longer.mean_units[rows]
        means = [window_mean_units(mean_units, window) for window in (lead, both)]
        parts.append(np.concatenate([np.stack(means, axis=1), quantiles], axis=1))
    every = np.concatenate(parts)
    lead_mean, both_mean = on_grid(every[:, :2]).T
    return WindowDemand(
        lead_time_mean_units=lead_mean,
        review_mean_units=both_mean - lead_mean,
        quantiles_units=every[:, 2:].astype(np.float32),
    )


def stratified_levels(seed: int) -> Floats:
    """One probability per sample path, evenly spread and in random order: shape (PATHS,).

    Every position sees the same ones, so that two positions, or two forecasts of one position,
    compare without noise.
    """
    rng = np.random.default_rng(seed + GRID_SEED_STEP)
    level: Floats = (rng.permutation(PATHS) + 0.5) / PATHS
    return level


def lead_time_quantile_days(mean_days: Floats, sd_days: Floats, level: Floats) -> Floats:
    """Lead times at given probabilities: shape (N, len(level)), days.

    Gamma with the given mean and standard deviation (N,): positive, skewed to the late side, and
    certain where the deviation is zero. Cut at `LEAD_TIME_LEVEL_MAX`. A deviation above the mean
    counts as the mean: beyond, a gamma says that nearly all orders come at once, and more spread
    would ask for less stock.
    """
    mean = np.asarray(mean_days, dtype=float)[:, None]
    sd = np.minimum(np.asarray(sd_days, dtype=float)[:, None], mean)
    varies = (mean > 0) & (sd > 0)
    shape = np.where(varies, (mean / np.where(varies, sd, 1.0)) ** 2, 1.0)
    unit_gamma = gammaincinv(shape, level.clip(max=LEAD_TIME_LEVEL_MAX)[None])
    days: Floats = np.where(varies, unit_gamma / shape * mean, mean)
    return days


def tail_periods(forecast: DemandForecast) -> int:
    """How many of its last periods stand for what comes after a forecast."""
    return min(TAIL_PERIODS.get(forecast.period_days, 1), forecast.horizon)


def extended(forecast: DemandForecast, *, horizon: int) -> DemandForecast:
    """The forecast for at least `horizon` periods; beyond its own, its last week repeats."""
    missing = horizon - forecast.horizon
    if missing <= 0:
        return forecast
    tail = tail_periods(forecast)
    again = forecast.horizon - tail + np.arange(missing) % tail
    return replace(
        forecast,
        quantiles_units=np.concatenate(
            [forecast.quantiles_units, forecast.quantiles_units[:, again]], axis=1
        ),
        mean_units=np.concatenate([forecast.mean_units, forecast.mean_units[:, again]], axis=1),
    )


def starting_on(forecast: DemandForecast, day: date) -> DemandForecast:
    """The forecast from `day` on, as long as it was; what it lacks at the end its last week gives.

    A forecast that starts on that day or later is returned as it is. One that ended before it goes
    on as its last week, in weekday order.
    """
    passed = (day - forecast.first_day).days // forecast.period_days
    if passed <= 0:
        return forecast
    H = forecast.horizon
    tail = tail_periods(forecast)
    first = passed if passed < H else H + (passed - H) % tail
    longer = extended(forecast, horizon=first + H)
    return replace(
        longer,
        first_day=day,
        quantiles_units=longer.quantiles_units[:, first : first + H],
        mean_units=longer.mean_units[:, first : first + H],
    )


def chunks(
    forecast: DemandForecast, *, seed: int, periods: int | None = None
) -> Iterator[tuple[slice, Floats]]:
    """Sample paths (n, periods, S) with the rows of the forecast that they belong to."""
    first = 0
    for paths in forecast.sample_paths_units(seed=seed, periods=periods):
        rows = slice(first, first + len(paths))
        yield rows, paths
        first += len(paths)


def sums_over(paths: Floats, periods: Floats) -> Floats:
    """Demand of each path over its own number of periods from the first on.

    paths (n, H, S or 1) and periods (n, S), which may be fractional: the last, broken period
    counts in proportion. Returns (n, S).
    """
    n, H, S = paths.shape
    cumulated = np.zeros((n, H + 1, S))
    np.cumsum(paths, axis=1, out=cumulated[:, 1:])
    return _interpolated(np.broadcast_to(cumulated, (n, H + 1, periods.shape[1])), periods)


def window_mean_units(mean_units: Floats, periods: Floats) -> Floats:
    """Mean demand (n, H) over a random window (n, S) of periods from the first on: shape (n,)."""
    mean: Floats = sums_over(mean_units[:, :, None], periods).mean(axis=1)
    return mean


def _interpolated(cumulated: Floats, periods: Floats) -> Floats:
    H = cumulated.shape[1] - 1
    whole = np.floor(periods).astype(int).clip(0, H)
    after = np.minimum(whole + 1, H)
    before_units = np.take_along_axis(cumulated, whole[:, None], axis=1)[:, 0]
    after_units = np.take_along_axis(cumulated, after[:, None], axis=1)[:, 0]
    units: Floats = before_units + (after_units - before_units) * (periods - whole)
    return units


def row_quantiles(sums: Floats, levels: Floats) -> Floats:
    """Each row's quantile at its own level: (n, S), (n,) -> (n,)."""
    ordered = np.sort(sums, axis=1)
    place = levels * (sums.shape[1] - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, sums.shape[1] - 1)
    row = np.arange(len(sums))
    at_low, at_high = ordered[row, low], ordered[row, high]
    quantile: Floats = at_low + (at_high - at_low) * (place - low)
    return quantile
