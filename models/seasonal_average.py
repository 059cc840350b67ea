"""The plainest forecast that knows a season: the recent level without it, times the season ahead.

The season is one for all series, per week of the year (weekly) or per weekday (daily). Single
series are too noisy to show their own. On the VN2 history, smoothing the factors over neighbouring
weeks, or drawing them towards one, makes forecasts worse. The level is a mean over a year that
forgets; around it, demand is negative binomial with a dispersion that leans on the panel's.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, nbinom

from features.demand import dense_demand
from features.frame import UNITS, Panel
from inventory.demand import DemandForecast, Floats
from models.baseline import forecast_of
from models.metrics import seasonality

HALF_LIFE_PERIODS = {1: 28.0, 7: 13.0}
"""Periods after which one counts half in the level, by days per period. Weekly: 13 lose 1.7 % less
on the VN2 history, June 2022 to February 2024, than five do, and 0.4 % less than eight. Daily: four
weeks, as the moving average."""

SHARE_MAX = 0.1
"""What one series counts at most in the season and the dispersion of all: one that sells by the
thousand must not set those of the others."""

REMEMBERED_DAYS = 364
"""Older periods count for nothing in the level and the dispersion."""

DISPERSION_PRIOR_PERIODS = 8.0
"""Periods of a series' own that weigh as much as what is usual in the panel."""
DISPERSION_MIN, DISPERSION_MAX = 0.005, 4.0
DISPERSION_DEFAULT = 0.5

COUNTED_MAX_UNITS = 50.0
"""Above this mean a gamma is as good as counting, and a hundred times quicker."""
MEAN_MIN_UNITS = 1e-6
FACTOR_MIN = 1e-6


def seasonal_average(panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
    """Level times season for the `horizon` periods after the panel's origin.

    Quantiles are negative binomial, or gamma where demand is large or not in whole units.
    """
    demand = dense_demand(panel)
    season, seasons = _season_of(panel, periods=demand.shape[1], horizon=horizon)
    past, ahead = season[: demand.shape[1]], season[demand.shape[1] :]
    weight = _weights(demand)
    factors = season_factors(demand * weight[:, None], past, seasons=seasons)
    kept = slice(-(REMEMBERED_DAYS // panel.period_days), None)
    plain = (demand / factors[past])[:, kept]
    level = _level(plain, half_life=HALF_LIFE_PERIODS[panel.period_days])
    mean = level[:, None] * factors[ahead]
    whole = bool((panel.history[UNITS].drop_nulls() % 1 == 0).all())
    quantiles = _quantiles(mean, _dispersion(plain, level, weight), levels, whole=whole)
    return forecast_of(panel, levels=levels, quantiles_units=quantiles, mean_units=mean)


def season_factors(demand_units: Floats, season: NDArray[np.integer], *, seasons: int) -> Floats:
    """Factor per season (seasons,), relative to the mean of those seen; one for the others.

    demand_units : shape (N, T), NaN where unknown. season : shape (T,), 0..seasons - 1.
    """
    seen = np.isfinite(demand_units)
    known = seen.any(axis=0)
    totals = np.where(seen, demand_units, 0.0).sum(axis=0)[known] / seen.sum(axis=0)[known]
    factors = np.ones(seasons)
    times = np.bincount(season[known], minlength=seasons)
    sums = np.bincount(season[known], weights=totals, minlength=seasons)
    if sums.sum() > 0:
        mean = sums[times > 0] / times[times > 0]
        factors[times > 0] = np.maximum(mean / mean.mean(), FACTOR_MIN)
    return factors


def week_of_year(days: list[np.datetime64] | NDArray[np.datetime64]) -> NDArray[np.integer]:
    """ISO week of each day, from 0; week 53 counts as week 52."""
    weeks = [day.isocalendar().week for day in np.asarray(days, "datetime64[D]").tolist()]
    found: NDArray[np.integer] = np.minimum(np.array(weeks, dtype=np.int64), 52) - 1
    return found


def _season_of(panel: Panel, *, periods: int, horizon: int) -> tuple[NDArray[np.integer], int]:
    """Season of each of the past periods and of those ahead, and how many seasons there are."""
    first = np.datetime64(panel.first_recorded, "D")
    days = first + np.arange(periods + horizon) * panel.period_days
    if panel.period_days == 1:
        week = seasonality(1, periods)
        return days.astype(np.int64) % week, week
    return week_of_year(days), 52


def _weights(demand_units: Floats) -> Floats:
    """What to scale each row (N, T) by, so that none makes up more than `SHARE_MAX` of the mean.

    Where there are too few series for that, all count the same.
    """
    known = np.isfinite(demand_units)
    mean = np.where(known, demand_units, 0.0).sum(axis=1) / known.sum(axis=1).clip(min=1)
    ordered = np.sort(mean[mean > 0])[::-1]
    most = np.inf
    for cut in range(len(ordered)):
        room = 1 - SHARE_MAX * cut
        most = SHARE_MAX * ordered[cut:].sum() / room if room > 0 else ordered[-1]
        if ordered[cut] <= most:
            break
    else:
        most = ordered[-1] if len(ordered) else np.inf
    return np.where(mean > most, most / np.where(mean > 0, mean, 1.0), 1.0)


def _level(units: Floats, *, half_life: float) -> Floats:
    """Mean of each row (N, T), later periods counting more; zero where nothing is known."""
    weight = 0.5 ** (np.arange(units.shape[1])[::-1] / half_life)
    known = np.isfinite(units)
    total = np.where(known, units, 0.0) @ weight
    level: Floats = total / (known @ weight).clip(min=MEAN_MIN_UNITS)
    return level


def _dispersion(units: Floats, level: Floats, weight: Floats) -> Floats:
    """Of a variance m + d · m² about the level (N,), from what rows (N, T) show and the panel's."""
    known = np.isfinite(units)
    counted = known.sum(axis=1)
    mean = np.where(known, units, 0.0).sum(axis=1) / counted.clip(min=1)
    squares = (np.where(known, units - level[:, None], 0.0) ** 2).sum(axis=1)
    excess, square = squares - counted * mean, mean**2
    total = float((weight**2 * counted * square).sum())
    usual = float((weight**2 * excess).sum()) / total if total > 0 else DISPERSION_DEFAULT
    usual = float(np.clip(usual, 0.05, DISPERSION_MAX))
    own = np.where(square > MEAN_MIN_UNITS, excess / square.clip(min=MEAN_MIN_UNITS), 0.0)
    prior = DISPERSION_PRIOR_PERIODS
    found: Floats = (own + prior * usual) / (counted + prior)
    return found.clip(DISPERSION_MIN, DISPERSION_MAX)


def _quantiles(mean: Floats, dispersion: Floats, levels: Floats, *, whole: bool) -> Floats:
    """Quantiles (N, H, Q) of a negative binomial, or of a gamma of the same mean and variance."""
    m = np.maximum(mean, MEAN_MIN_UNITS)
    d = np.broadcast_to(dispersion[:, None], m.shape)
    found = np.empty((*m.shape, len(levels)))
    counted = (m <= COUNTED_MAX_UNITS) & whole
    size, chance = 1 / d[counted], 1 / (1 + d[counted] * m[counted])
    found[counted] = nbinom.ppf(levels, size[:, None], chance[:, None])
    large = ~counted
    variance = m[large] + d[large] * m[large] ** 2
    shape = m[large] ** 2 / variance
    found[large] = gamma.ppf(levels, shape[:, None], scale=(variance / m[large])[:, None])
    return found
