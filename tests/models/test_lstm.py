"""What one network must have learned from many series, and that it can be repeated."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
import torch

from features.frame import KEY, Panel
from inventory.demand import LEVELS
from models.baseline import SeasonalNaive
from models.lstm import LstmForecaster
from models.metrics import pinball_units

START = date(2024, 1, 1)
WEEK = np.array([0.4, 0.7, 0.9, 1.0, 1.2, 1.8, 1.0])
ALL_LEVELS = np.array(LEVELS)


def shop(*, N=80, T=112, H=14, seed=0):
    """Series of very different size that share weekdays and react alike to promotions."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(2.0, 1.2, N))
    promotion = (rng.random((N, T + H)) < 0.15).astype(float)
    expected = rate[:, None] * WEEK[np.arange(T + H) % 7] * np.where(promotion > 0, 2.0, 1.0)
    units = rng.poisson(expected).astype(float)
    days = [START + timedelta(days=i) for i in range(T + H)]
    frame = pl.concat(
        pl.DataFrame(
            {
                "sku": f"s{i:03d}",
                "location": "x",
                "date": days,
                "units": units[i],
                "in_stock": 1.0,
                "promotion": promotion[i],
            }
        )
        for i in range(N)
    )
    last = days[T - 1]
    panel = Panel(
        history=frame.filter(pl.col("date") <= last),
        future=frame.filter(pl.col("date") > last).select(*KEY, "promotion"),
    )
    return panel, expected[:, T:], units[:, T:], promotion[:, T:]


@pytest.fixture(scope="module")
def learned():
    panel, expected, actual, promotion = shop()
    forecaster = LstmForecaster(seed=1, steps=250).fit(panel, horizon=14)
    return forecaster, panel, expected, actual, promotion


def test_beats_the_last_week(learned):
    forecaster, panel, _, actual, _ = learned
    own, naive = (
        pinball_units(
            actual, f.predict(panel, horizon=14, levels=ALL_LEVELS).quantiles_units, ALL_LEVELS
        ).mean()
        for f in (forecaster, SeasonalNaive())
    )
    assert own < 0.7 * naive


def test_weekdays_and_promotions_are_learned(learned):
    """Demand was drawn with a factor of two on promotion and the weekday factors above."""
    forecaster, panel, expected, _, promotion = learned
    mean = forecaster.predict(panel, horizon=14, levels=ALL_LEVELS).mean_units
    large = expected.mean(axis=1) > 5
    ratio = mean[large] / expected[large]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.12)
    on_sale = promotion[large] > 0
    assert np.median(ratio[on_sale]) / np.median(ratio[~on_sale]) == pytest.approx(1.0, abs=0.25)


def test_a_promotion_planned_later_raises_its_day_alone(learned):
    forecaster, panel, _, _, _ = learned
    quiet = Panel(panel.history, panel.future.with_columns(promotion=pl.lit(0.0)))
    day = panel.first_day + timedelta(days=5)
    planned = Panel(
        panel.history,
        quiet.future.with_columns(promotion=(pl.col("date") == day).cast(pl.Float64)),
    )
    without, with_it = (
        forecaster.predict(p, horizon=14, levels=ALL_LEVELS).mean_units.sum(axis=0)
        for p in (quiet, planned)
    )
    assert 1.5 < with_it[5] / without[5] < 2.6
    assert np.delete(with_it / without, [5]) == pytest.approx(np.ones(13), abs=0.2)


def test_ninety_percent_fall_within(learned):
    forecaster, panel, _, actual, _ = learned
    forecast = forecaster.predict(panel, horizon=14, levels=np.array([0.05, 0.95]))
    low, high = forecast.quantiles_units[..., 0], forecast.quantiles_units[..., 1]
    assert ((actual >= low) & (actual <= high)).mean() == pytest.approx(0.9, abs=0.07)


def test_reaches_further_than_it_was_trained(learned):
    forecaster, panel, _, _, _ = learned
    forecast = forecaster.predict(panel, horizon=30, levels=ALL_LEVELS)
    later = forecast.mean_units[:, 14:28].sum() / forecast.mean_units[:, :14].sum()
    assert 0.6 < later < 1.4


def test_the_same_seed_gives_the_same_network_and_another_does_not():
    panel, *_ = shop(N=10, T=40)
    one, same, other = (
        LstmForecaster(seed=seed, steps=20)
        .fit(panel, horizon=7)
        .predict(panel, horizon=7, levels=ALL_LEVELS)
        .mean_units
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_leaves_the_random_numbers_and_threads_of_others_alone():
    panel, *_ = shop(N=4, T=30)
    threads = torch.get_num_threads()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    LstmForecaster(steps=5).fit(panel, horizon=3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_what_happens_after_the_origin_cannot_be_seen():
    """The same panel with another future of sales, cut at the same origin, forecasts the same."""
    panel, *_ = shop(N=10, T=60)
    cut = panel.origin - timedelta(days=14)
    changed = Panel(
        panel.history.with_columns(
            units=pl.when(pl.col("date") > cut).then(999.0).otherwise(pl.col("units"))
        ),
        panel.future,
    )
    one, other = (
        LstmForecaster(steps=20)
        .fit(p.until(cut), horizon=7)
        .predict(p.until(cut), horizon=7, levels=ALL_LEVELS)
        .mean_units
        for p in (panel, changed)
    )
    np.testing.assert_array_equal(one, other)


def test_a_day_of_which_nothing_is_known_anywhere_is_left_out_quietly():
    """All shelves empty, or all shops shut, within the periods whose errors are compared."""
    panel, *_ = shop(N=6, T=40)
    day = panel.origin - timedelta(days=1)
    in_stock = pl.when(pl.col("date") == day).then(0.0).otherwise(1.0)
    dark = Panel(panel.history.with_columns(in_stock=in_stock), panel.future)
    fitted = LstmForecaster(steps=3).fit(dark, horizon=5)
    assert np.isfinite(fitted.dependence).all()
