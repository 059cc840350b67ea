"""New items on real series: histories cut to a few days, and forecast with and without borrowing.

Run with `pytest tests/benchmarks/test_new_items.py -m slow -s`, which prints the figures.
"""

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from features.demand import dense_demand
from features.frame import KEY, SERIES, Panel
from models import ensemble, metrics
from models.cold_start import YOUNG_PERIODS, with_borrowed
from models.ensemble import Ensemble
from models.members import members_of

HORIZON = 14
SERIES_COUNT = 600
LEVELS = np.array(metrics.SCORED_LEVELS)
CUT_TO_DAYS = (1, 3, 8)
LAST_DAYS_UNSEEN = 14
"""The last fortnight of the data is kept out: the strength of borrowing was chosen without it."""


@pytest.fixture(scope="module")
def cut(shared_data):
    """A panel half of whose series are young, their days left, the actuals and the scales."""
    raw = pl.read_parquet(shared_data / "freshretail" / "daily.parquet")
    ids = raw.select("store_id", "product_id").unique(maintain_order=True)
    ids = ids.sample(SERIES_COUNT, seed=3).with_columns(
        days=pl.lit(pl.Series([*CUT_TO_DAYS, 999, 999, 999] * (SERIES_COUNT // 6)))
    )
    every = raw.join(ids, on=["store_id", "product_id"], how="inner").select(
        pl.col("product_id").cast(pl.String).alias("sku"),
        pl.col("store_id").cast(pl.String).alias("location"),
        pl.col("dt").cast(pl.Date).alias("date"),
        (10 * pl.col("sale_amount")).round().alias("units"),
        (1 - pl.col("stockout_hours_6_22") / 16).alias("in_stock"),
        pl.col("third_category_id").cast(pl.String).alias("category"),
        "discount", "days",
    ).sort(KEY)  # fmt: skip
    origin = every["date"].max() - timedelta(days=LAST_DAYS_UNSEEN + HORIZON)
    past = every.filter(pl.col("date") <= origin)
    scales = metrics.naive_error_units(past["units"].to_numpy().reshape(SERIES_COUNT, -1), 7)
    ahead = every.filter(pl.col("date") > origin, pl.col("date") <= origin + timedelta(HORIZON))
    kept = past.filter((origin - pl.col("date")).dt.total_days() < pl.col("days"))
    panel = Panel(history=kept.drop("days"), future=ahead.select(*KEY, "discount"))
    days = past.group_by(SERIES, maintain_order=True).agg(pl.col("days").first())["days"].to_numpy()
    return panel, days, ahead["units"].to_numpy().reshape(-1, HORIZON), scales


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_borrowing_helps_new_items_and_touches_no_others(cut, monkeypatch):
    panel, days, actual, scales = cut
    fitted = Ensemble(members_of("fast", seed=0, threads=2)).fit(panel, horizon=HORIZON)
    monkeypatch.setattr(ensemble, "with_borrowed", lambda forecast, _: forecast)
    own = fitted.predict(panel, horizon=HORIZON, levels=LEVELS)
    borrowed = with_borrowed(own, panel)

    def sql(forecast, rows):
        return metrics.scaled_quantile_loss(
            actual[rows], forecast.quantiles_units[rows], LEVELS, scale_units=scales[rows]
        )

    figures = {d: (sql(own, days == d), sql(borrowed, days == d)) for d in (*CUT_TO_DAYS, 999)}
    print(json.dumps(figures, indent=1))  # noqa: T201
    assert figures[1][1] < 1.1 * figures[1][0]
    assert figures[3][1] < figures[3][0]
    assert figures[8][1] < figures[8][0]
    shown = (~np.isnan(dense_demand(panel))).sum(axis=1) >= YOUNG_PERIODS[1]
    assert shown.sum() > SERIES_COUNT / 3
    assert np.array_equal(borrowed.quantiles_units[shown], own.quantiles_units[shown])
