"""A small shop whose days arrive one by one, for stories about monitoring."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.store import forecasts, history

START = date(2026, 3, 2)
SERIES = (("tea", "S1"), ("tea", "S2"), ("soap", "S1"), ("soap", "S2"))
LEVEL = np.array(LEVELS)


def day(n):
    return START + timedelta(days=n)


def morning(n, hour=6):
    return datetime.combine(day(n), time(hour), tzinfo=UTC)


def stock_catalogue(db):
    db.execute(
        "insert into locations (location, name, type) values "
        "('S1', 'One', 'store'), ('S2', 'Two', 'store')"
    )
    db.execute("insert into vendors (vendor, name, lead_time_days) values ('ACME', 'A', 2)")
    db.execute(
        "insert into skus (sku, name, category, vendor) values "
        "('tea', 'Tea', 'drinks', 'ACME'), ('soap', 'Soap', 'care', null)"
    )


def forecast(db, n, mean, *, horizon=28, spread=1.0, run_id=None, series=SERIES, version="m/1"):
    """On the morning of day n: normal demand around `mean` (a number, or one per series)."""
    means = np.broadcast_to(np.asarray(mean, dtype=float), (len(series),))
    quantiles = np.maximum(means[:, None] + spread * norm.ppf(LEVEL), 0)
    forecasts.store_run(
        db,
        DemandForecast(
            skus=tuple(sku for sku, _ in series),
            locations=tuple(location for _, location in series),
            first_day=day(n),
            levels=LEVEL,
            quantiles_units=np.repeat(quantiles[:, None], horizon, axis=1),
            mean_units=np.repeat(means[:, None], horizon, axis=1),
            dependence=np.zeros((len(series), 2)),
            run_id=run_id or f"run-{n}",
            model_version=version,
        ),
        now=morning(n),
    )


def sales(n, units, *, series=SERIES, **columns):
    """Rows of day n: the same units in each series, or one number each."""
    each = np.broadcast_to(np.asarray(units, dtype=float), (len(series),))
    rows = {
        "sku": [sku for sku, _ in series],
        "location": [location for _, location in series],
        "day": [day(n)] * len(series),
        "units": each,
        **{name: np.broadcast_to(value, (len(series),)) for name, value in columns.items()},
    }
    return pl.DataFrame(rows)


def sell(db, n, units, **more):
    """The sales of day n arrive the morning after."""
    history.upsert_sales_days(db, sales(n, units, **more), now=morning(n + 1, hour=5))


def noise(n, sd=1.0):
    """Units around zero, one per series, always the same for a day."""
    return np.random.default_rng(n).normal(0, sd, len(SERIES))
