"""Whether the inputs of the model in use are still spread as where it was trained."""

from datetime import date, datetime, timedelta

import polars as pl
import psycopg

from features.frame import DATE, LOCATION, SKU
from inventory.store import history
from inventory.store.input_references import (
    Reference,
    keep_references,
    model_in_use,
    read_references,
    sampled_sales,
)
from models.monitoring import bin_shares, population_stability, reference_edges
from pipelines.history import unpacked

REFERENCE_DAYS = 364
"""A year of whole weeks before the model's first forecast: every season and weekday alike."""

RECENT_DAYS = 28
"""Days compared with it."""

SERIES_MAX = 2000
"""Series looked at, always the same: a share of 2,000 x 28 values is right to half a point."""

RECENT_VALUES_MIN = 200
"""Fewer values fill ten bins too unevenly to say anything."""

CORE_INPUTS = ("units", "in_stock", "price", "promotion")
"""What a drift of may start a retraining. Weather and calendars drift with the seasons."""


def input_drift(db: psycopg.Connection, *, last: date, now: datetime) -> dict[str, float]:
    """Population stability index per input, of the `RECENT_DAYS` up to `last`.

    Empty where there is no model yet, or too little to compare. The spread in training is worked
    out once for each model, over the `REFERENCE_DAYS` before its first forecast.
    """
    model = model_in_use(db, until=last)
    if model is None:
        return {}
    references = _references(db, model[0], first_forecast=model[1], now=now)
    recent = _inputs(db, first=last - timedelta(days=RECENT_DAYS - 1), last=last)
    if len(recent) < RECENT_VALUES_MIN:
        return {}
    return {
        name: population_stability(
            reference.shares, bin_shares(recent[name].to_numpy(), reference.edges)
        )
        for name, reference in references.items()
        if name in recent.columns
    }


def _references(
    db: psycopg.Connection, model_version: str, *, first_forecast: date, now: datetime
) -> dict[str, Reference]:
    """The spread of each input before the model's first forecast, as kept or worked out now."""
    kept = read_references(db, model_version)
    if kept:
        return kept
    last = first_forecast - timedelta(days=1)
    first = last - timedelta(days=REFERENCE_DAYS - 1)
    frame = _inputs(db, first=first, last=last)
    if len(frame) < RECENT_VALUES_MIN:
        return {}
    found = {}
    for name in frame.columns:
        values = frame[name].to_numpy()
        edges = reference_edges(values)
        found[name] = Reference(edges, bin_shares(values, edges))
    keep_references(db, model_version, found, first_day=first, last_day=last, now=now)
    return found


def _inputs(db: psycopg.Connection, *, first: date, last: date) -> pl.DataFrame:
    """Numeric inputs of the sampled series' days, a column each, NaN where unknown."""
    rows = sampled_sales(db, first=first, last=last, series_max=SERIES_MAX).rename({"day": DATE})
    places = history.read_location_days(db, first=first, last=last).rename({"day": DATE})
    frame = unpacked(rows)
    around = unpacked(places)
    fresh = [name for name in around.columns if name not in frame.columns]
    if fresh:
        frame = frame.join(around.select(LOCATION, DATE, *fresh), on=[LOCATION, DATE], how="left")
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    return frame.select(pl.col(numeric).cast(pl.Float64).fill_null(float("nan"))).drop(
        SKU, LOCATION, DATE, strict=False
    )
