"""What any model must beat, and what stands in where a model has nothing to learn from.

Both baselines need no training beyond the panel itself: last season again, and the mean of the
last four weeks, each with the empirical quantiles of its own past.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Self

import numpy as np

from features.demand import dense_demand
from features.frame import LOCATION, SKU, Panel
from inventory.demand import DemandForecast, Floats
from models.metrics import seasonality

AVERAGE_DAYS = 28
"""Four weeks: every weekday counts the same number of times."""

RESIDUAL_PERIODS_MAX = 730
"""Older errors say little about tomorrow, and sorting them costs time."""


class SeasonalNaive:
    """The last season again; quantiles add the series' own past season-on-season changes."""

    name = "seasonal_naive"

    def __init__(self, *, seed: int = 0, threads: int = 1) -> None:
        del seed, threads  # Nothing is drawn and nothing is slow; members share one signature.

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Nothing to learn: the forecast is read off the panel."""
        del panel, horizon
        return self

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Repeat the last known value of the same weekday (or of the same week a year ago)."""
        demand = dense_demand(panel)
        season = min(seasonality(panel.period_days, demand.shape[1]), demand.shape[1])
        last = last_season_units(demand, season)
        point = last[:, np.arange(horizon) % season]
        changes = demand[:, season:] - demand[:, :-season]
        spread = row_quantiles(changes[:, -RESIDUAL_PERIODS_MAX:], levels, empty=0.0)
        quantiles = (point[:, :, None] + spread[:, None, :]).clip(min=0.0)
        return forecast_of(panel, levels=levels, quantiles_units=quantiles, mean_units=point)

    def save(self, folder: Path) -> None:
        save_nothing(self.name, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        del folder
        return cls()


class MovingAverage:
    """The mean of the last 28 days (or 8 weeks), flat, with the quantiles of those same periods."""

    name = "moving_average"

    def __init__(self, *, seed: int = 0, threads: int = 1) -> None:
        del seed, threads

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Nothing to learn: the forecast is read off the panel."""
        del panel, horizon
        return self

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """The same mean and quantiles for every period ahead."""
        periods = AVERAGE_DAYS if panel.period_days == 1 else 2 * AVERAGE_DAYS // panel.period_days
        recent = dense_demand(panel)[:, -periods:]
        known = ~np.isnan(recent)
        mean = np.where(known, recent, 0.0).sum(axis=1) / known.sum(axis=1).clip(min=1)
        quantiles = row_quantiles(recent, levels, empty=0.0)
        return constant_forecast(
            panel, horizon=horizon, levels=levels, quantiles_units=quantiles, mean_units=mean
        )

    def save(self, folder: Path) -> None:
        save_nothing(self.name, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        del folder
        return cls()


def save_nothing(name: str, folder: Path) -> None:
    """A member without state still leaves its name, so that a folder says what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "member.json").write_text(json.dumps({"name": name}))


def last_season_units(demand_units: Floats, season: int) -> Floats:
    """Last known value at each position of the season ahead, (N, T) -> (N, season).

    Where a position was never observed, the series' mean stands in; zero for an empty series.
    """
    N, T = demand_units.shape
    found = np.full((N, season), np.nan)
    for back in range(-(-T // season)):
        end = T - back * season
        chunk = np.full((N, season), np.nan)
        width = min(season, end)
        chunk[:, season - width :] = demand_units[:, end - width : end]
        found = np.where(np.isnan(found), chunk, found)
        if not np.isnan(found).any():
            return found
    known = ~np.isnan(demand_units)
    mean = np.where(known, demand_units, 0.0).sum(axis=1) / known.sum(axis=1).clip(min=1)
    return np.where(np.isnan(found), mean[:, None], found)


def row_quantiles(values: Floats, levels: Floats, *, empty: float) -> Floats:
    """Empirical quantiles of each row without NaN, (N, T) -> (N, Q); `empty` for an empty row.

    Linear between order statistics (Hyndman & Fan type 7), done on all rows in one sort.
    """
    N, T = values.shape
    if T == 0:
        return np.full((N, len(levels)), empty)
    ordered = np.sort(values, axis=1)  # NaN goes last
    counted = (~np.isnan(values)).sum(axis=1)
    place = levels[None, :] * (counted[:, None] - 1).clip(min=0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, (counted[:, None] - 1).clip(min=0))
    below = np.take_along_axis(ordered, low, axis=1)
    above = np.take_along_axis(ordered, high, axis=1)
    found = below + (above - below) * (place - low)
    return np.where(counted[:, None] > 0, found, empty)


def forecast_of(
    panel: Panel,
    *,
    levels: Floats,
    quantiles_units: Floats,
    mean_units: Floats,
    dependence: Floats | None = None,
) -> DemandForecast:
    """A `DemandForecast` for the periods after the panel's origin, quantiles sorted, none negative.

    Without an estimate of `dependence`, periods are taken as independent.
    """
    series = panel.series
    return DemandForecast(
        skus=tuple(series[SKU].to_list()),
        locations=tuple(series[LOCATION].to_list()),
        first_day=panel.origin + timedelta(days=panel.period_days),
        levels=np.asarray(levels, dtype=np.float64),
        quantiles_units=np.sort(quantiles_units.clip(min=0.0), axis=2),
        mean_units=np.maximum(mean_units, 0.0),
        dependence=np.zeros((len(series), 2)) if dependence is None else dependence,
        period_days=panel.period_days,
    )


def constant_forecast(
    panel: Panel, *, horizon: int, levels: Floats, quantiles_units: Floats, mean_units: Floats
) -> DemandForecast:
    """The same quantiles (N, Q) and means (N,) for every period ahead."""
    N, Q = quantiles_units.shape
    return forecast_of(
        panel,
        levels=levels,
        quantiles_units=np.broadcast_to(quantiles_units[:, None, :], (N, horizon, Q)),
        mean_units=np.broadcast_to(mean_units[:, None], (N, horizon)),
    )
