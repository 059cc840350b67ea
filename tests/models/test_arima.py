"""ARIMA against what the theory says of simulated series, and against a second method."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from models import arima, arma
from models.arima import ArimaForecaster

LEVELS = np.array([0.05, 0.5, 0.95])
START = date(2024, 1, 1)


def panel_of(rows, *, ahead=None, in_stock=None, **covariates):
    """rows (N, T) of units; covariates (T + H,) shared by all series."""
    rows = np.atleast_2d(rows)
    N, T = rows.shape
    H = 0 if ahead is None else ahead
    days = [START + timedelta(days=i) for i in range(T + H)]
    stock = np.ones(T) if in_stock is None else np.asarray(in_stock)
    frames = [
        pl.DataFrame(
            {
                "sku": f"s{i:03d}",
                "location": "x",
                "date": days,
                "units": [*rows[i].tolist(), *[None] * H],
                "in_stock": [*stock.tolist(), *[None] * H],
            }
            | covariates
        )
        for i in range(N)
    ]
    frame = pl.concat(frames).with_columns(pl.col("units").fill_nan(None).cast(pl.Float64))
    last = days[T - 1]
    return Panel(
        history=frame.filter(pl.col("date") <= last),
        future=frame.filter(pl.col("date") > last).drop("units", "in_stock"),
    )


def forecast_of(panel, horizon=14):
    return (
        ArimaForecaster().fit(panel, horizon=horizon).predict(panel, horizon=horizon, levels=LEVELS)
    )


def autoregression(phi, T, rng):
    y = np.zeros(T)
    for t in range(1, T):
        y[t] = phi * y[t - 1] + rng.standard_normal()
    return y


def test_autoregression_decays_by_phi():
    """Box & Jenkins: h steps ahead, an AR(1) is φ^h times its last value, and its error's variance
    (1 - φ^2h) / (1 - φ²) times that of one step."""
    y = autoregression(0.8, 100, np.random.default_rng(2))
    mean, variance = arma._filtered_ahead(y, 0.8, 0.0, (1, 0, 1), 5)
    steps = np.arange(1, 6)
    assert mean == pytest.approx(y[-1] * 0.8**steps, abs=1e-6)
    assert variance == pytest.approx((1 - 0.8 ** (2 * steps)) / (1 - 0.8**2), rel=1e-6)


def test_parameters_are_recovered():
    models = [
        arma.estimate(autoregression(0.8, 400, np.random.default_rng(seed))) for seed in range(8)
    ]
    assert np.mean([m.phi[1] for m in models]) == pytest.approx(0.8, abs=0.05)
    assert np.mean([m.theta[1] for m in models]) == pytest.approx(0.0, abs=0.1)
    assert np.mean([m.variance[1] for m in models]) == pytest.approx(1.0, abs=0.1)
    assert np.mean([m.weights[1] for m in models]) > 0.7


def test_the_wandering_level_is_exponential_smoothing():
    """Muth (1960): ARIMA(0,1,1) forecasts are exponential smoothing with α = 1 + θ."""
    y = np.random.default_rng(4).standard_normal(200).cumsum() * 0.3
    level = y[0]
    for value in y[1:]:
        level += 0.3 * (value - level)
    mean, variance = arma._filtered_ahead(y, 0.0, -0.7, (0, 1, 1), 6)
    assert mean == pytest.approx(np.full(6, level), abs=1e-6)
    assert variance == pytest.approx(1 + 0.3**2 * np.arange(6), rel=1e-3)


def test_errors_of_a_random_walk_correlate_as_its_shocks_do():
    """Steps h < k of a random walk share h of k shocks: correlation √(h / k)."""
    steps = np.arange(1, 9)
    expected = np.sqrt(np.minimum.outer(steps, steps) / np.maximum.outer(steps, steps))
    np.testing.assert_allclose(arma._error_correlation(0.0, 0.0, (0, 1, 1), 8), expected)


def test_white_noise_errors_do_not_correlate():
    model = arma.estimate(np.random.default_rng(0).standard_normal(300))
    assert arma.dependence(model, horizon=14).max() < 0.25


def test_weekdays_are_found():
    week = np.array([5, 10, 10, 20, 40, 60, 30])
    units = np.random.default_rng(0).poisson(week[np.arange(140) % 7])
    forecast = forecast_of(panel_of(units))
    expected = week[np.arange(140, 154) % 7]
    assert forecast.mean_units[0] == pytest.approx(expected, rel=0.25)


def test_a_planned_promotion_lifts_its_own_days_only():
    rng = np.random.default_rng(1)
    promotion = (rng.random(154) < 0.15).astype(float)
    promotion[140:] = 0
    promotion[145:148] = 1
    units = rng.poisson(20 * np.where(promotion[:140] > 0, 2.0, 1.0))
    mean = forecast_of(panel_of(units, ahead=14, promotion=promotion)).mean_units[0]
    lift = mean[5:8].mean() / np.delete(mean, [5, 6, 7]).mean()
    assert lift == pytest.approx(2.0, rel=0.15)


def test_a_future_without_rows_is_a_usual_day():
    rng = np.random.default_rng(1)
    promotion = (rng.random(140) < 0.2).astype(float)
    units = rng.poisson(20 * np.where(promotion > 0, 2.0, 1.0))
    panel = panel_of(units, ahead=0, promotion=promotion)
    assert forecast_of(panel).mean_units.mean() == pytest.approx(20, rel=0.1)


def test_closed_days_sell_nothing_for_certain():
    rng = np.random.default_rng(1)
    opened = (np.arange(154) % 7 != 6).astype(float)
    opened[150] = 0  # a holiday
    units = rng.poisson(20, 140) * opened[:140]
    forecast = forecast_of(panel_of(units, ahead=14, opened=opened))
    closed = opened[140:] == 0
    assert (forecast.quantiles_units[0, closed] == 0).all()
    assert forecast.mean_units[0, ~closed] == pytest.approx(20, rel=0.15)


def test_an_empty_shelf_is_not_low_demand():
    rng = np.random.default_rng(3)
    units = rng.poisson(20, 100)
    units[-14:] = 0
    stock = np.ones(100)
    stock[-14:] = 0
    assert forecast_of(panel_of(units, in_stock=stock)).mean_units.mean() == pytest.approx(
        20, rel=0.1
    )


def test_unrecorded_days_do_not_move_the_level():
    units = np.random.default_rng(3).poisson(20, 100).astype(float)
    units[60:95] = np.nan
    assert forecast_of(panel_of(units)).mean_units.mean() == pytest.approx(20, rel=0.1)


def test_the_mean_is_not_the_median():
    """Of a lognormal with σ = 0.8 the mean is exp(σ² / 2) = 1.377 times the median."""
    units = 100 * np.exp(0.8 * np.random.default_rng(5).standard_normal((20, 300)))
    forecast = forecast_of(panel_of(units))
    ratio = forecast.mean_units.mean() / forecast.quantiles_units[:, :, 1].mean()
    assert ratio == pytest.approx(np.exp(0.32), rel=0.08)
    assert forecast.mean_units.mean() == pytest.approx(100 * np.exp(0.32), rel=0.1)


def test_quantiles_hold_what_they_promise():
    """Of new Poisson(15) demand, 90 % must fall between the 0.05 and 0.95 quantiles."""
    rng = np.random.default_rng(6)
    forecast = forecast_of(panel_of(rng.poisson(15, (60, 120))))
    later = rng.poisson(15, forecast.mean_units.shape)
    low, high = forecast.quantiles_units[..., 0], forecast.quantiles_units[..., 2]
    assert ((later >= low) & (later <= high)).mean() == pytest.approx(0.9, abs=0.05)


def test_a_recent_change_of_level_is_followed():
    units = np.random.default_rng(7).poisson(np.r_[np.full(70, 10), np.full(30, 40)])
    assert forecast_of(panel_of(units)).mean_units.mean() > 30


def test_lumpy_items_keep_their_mass_at_zero():
    units = np.random.default_rng(8).poisson(0.1, 200) * 4
    forecast = forecast_of(panel_of(units))
    assert (forecast.quantiles_units[..., 1] == 0).all()
    assert forecast.mean_units.mean() == pytest.approx(0.4, abs=0.3)


def test_processes_do_not_change_the_answer(monkeypatch):
    monkeypatch.setattr(arima, "SERIES_MIN_FOR_PROCESSES", 1)
    monkeypatch.setattr(arima, "SERIES_PER_CHUNK", 4)
    panel = panel_of(np.random.default_rng(9).poisson(9, (12, 60)))
    alone, together = (
        ArimaForecaster(threads=n).fit(panel, horizon=5).predict(panel, horizon=5, levels=LEVELS)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(alone.quantiles_units, together.quantiles_units)
