"""Forecasts in force: as a run stored them, with what planners stated over them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from inventory.demand import DemandForecast
from inventory.errors import InputRejected, NotFound
from inventory.store.effective_forecasts import read_adjusted
from serving.api.context import PREFIX, Reader
from serving.messages import Id

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])

Periods = Annotated[int | None, Query(ge=1, le=366)]


@router.get("/forecasts/{sku}/{location}")
def read(
    sku: Id, location: Id, call: Reader, horizon: Periods = None, window: Periods = None
) -> dict[str, Any]:
    """Demand per day as quantiles, and with `window` of the sum over the first days.

    `statistical_mean` is the mean before `overrides`, the ids of what planners stated over it.
    """
    with call.db() as db:
        call.may_see(db, sku)
        found = read_adjusted(db, sku, location, now=call.now)
    if found is None:
        raise NotFound("forecast", f"{sku} at {location}")
    forecast = found.final
    answer = {
        "sku": sku,
        "location": location,
        "run": forecast.run_id,
        "model_version": forecast.model_version,
        "origin": (forecast.first_day - timedelta(days=1)).isoformat(),
        "period_days": forecast.period_days,
        "days": [
            day | {"statistical_mean": _rounded(mean)}
            for day, mean in zip(
                days_of(forecast, row=0), found.statistical.mean_units[0], strict=True
            )
        ][: horizon or forecast.horizon],
        "overrides": [override.override_id for override in found.overrides],
    }
    if window is not None:
        answer["window"] = window_of(forecast, periods=window, seed=call.server.settings.seed)
    return answer


def quantile_name(level: float) -> str:
    """The field of a quantile.

    >>> [quantile_name(level) for level in (0.01, 0.05, 0.5, 0.975)]
    ['q01', 'q05', 'q50', 'q975']
    """
    return "q" + f"{level:.6f}".rstrip("0")[2:].ljust(2, "0")


def days_of(forecast: DemandForecast, *, row: int) -> list[dict[str, Any]]:
    """One series as JSON: per period its first day, mean and quantiles, in units."""
    names = [quantile_name(level) for level in forecast.levels]
    return [
        {"date": day.isoformat(), "mean": _rounded(mean), **_named(names, quantiles)}
        for day, mean, quantiles in zip(
            forecast.days, forecast.mean_units[row], forecast.quantiles_units[row], strict=True
        )
    ]


def window_of(forecast: DemandForecast, *, periods: int, seed: int) -> dict[str, Any]:
    """The sum over the first periods of a forecast of one series: never a sum of quantiles."""
    if periods > forecast.horizon:
        raise InputRejected(
            f"the forecast covers {forecast.horizon} periods; ask for no more", field="window"
        )
    quantiles = forecast.window_quantiles_units(forecast.levels, periods=periods, seed=seed)[0]
    names = [quantile_name(level) for level in forecast.levels]
    return {
        "days": periods * forecast.period_days,
        "from": forecast.first_day.isoformat(),
        "mean": _rounded(forecast.window_mean_units(periods=periods)[0]),
        "quantiles": _named(names, quantiles),
    }


def _named(names: list[str], values: Iterable[np.floating[Any]]) -> dict[str, float]:
    return dict(zip(names, map(_rounded, values), strict=True))


def _rounded(units: np.floating[Any]) -> float:
    """Stored in single precision: digits after the fourth are noise."""
    return round(float(units), 4)
