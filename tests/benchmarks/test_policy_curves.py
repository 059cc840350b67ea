"""How much stock a service needs: our orders beside z · σ · √(L + R), at equal fill rates.

    pytest tests/benchmarks/test_policy_curves.py -m slow -s

prints the curves where they meet, of what buyers get (`planned`) and of `vouch order`: on the demo
retailer (lead times of 3 to 14 days, reviews of one to seven, packs, minimums and lots as its
catalogue says) and on a sample of FreshRetail (perishables: one or two days to the shelf).
"""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from features.frame import Panel
from pipelines.demo import load_demo
from pipelines.replay_run import Asked, replay, replay_database
from pipelines.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)
SERIES = 200
HOURS_OPEN = 16
DATED = {
    "product_id": "sku", "store_id": "location", "dt": "date",
}  # fmt: skip
KNOWN = ("discount", "holiday_flag", "activity_flag")
OURS = ("planned", "vouch")
ASKED = Asked(lost_sales=True, policies=(*OURS, "safety_factor"), curve=True, threads=1)


def told(report):
    """Points of each of our curves."""
    print("\n".join(report.lines()))  # noqa: T201 - the figures are what the run is for.
    return {
        name: [point for point in report.at_equal_fill if point.policy == name] for name in OURS
    }


def check(curves):
    """A tenth less stock over each curve, every fill rate weighing the same, and never more."""
    for name, points in curves.items():
        ours = sum(point.stock_units for point in points)
        saved = 1 - ours / sum(point.other_stock_units for point in points)
        print(f"{name}: {saved:.1%} less stock")  # noqa: T201
        assert saved >= 0.10, name
        assert all(point.less > 0 for point in points), name


def test_the_demo_retailer_needs_a_tenth_less_stock(db):
    """Costs, packs, minimums and lead times are those of its catalogue."""
    load_demo(db, now=NOW, skus=24, days=400)
    asked = replace(ASKED, windows=1, orders=4)
    report = replay_database(db, asked, Settings())
    check(told(report))
    cost = {row.policy: row.cost for row in report.policies}
    assert cost["planned"] < cost["safety_factor"]


@pytest.mark.data
@pytest.mark.parametrize(("lead_time", "shelf_life"), [(1, 4), (2, 5)], ids=["one", "two"])
def test_perishables_need_a_tenth_less_stock(shared_data, lead_time, shelf_life):
    """Days to the shelf, and on it.

    What buyers get saves less than `vouch order`: it compares the inventory position, in which
    sales that empty shelves lose on the way still stand as demand.
    """
    asked = replace(
        ASKED, lead_time_periods=lead_time, review_periods=1, shelf_life_periods=shelf_life,
        holding=1.0, shortage=9.0, waste=2.0, windows=2, orders=14, series=SERIES,
    )  # fmt: skip
    check(told(replay(perishables(shared_data), asked)))


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
