"""Whether the inputs of the model in use are still spread as where it was trained."""

from datetime import date, datetime, timedelta

import polars as pl
import psycopg

from features.frame import DATE
from inventory.demand import Floats
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
"""With fewer values in ten bins, chance alone may reach the usual threshold: n times the index is
about chi-squared with 9 degrees of freedom (Yurdakul 2018), so 0.14 once in 1,000 times at 200."""

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
    return {
        name: population_stability(reference.shares, bin_shares(recent[name], reference.edges))
        for name, reference in references.items()
        if name in recent
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
    found = {}
    for name, values in _inputs(db, first=first, last=last).items():
        edges = reference_edges(values)
        found[name] = Reference(edges, bin_shares(values, edges))
    keep_references(db, model_version, found, first_day=first, last_day=last, now=now)
    return found


def _inputs(db: psycopg.Connection, *, first: date, last: date) -> dict[str, Floats]:
    """Values of each numeric input, NaN where unknown; those with too few values left out.

    Of the sampled series' days; what is said of a place and day counts once, not once per item.
    """
    rows = sampled_sales(db, first=first, last=last, series_max=SERIES_MAX).rename({"day": DATE})
    places = history.read_location_days(db, first=first, last=last).rename({"day": DATE})
    found: dict[str, Floats] = {}
    for frame in (unpacked(rows), unpacked(places)):
        numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
        for name in numeric if len(frame) >= RECENT_VALUES_MIN else []:
            values = frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            found.setdefault(name, values)
    return found
