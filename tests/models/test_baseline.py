"""The two baselines on series small enough to read the answer off."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from models.baseline import MovingAverage, SeasonalNaive, row_quantiles

LEVELS = np.array([0.1, 0.5, 0.9])


def panel_of(units, in_stock=None, period_days=1):
    days = [date(2024, 1, 1) + timedelta(days=period_days * i) for i in range(len(units))]
    history = pl.DataFrame(
        {
            "sku": "a",
            "location": "x",
            "date": days,
            "units": pl.Series(units, dtype=pl.Float64),
            "in_stock": pl.Series(in_stock or [1.0] * len(units), dtype=pl.Float64),
        }
    )
    return Panel(history=history, future=history.head(0).select("sku", "location", "date"),
                 period_days=period_days)  # fmt: skip


def test_seasonal_naive_repeats_the_week():
    week = [3, 1, 4, 1, 5, 9, 2]
    panel = panel_of(week * 3)
    forecast = SeasonalNaive().fit(panel, horizon=10).predict(panel, horizon=10, levels=LEVELS)
    assert forecast.mean_units[0].tolist() == week + week[:3]
    assert forecast.first_day == date(2024, 1, 22)
    assert (forecast.quantiles_units[0, :, 1] == forecast.mean_units[0]).all(), "it never changed"


def test_seasonal_naive_skips_a_day_that_was_sold_out():
    panel = panel_of([3, 1, 4, 1, 5, 9, 2] * 2, in_stock=[1.0] * 13 + [0.0])
    forecast = SeasonalNaive().predict(panel, horizon=7, levels=LEVELS)
    assert forecast.mean_units[0, -1] == 2, "the Sunday before stands in"


def test_average_leaves_out_days_sold_out():
    panel = panel_of([100] * 10 + [4, 0] * 14, in_stock=[1.0] * 10 + [1.0, 0.0] * 14)
    forecast = MovingAverage().predict(panel, horizon=2, levels=LEVELS)
    assert forecast.mean_units[0].tolist() == [4, 4]


@pytest.mark.parametrize("model", [SeasonalNaive(), MovingAverage()])
@pytest.mark.parametrize("units", [[0, 0, 0], [5], [None, None], [2] * 40])
def test_degenerate_series_get_a_forecast(model, units):
    panel = panel_of(units)
    forecast = model.predict(panel, horizon=9, levels=LEVELS)
    assert np.isfinite(forecast.quantiles_units).all()


def test_row_quantiles_against_numpy():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 12))
    values[rng.random((5, 12)) < 0.3] = np.nan
    expected = np.nanquantile(values, LEVELS, axis=1).T
    assert row_quantiles(values, LEVELS, empty=0.0) == pytest.approx(expected)
