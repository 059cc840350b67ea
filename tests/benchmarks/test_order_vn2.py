"""Order decisions on the history of the VN2 challenge: lead time two weeks, six orders.

    pytest tests/benchmarks/test_order_vn2.py -m slow -s

prints the cost of the window. Published for the competition's own weeks, which are not here: 4,334
for the organiser's benchmark, 3,763 for the winner.
"""

from datetime import date

import polars as pl
import pytest

from features.frame import Panel
from pipelines.order_replay import replay, table

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(1800)]

ORIGINS = [date(2023, 12, 18)]
"""A window that no figure of the policy was chosen on. Others of the two years before the
competition: 2023-02-13, 2023-08-14 and 2024-02-12, which were used for that."""


@pytest.fixture(scope="module")
def panel(shared_data):
    history = (
        pl.read_parquet(shared_data / "vn2" / "weekly.parquet")
        .select(
            pl.col("Product").cast(pl.String).alias("sku"),
            pl.col("Store").cast(pl.String).alias("location"),
            pl.col("week").alias("date"),
            pl.col("sales").cast(pl.Float64).alias("units"),
            pl.col("in_stock").cast(pl.Float64),
        )
        .sort("sku", "location", "date")
    )
    return Panel(
        history=history, future=history.head(0)[["sku", "location", "date"]], period_days=7
    )


def test_costs_less_than_the_seasonal_order_up_to_policy(panel):
    costs = replay(
        panel, origins=ORIGINS, lead_time_periods=2, orders=6, holding=0.2, shortage=1.0, threads=2
    )
    print(table(costs))  # noqa: T201 - the figures are what the run is for.
    for window in costs:
        assert window.ours < window.baseline
