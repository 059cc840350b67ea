"""What customers ask for in a replay, where the shelf was empty."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from pipelines.replay_demand import demand_to_replay

DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(60)]


def panel_of(units, in_stock, first=0):
    n = len(DAYS)
    history = pl.concat([
        pl.DataFrame({"sku": ["A"] * n, "location": ["S"] * n, "date": DAYS,
                      "units": np.asarray(units, dtype=float), "in_stock": in_stock}),
        pl.DataFrame({"sku": ["B"] * (n - first), "location": ["S"] * (n - first),
                      "date": DAYS[first:], "units": [5.0] * (n - first),
                      "in_stock": [1.0] * (n - first)}),
    ])  # fmt: skip
    return Panel(history=history, future=history.head(0)[["sku", "location", "date"]])


def sold_out():
    units, in_stock = np.full(60, 10.0), np.ones(60)
    units[40:44], in_stock[40:44] = 0.0, 0.0
    units[50], in_stock[50] = 5.0, 0.5
    return panel_of(units, in_stock)


def test_as_sold_an_empty_shelf_is_no_demand_and_nobody_knows_better():
    demand = demand_to_replay(sold_out(), unseen="sold")
    assert demand.played_units[0, 39:45].tolist() == [10, 0, 0, 0, 0, 10]
    assert np.isnan(demand.known_units[0, 40:44]).all()
    assert demand.unseen_share == pytest.approx(5 / 120)


def test_estimated_it_is_what_was_expected_that_day():
    demand = demand_to_replay(sold_out())
    assert demand.played_units[0, 40:44] == pytest.approx([10] * 4, rel=0.1)
    assert demand.played_units[0, 50] == pytest.approx(10, rel=0.15)
    assert np.isfinite(demand.known_units).all()


def test_the_estimate_of_a_day_reads_no_later_one():
    later = sold_out().history.with_columns(
        pl.when(pl.col("date") > DAYS[45]).then(90.0).otherwise("units").alias("units")
    )
    changed = demand_to_replay(Panel(history=later, future=later.head(0)))
    same = demand_to_replay(sold_out())
    assert np.array_equal(changed.played_units[:, :46], same.played_units[:, :46])


def test_before_a_series_starts_nobody_asks_for_it():
    steady = panel_of(np.full(60, 10.0), np.ones(60), first=20)
    demand = demand_to_replay(steady)
    assert demand.played_units[1, :20].sum() == 0
    assert np.isnan(demand.known_units[1, :20]).all()
