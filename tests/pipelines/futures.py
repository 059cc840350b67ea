"""Forecasts that are sure of what will sell: plans that follow from them can be worked by hand."""

from datetime import UTC, datetime

import numpy as np

from inventory.demand import LEVELS, DemandForecast

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TODAY = NOW.date()


def days(*runs):
    """Units a day from runs (days, units), 28 days long."""
    units = [u for n, u in runs for _ in range(n)]
    return np.array((units + [units[-1]] * 28)[:28], dtype=float)


def certain(demand, *, run_id="run-1", spread=0.0):
    """A forecast that is sure (or spread around) of these units a day per (sku, location)."""
    keys = sorted(demand)
    mean = np.stack([demand[key] for key in keys])
    factor = 1 + spread * (2 * np.array(LEVELS) - 1)
    return DemandForecast(
        skus=tuple(sku for sku, _ in keys),
        locations=tuple(location for _, location in keys),
        first_day=TODAY,
        levels=np.array(LEVELS),
        quantiles_units=mean[:, :, None] * factor,
        mean_units=mean,
        dependence=np.full((len(keys), 2), 0.2),
        run_id=run_id,
        model_version="test",
    )
