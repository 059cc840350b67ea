"""How much stock a service needs: our orders beside z · σ · √(L + R), at equal fill rates.

    pytest tests/benchmarks/test_policy_curves.py -m slow -s

prints both curves where they meet, on the demo retailer (lead times of 3 to 14 days, reviews of one
to seven) and on a sample of FreshRetail (perishables: one day to the shelf, four days on it).
"""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from features.frame import Panel
from pipelines.demo import load_demo
from pipelines.replay_run import Asked, replay, replay_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)
SERIES = 200
HOURS_OPEN = 16
DATED = {
    "product_id": "sku", "store_id": "location", "dt": "date",
}  # fmt: skip
KNOWN = ("discount", "holiday_flag", "activity_flag")
ASKED = Asked(
    holding=1.0, shortage=9.0, lost_sales=True, policies=("vouch", "safety_factor"), curve=True,
    threads=1,
)  # fmt: skip


def told(report):
    print("\n".join(report.lines()))  # noqa: T201 - the figures are what the run is for.
    return report.at_equal_fill


def saved(points):
    """Share of the stock saved over the curve, every fill rate weighing the same."""
    ours = sum(point.stock_units for point in points)
    return 1 - ours / sum(point.other_stock_units for point in points)


def test_the_demo_retailer_needs_a_tenth_less_stock(db):
    load_demo(db, now=NOW, skus=24, days=400)
    points = told(replay_database(db, replace(ASKED, windows=1, orders=4)))
    assert saved(points) >= 0.10
    assert all(point.less > 0 for point in points)


@pytest.mark.data
def test_perishables_need_a_tenth_less_stock(shared_data):
    asked = replace(
        ASKED, lead_time_periods=1, review_periods=1, shelf_life_periods=4, waste=2.0,
        windows=2, orders=14, series=SERIES,
    )  # fmt: skip
    points = told(replay(perishables(shared_data), asked))
    assert saved(points) >= 0.10
    assert all(point.less > 0 for point in points)


def perishables(shared_data):
    """FreshRetail as a panel: a tenth of a unit of sale_amount is a unit."""
    history = (
        pl.read_parquet(shared_data / "freshretail" / "daily.parquet")
        .select(
            *(pl.col(name).cast(pl.String if name != "dt" else pl.Date).alias(to)
              for name, to in DATED.items()),
            (10 * pl.col("sale_amount")).round().cast(pl.Float64).alias("units"),
            (1 - pl.col("stockout_hours_6_22") / HOURS_OPEN).cast(pl.Float64).alias("in_stock"),
            *(pl.col(name).cast(pl.Float64) for name in KNOWN),
        )
        .sort("sku", "location", "date")
    )  # fmt: skip
    return Panel(history=history, future=history.head(0)[["sku", "location", "date"]])
