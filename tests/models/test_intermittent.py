"""Intermittent methods against published numbers and against sums done by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import nbinom

from features.frame import Panel
from models.intermittent import (
    IntermittentForecaster,
    croston_units,
    demand_variance,
    negative_binomial_quantiles_units,
    sba_units,
    smooth_croston,
    tsb_units,
)

PRODUCT_C = np.array(
    [[0, 2, 0, 1, 0, 11, 0, 0, 0, 0, 2, 0,
      6, 3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0,
      0, 0, 0, 3, 1, 0, 0, 1, 0, 1, 0, 0]], dtype=float
)  # fmt: skip
"""Monthly sales of a lubricant: series `productC` of Hyndman & Athanasopoulos, FPP2, 12.2."""


def test_croston_on_the_textbook_lubricant():
    """FPP2 section 12.2 prints size 2.750, interval 2.793 and their ratio 0.985 with alpha 0.1."""
    smoothed = smooth_croston(PRODUCT_C, alpha=0.1)
    assert smoothed.size_units[0] == pytest.approx(2.750, abs=5e-4)
    assert smoothed.interval_periods[0] == pytest.approx(2.793, abs=5e-4)
    assert croston_units(PRODUCT_C, alpha=0.1)[0] == pytest.approx(0.985, abs=5e-4)


def test_croston_equals_statsforecast():
    """statsforecast 2.1.1, CrostonClassic on the same series."""
    assert croston_units(PRODUCT_C, alpha=0.1)[0] == pytest.approx(0.98459652, abs=1e-7)


def test_sba_takes_off_half_of_alpha():
    """Syntetos & Boylan (2005): at alpha 0.1 the ratio is multiplied by 0.95."""
    assert sba_units(PRODUCT_C, alpha=0.1)[0] == pytest.approx(0.95 * 0.98459652, abs=1e-7)


def test_tsb_equals_statsforecast():
    """statsforecast 2.1.1, TSB(alpha_d=0.1, alpha_p=0.1) on the same series."""
    assert tsb_units(PRODUCT_C)[0] == pytest.approx(0.8040651, abs=1e-7)


def test_croston_of_many_series_is_the_recursion_of_each():
    """The formula as its authors wrote it, one sale after the other, on gappy series."""
    rng = np.random.default_rng(8)
    demand = rng.poisson(0.6, (300, 90)).astype(float)
    demand[rng.random(demand.shape) < 0.2] = np.nan
    demand[0] = 0.0
    found = smooth_croston(demand, alpha=0.3)
    for row, units in enumerate(demand):
        size = interval = np.nan
        waited = 0
        for sold in units[~np.isnan(units)]:
            waited += 1
            if sold > 0:
                first = np.isnan(size)
                size = sold if first else size + 0.3 * (sold - size)
                interval = waited if first else interval + 0.3 * (waited - interval)
                waited = 0
        told = found.size_units[row], found.interval_periods[row]
        assert told == pytest.approx((size, interval), nan_ok=True)


def test_tsb_fades_when_nothing_sells_and_croston_does_not():
    dead = np.concatenate([PRODUCT_C, np.zeros((1, 50))], axis=1)
    assert croston_units(dead) == croston_units(PRODUCT_C)
    assert tsb_units(dead)[0] == pytest.approx(0.9**50 * tsb_units(PRODUCT_C)[0])


def test_rows_do_not_touch_each_other():
    both = np.concatenate([PRODUCT_C, PRODUCT_C[:, ::-1]])
    for method in (croston_units, sba_units, tsb_units):
        assert method(both)[0] == method(PRODUCT_C)[0]


def test_unknown_periods_are_not_waiting_time():
    gappy = np.insert(PRODUCT_C, [5, 20], np.nan, axis=1)
    assert croston_units(gappy) == croston_units(PRODUCT_C)
    assert tsb_units(gappy) == tsb_units(PRODUCT_C)


def test_a_series_that_never_sold_is_zero():
    for method in (croston_units, sba_units, tsb_units):
        assert method(np.zeros((1, 5)))[0] == 0
        assert method(np.full((1, 5), np.nan))[0] == 0


@pytest.mark.parametrize("size", [0.3, 2.0, 20.0])
def test_quantiles_are_those_of_the_distribution_with_these_moments(size):
    mean, chance = 1.5, size / (size + 1.5)
    variance = mean / chance
    levels = np.array([0.1, 0.5, 0.9, 0.99])
    got = negative_binomial_quantiles_units(np.array([mean]), np.array([variance]), levels)
    assert got[0].tolist() == nbinom.ppf(levels, size, chance).tolist()


def test_variance_is_never_below_poisson():
    steady = np.full((1, 30), 4.0)
    assert demand_variance(steady, np.array([4.0]))[0] == 4.0


def lumpy_panel(rng, days=200, N=40):
    start = date(2024, 1, 1)
    frames = [
        pl.DataFrame(
            {
                "sku": f"s{i:02d}",
                "location": "x",
                "date": [start + timedelta(days=d) for d in range(days)],
                "units": rng.negative_binomial(0.5, 0.5 / (0.5 + 0.4), size=days).astype(float),
                "in_stock": 1.0,
            }
        )
        for i in range(N)
    ]
    history = pl.concat(frames)
    return Panel(history=history, future=history.head(0).select("sku", "location", "date"))


def test_forecaster_is_calibrated_on_negative_binomial_demand():
    """Demand drawn with mean 0.4 and variance 0.4 + 0.4²/0.5 = 0.72; the mean must be met."""
    forecast = IntermittentForecaster(method="sba").predict(
        lumpy_panel(np.random.default_rng(3)), horizon=3, levels=np.array([0.5, 0.95, 0.99])
    )
    assert forecast.mean_units.mean() == pytest.approx(0.4, rel=0.15)
    assert (forecast.quantiles_units[:, :, 0] == 0).all(), "three of four days sell nothing"
    exceeded = 1 - nbinom.cdf(forecast.quantiles_units[:, 0, 1], 0.5, 0.5 / 0.9)
    assert 0.01 < exceeded.mean() < 0.06
