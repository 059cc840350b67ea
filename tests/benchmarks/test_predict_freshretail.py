"""The fast preset on 2,000 real series: in time, in memory, and better than both baselines.

Run with `pytest tests/benchmarks/test_predict_freshretail.py -m slow -s`, which prints the figures.
"""

import json
import subprocess
import sys
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from models import metrics
from models.baseline import MovingAverage, SeasonalNaive
from pipelines.panel_file import read_panel

HORIZON = 14
SERIES = 2000
LEVELS = np.array(metrics.SCORED_LEVELS)
AHEAD = ["discount", "holiday_flag", "activity_flag", "precpt", "avg_temperature"]
STATIC = ["city_id", "management_group_id", "first_category_id", "third_category_id"]

RUN = """
import json, resource, sys
from pathlib import Path
from pipelines.predict import predict_file
report = predict_file(Path(sys.argv[1]), Path(sys.argv[2]), horizon=14, window=7, threads=2,
                      levels=[0.1, 0.5, 0.9, 0.95, 0.99], out_path=Path(sys.argv[3]))
peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": report.seconds, "peak_gib": peak_kib / 2**20}))
"""


@pytest.fixture(scope="module")
def split(shared_data, tmp_path_factory):
    """History, future and actuals of series drawn at random; the last 14 days are held back."""
    raw = pl.read_parquet(shared_data / "freshretail" / "daily.parquet")
    ids = raw.select("store_id", "product_id").unique(maintain_order=True).sample(SERIES, seed=1)
    every = raw.join(ids, on=["store_id", "product_id"], how="semi").select(
        pl.col("product_id").cast(pl.String).alias("sku"),
        pl.col("store_id").cast(pl.String).alias("location"),
        pl.col("dt").cast(pl.Date).alias("date"),
        (10 * pl.col("sale_amount")).round().alias("units"),
        (1 - pl.col("stockout_hours_6_22") / 16).alias("in_stock"),
        *AHEAD,
        *STATIC,
    )
    origin = every["date"].max() - timedelta(days=HORIZON)
    folder = tmp_path_factory.mktemp("freshretail")
    every.filter(pl.col("date") <= origin).write_parquet(folder / "h.parquet")
    later = every.filter(pl.col("date") > origin).sort("sku", "location", "date")
    later.select("sku", "location", "date", *AHEAD).write_parquet(folder / "f.parquet")
    return folder, later["units"].to_numpy().reshape(-1, HORIZON)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fast_preset_on_two_thousand_series(split):
    folder, actual = split
    files = [folder / "h.parquet", folder / "f.parquet", folder / "o.parquet"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *files], check=True, capture_output=True, text=True
    )
    used = json.loads(done.stdout.splitlines()[-1])
    out = pl.read_parquet(folder / "o.parquet")
    quantiles = out.select(f"q{level:g}" for level in LEVELS).to_numpy().reshape(*actual.shape, -1)
    panel, _ = read_panel(folder / "h.parquet")
    history = panel.history["units"].to_numpy().reshape(len(actual), -1)
    scale = metrics.naive_error_units(history, 7)

    def sql(q):
        return metrics.scaled_quantile_loss(actual, q, LEVELS, scale_units=scale)

    naive, average = (
        sql(m.predict(panel, horizon=HORIZON, levels=LEVELS).quantiles_units)
        for m in (SeasonalNaive(), MovingAverage())
    )
    figures = used | {
        "sql": sql(quantiles), "sql_seasonal_naive": naive, "sql_28_day_average": average,
        "wape": metrics.wape(actual, quantiles[..., 1]),
        "coverage95": metrics.coverage(actual, quantiles[..., 3]),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))  # noqa: T201
    assert figures["sql"] < 0.95 * min(naive, average)
    assert figures["coverage95"] == pytest.approx(0.95, abs=0.03)
    assert figures["peak_gib"] < 4
    assert figures["seconds"] < 240
