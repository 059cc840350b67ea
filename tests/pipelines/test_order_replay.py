"""The baseline of the replays, and what a window starts with."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from inventory.simulate import StockState, simulate
from pipelines.order_replay import Costs, seasonal_order_up_to, warmed_up, weekly_sales

WEEKS = [date(2022, 1, 3) + timedelta(days=7 * week) for week in range(60)]


def panel_of(*series, in_stock=None):
    frames = [
        pl.DataFrame({
            "sku": [f"SKU-{row}"] * 60, "location": ["S"] * 60, "date": WEEKS,
            "units": np.asarray(units, dtype=float),
            "in_stock": np.ones(60) if in_stock is None else in_stock,
        })
        for row, units in enumerate(series)
    ]  # fmt: skip
    history = pl.concat(frames)
    return Panel(
        history=history, future=history.head(0)[["sku", "location", "date"]], period_days=7
    )


def test_steady_sales_are_ordered_up_to_four_weeks():
    sales = weekly_sales(panel_of([10.0] * 60, [3.0] * 60))
    state = StockState(np.array([5.0, 0.0]), np.array([[10.0, 0.0], [0.0, 2.0]]))
    assert seasonal_order_up_to(sales, origin=50)(-1, state).tolist() == [40 - 15, 12 - 2]


def test_weeks_without_stock_are_no_weeks_without_demand():
    sold, in_stock = np.full(60, 10.0), np.ones(60)
    sold[45:50], in_stock[45:50] = 0, 0
    sales = weekly_sales(panel_of(sold, in_stock=in_stock))
    empty = StockState(np.zeros(1), np.zeros((1, 2)))
    assert seasonal_order_up_to(sales, origin=50)(-1, empty).tolist() == [40]


def test_the_baseline_never_sees_a_week_before_it_ends():
    steady = [[10.0] * 60] * 4
    jumped = [[10.0] * 51 + [900.0] * 9, *steady[1:]]
    empty = StockState(np.zeros(4), np.zeros((4, 2)))
    before, after = (
        seasonal_order_up_to(weekly_sales(panel_of(*series)), origin=50)
        for series in (steady, jumped)
    )
    assert after(-1, empty).tolist() == before(-1, empty).tolist()
    assert after(0, empty)[0] > before(0, empty)[0]


def test_a_warm_start_of_steady_sales_is_the_steady_state():
    """Up to 40 at lead time two: 20 on their way, 20 on the shelf before a week takes ten."""
    sales = weekly_sales(panel_of([10.0] * 60))
    start = warmed_up(sales, origin=50, lead_time_periods=2)
    assert start.on_hand_units.tolist() == [10]
    outcome = simulate(
        sales.sold_units[:, 51:59], start, seasonal_order_up_to(sales, origin=50),
        lead_time_periods=2, lost_sales=True,
    )  # fmt: skip
    assert outcome.unmet_units.sum() == 0
    assert (outcome.left_units == outcome.left_units[0, -1]).all()


def test_saved_is_a_share_of_the_baseline():
    costs = Costs(WEEKS[0], 60.0, 40.0, 20.0, 80.0, 50.0, 30.0)
    assert costs.saved == pytest.approx(0.25)
