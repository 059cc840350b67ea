"""Demand over lead time and review period of every position, drawn anew only where it must be.

A window that is stored serves until the forecast in force, an override, the lead time or the day
changes. Another target, cost or pack asks for no sample paths.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl
import psycopg

from inventory.base_stock import starting_on, window_demand
from inventory.demand import DemandForecast
from inventory.policy.lot_size import on_grid
from inventory.store.demand_windows import (
    QUANTILES,
    WINDOW_SCHEMA,
    Windows,
    no_windows,
    read_windows,
    write_windows,
)
from inventory.store.effective_forecasts import read_effective
from inventory.store.overrides import read_acting

RATE_DAYS = 28
"""Days of forecast that say how much sells per day, for lots and days of cover."""

KEY = ["sku", "location"]
ASKED = ("run_id", "stated", "planned_on", "lead_time_days", "lead_time_sd_days",
         "review_period_days")  # fmt: skip
"""What a window must agree on to serve."""

SKUS_NAMED_MAX = 5_000
"""Of more SKUs than this, all are read."""


def windows_of(
    db: psycopg.Connection,
    table: pl.DataFrame,
    *,
    now: datetime,
    seed: int,
    skus: Sequence[str] | None = None,
) -> tuple[pl.DataFrame, Windows]:
    """Rows of `table` that have a forecast, and their windows in the same order.

    Parameters
    ----------
    table : positions with sku, location, run_id and the three figures of the lead time.
    skus : the SKUs of `table`, where it is not of all.
    """
    stated = stated_digest(db, now=now)
    asked = table.with_columns(
        pl.lit(stated).alias("stated"), pl.lit(now.date()).alias("planned_on")
    )
    stored = read_windows(db, skus=skus)
    found = _joined(stored).join(asked.select(*KEY, *ASKED), on=[*KEY, *ASKED], how="semi")
    missing = asked.join(found, on=KEY, how="anti")
    if len(missing):
        drawn = _drawn(db, missing, now=now, seed=seed, skus=skus)
        write_windows(db, drawn)
        found = pl.concat([found, _joined(drawn)])
    # One join puts figures and quantiles in the order of the positions.
    both = table.join(found.drop(ASKED), on=KEY, how="inner", maintain_order="left")
    figures = ("lead_time_mean", "review_mean", "demand_rate")
    windows = Windows(both.select(*KEY, *figures), both.select(QUANTILES).to_numpy())
    return both.drop(*QUANTILES, *figures), windows


def _joined(windows: Windows) -> pl.DataFrame:
    return pl.concat([windows.table, windows.quantiles], how="horizontal")


def stated_digest(db: psycopg.Connection, *, now: datetime) -> str:
    """A digest of the overrides that act now."""
    acting = [override.override_id for override in read_acting(db, now=now, since=now.date())]
    return hashlib.sha256(repr(acting).encode()).hexdigest()[:16]


def _drawn(
    db: psycopg.Connection,
    missing: pl.DataFrame,
    *,
    now: datetime,
    seed: int,
    skus: Sequence[str] | None,
) -> Windows:
    """Windows of the positions that have a forecast."""
    changed = missing["sku"].unique().sort().to_list()
    named = skus if len(changed) > SKUS_NAMED_MAX else changed
    parts = [
        part
        for forecast in read_effective(db, now=now, skus=named)
        if (part := _of_forecast(forecast, missing, now=now, seed=seed)) is not None
    ]
    if not parts:
        return no_windows()
    return Windows(
        pl.concat([part.table for part in parts]),
        np.concatenate([part.quantiles_units for part in parts]),
    )


def _of_forecast(
    forecast: DemandForecast, missing: pl.DataFrame, *, now: datetime, seed: int
) -> Windows | None:
    keys = pl.DataFrame({
        "sku": forecast.skus, "location": forecast.locations,
        "series": np.arange(len(forecast.skus)),
    })  # fmt: skip
    covered = missing.join(keys, on=KEY, maintain_order="left")
    if covered.is_empty():
        return None
    chosen = starting_on(forecast.select(covered["series"].to_numpy()), now.date())
    demand = window_demand(
        chosen,
        lead_time_days=covered["lead_time_days"].to_numpy(),
        lead_time_sd_days=covered["lead_time_sd_days"].to_numpy(),
        review_period_days=covered["review_period_days"].to_numpy(),
        seed=seed,
    )
    rate = chosen.mean_units[:, :RATE_DAYS].mean(axis=1) / chosen.period_days
    table = covered.with_columns(
        pl.Series("lead_time_mean", demand.lead_time_mean_units),
        pl.Series("review_mean", demand.review_mean_units),
        pl.Series("demand_rate", on_grid(rate)),
    )
    return Windows(table.select(*WINDOW_SCHEMA), demand.quantiles_units)
