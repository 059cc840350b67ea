"""ARIMA against what the theory says of simulated series, and against a second method."""

import time
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from models import arima, arma, deseasonal, pooled
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


@pytest.mark.parametrize("period_days", [1, 7])
def test_waves_of_the_calendar_are_those_of_statsmodels(period_days):
    import pandas as pd
    from statsmodels.tsa.deterministic import CalendarFourier

    days = [date(2023, 12, 20) + timedelta(days=period_days * t) for t in range(500)]
    middle = pd.DatetimeIndex(days) + pd.Timedelta(hours=12 * (period_days - 1))
    found = deseasonal.calendar_columns(days, period_days=period_days, yearly=True, monthly=True)
    yearly = CalendarFourier("YE", order=3).in_sample(middle).to_numpy()
    weekdays = 6 if period_days == 1 else 0
    np.testing.assert_allclose(found[:, weekdays : weekdays + 6], yearly, atol=1e-12)
    if period_days == 1:
        monthly = CalendarFourier("ME", order=2).in_sample(middle).to_numpy()
        np.testing.assert_allclose(found[:, weekdays + 6 :], monthly, atol=1e-12)


def statsmodels_of(errors, k):
    """The library's model number k as statsmodels knows it, with the variance of its shocks."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    lib = arma.library()
    phi, theta = lib.phi[k], lib.theta[k]
    shocks = 1 + arma._lasting_variance(phi, lib.step[k])
    order = (1, 0, 1) if phi < 1 else (0, 1, 1)
    model = SARIMAX(errors, order=order, trend="n", validate_specification=False)
    values = [phi, theta, shocks] if phi < 1 else [theta, shocks]
    return model.filter(np.array(values))


def test_every_model_forecasts_as_statsmodels_does():
    """Exact ARIMA by another program: same means and variances ahead, with a gap on the way."""
    errors = autoregression(0.8, 90, np.random.default_rng(2))
    errors[40:47] = np.nan
    state = arma.run(errors[None])
    returning, wandering = range(1, 21), range(21, 29)
    for k in (*returning[::5], 20, *wandering[::3]):
        only = replace(state, weight=np.eye(29)[[k]], scale=np.ones((1, 29)))
        mean, variance = arma.forecast(only, horizon=6)
        exact = statsmodels_of(errors, k).get_forecast(6)
        # Where the level wanders, statsmodels starts from knowing nothing at all, and we do not.
        slack = 1e-6 if k in returning else 0.15
        assert mean[0] == pytest.approx(exact.predicted_mean, abs=slack), k
        assert variance[0] == pytest.approx(exact.var_pred_mean, rel=max(slack, 1e-6)), k


def test_models_count_as_much_as_statsmodels_finds_them_likely():
    """Weights of the returning models beside the likelihood of statsmodels' exact filter, at each
    model's likeliest variance once the stated prior on it is added."""
    errors = autoregression(0.8, 120, np.random.default_rng(3))
    prior = arma.VARIANCE_PRIOR_PERIODS * arma.VARIANCE_PRIOR_SHARE * np.mean(errors**2)
    believed = len(errors) + arma.VARIANCE_PRIOR_PERIODS
    chosen = range(1, 21, 3)
    exact = []
    for k in chosen:
        result = statsmodels_of(errors, k)
        width = result.forecasts_error_cov[0, 0]
        squared = (result.forecasts_error[0] ** 2 / width).sum() + prior
        exact.append(-0.5 * (np.log(width).sum() + believed * np.log(squared)))
    ours = np.log(arma.run(errors[None]).weight[0, chosen]) / arma.TEMPER
    assert ours - ours[0] == pytest.approx(np.array(exact) - exact[0], abs=1e-4)


def test_the_average_agrees_with_the_exact_estimate():
    """Forecasts of our one-pass average beside statsmodels' maximum likelihood, on the same data:
    an ARMA(1,1) of 250 periods, whose deviation is 2.1. They differ by a tenth of that at most."""
    from statsmodels.tsa.arima.model import ARIMA

    rng = np.random.default_rng(4)
    series = np.stack([autoregression(0.85, 250, rng) for _ in range(8)])
    series += rng.standard_normal(series.shape)
    ours, spread = arma.forecast(arma.run(series), horizon=5)
    for own, width, y in zip(ours, spread, series, strict=True):
        model = ARIMA(y, order=(1, 0, 1), trend="n")
        exact = model.fit(method="innovations_mle").get_forecast(5)
        assert own == pytest.approx(exact.predicted_mean, abs=0.21)
        assert np.sqrt(width) == pytest.approx(np.sqrt(exact.var_pred_mean), rel=0.1)


def test_the_average_forecasts_as_well_as_knowing_the_truth():
    """On 60 simulated series of 80 periods, the error of the next value is at most a twentieth
    larger than that of the optimal filter with the true φ and θ."""
    rng = np.random.default_rng(4)
    series = np.stack([autoregression(0.85, 81, rng) for _ in range(60)])
    series += rng.standard_normal(series.shape)
    ours, _ = arma.forecast(arma.run(series[:, :80]), horizon=1)
    signal, variance = np.zeros(60), np.full(60, 1 / (1 - 0.85**2))
    for value in series[:, :80].T:
        gain = variance / (variance + 1)
        signal, variance = (
            0.85 * (signal + gain * (value - signal)),
            0.85**2 * variance * (1 - gain) + 1,
        )
    own, best = (np.sqrt(np.mean((series[:, 80] - f) ** 2)) for f in (ours[:, 0], signal))
    assert own < 1.05 * best


def test_the_wandering_level_is_exponential_smoothing():
    """Muth (1960): ARIMA(0,1,1) forecasts are exponential smoothing with α = 1 + θ."""
    lib = arma.library()
    assert 1 + lib.theta[21:] == pytest.approx(np.array(arma.GAINS))


def test_errors_of_a_random_walk_correlate_as_its_shocks_do():
    """Steps h < k of a random walk share h of k shocks: correlation √(h / k)."""
    steps = np.arange(1, 9)
    expected = np.sqrt(np.minimum.outer(steps, steps) / np.maximum.outer(steps, steps))
    np.testing.assert_allclose(arma.error_correlation(1.0, 0.0, 8), expected)


def test_white_noise_errors_do_not_correlate():
    state = arma.run(np.random.default_rng(0).standard_normal((1, 300)))
    assert arma.dependence(state, horizon=14).max() < 0.25


def test_what_is_usual_helps_the_series_that_knows_little():
    """Sixty items share their weekdays; one is two weeks old. Borrowing must bring it closer."""
    rng = np.random.default_rng(10)
    week = np.array([0.5, 0.7, 0.9, 1.0, 1.2, 1.8, 0.9])
    rates = np.exp(rng.normal(2.5, 0.5, 61))[:, None] * week[np.arange(84) % 7]
    units = rng.poisson(rates).astype(float)
    units[0, :70] = np.nan
    together = forecast_of(panel_of(units)).mean_units[0]
    alone = forecast_of(panel_of(units[:1])).mean_units[0]
    expected = rates[0, :14]
    assert np.abs(together - expected).mean() < 0.7 * np.abs(alone - expected).mean()


def test_a_feast_returns_a_year_later():
    """Three years of weeks, the 30th of which sells three times the usual; waves cannot bend so."""
    week = np.arange(3 * 52 + 10)
    rates = np.where(week % 52 == 30, 6000.0, 2000.0)
    units = np.random.default_rng(15).poisson(rates, (40, len(week)))
    weekly = panel_of(units[:, : 2 * 52 + 26].astype(float))
    history = weekly.history.with_columns(
        date=pl.lit(START) + pl.duration(weeks=(pl.col("date") - START).dt.total_days())
    )
    panel = Panel(history=history, future=weekly.future, period_days=7)
    mean = forecast_of(panel, horizon=8).mean_units.mean(axis=0)
    assert mean[4] > 1.8 * np.delete(mean, 4).mean()


def test_usual_effects_are_recovered():
    """Coefficients drawn around 0.3 with deviation 0.1 are found again, and their spread."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal((400, 60, 2))
    beta = np.stack([rng.normal(0.3, 0.1, 400), np.zeros(400)], axis=1)
    y = (x * beta[:, None]).sum(axis=2) + 0.5 * rng.standard_normal((400, 60))
    prior = pooled.learn(pooled.Evidence.of(y, x, np.ones(y.shape, dtype=bool)))
    assert prior.mean == pytest.approx([0.3, 0.0], abs=0.02)
    assert np.sqrt(prior.variance[0]) == pytest.approx(0.1, abs=0.02)
    assert np.sqrt(prior.variance[1]) < 0.06


def test_without_others_it_is_ridge_regression():
    """One series under a fixed prior, against the closed form of scikit-learn's Ridge."""
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(12)
    x, y = rng.standard_normal((1, 50, 3)), rng.standard_normal((1, 50))
    prior = pooled.Prior(np.zeros(3), np.full(3, 0.04))
    evidence = pooled.Evidence.of(y, x, np.ones((1, 50), dtype=bool))
    ours = pooled.solve(evidence, prior, np.array([0.8])).coefficients[0]
    theirs = Ridge(alpha=0.8 / 0.04, fit_intercept=False).fit(x[0], y[0]).coef_
    assert ours == pytest.approx(theirs)


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


def test_a_future_that_says_nothing_may_hold_promotions_as_the_past_did():
    rng = np.random.default_rng(1)
    promotion = (rng.random(140) < 0.2).astype(float)
    units = rng.poisson(20 * np.where(promotion > 0, 2.0, 1.0))
    panel = panel_of(units, ahead=0, promotion=promotion)
    usual = 20 * (1 + promotion.mean())  # Twice as much on every fifth day.
    assert forecast_of(panel).mean_units.mean() == pytest.approx(usual, rel=0.1)


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


def test_threads_and_chunks_do_not_change_the_answer(monkeypatch):
    panel = panel_of(np.random.default_rng(9).poisson(9, (12, 60)))
    whole = ArimaForecaster().fit(panel, horizon=5).predict(panel, horizon=5, levels=LEVELS)
    monkeypatch.setattr(arima, "SERIES_PER_CHUNK", 4)
    forecaster = ArimaForecaster(threads=2).fit(panel, horizon=5)
    chunked = forecaster.predict(panel, horizon=5, levels=LEVELS)
    np.testing.assert_allclose(chunked.quantiles_units, whole.quantiles_units, rtol=1e-9)


def test_given_the_fit_a_series_depends_on_itself_alone():
    units = np.random.default_rng(13).poisson(9, (12, 60)).astype(float)
    forecaster = ArimaForecaster().fit(panel_of(units), horizon=5)
    before = forecaster.predict(panel_of(units), horizon=5, levels=LEVELS).quantiles_units
    units[1:] *= 1000
    after = forecaster.predict(panel_of(units), horizon=5, levels=LEVELS).quantiles_units
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.allclose(before[1], after[1])


def test_hundreds_of_series_a_second():
    """Sixty a second is promised on two cores; one that estimates row by row does not get there."""
    panel = panel_of(np.random.default_rng(14).poisson(9, (600, 76)))
    forecast_of(panel_of(np.ones((2, 76))))  # Imports are not counted.
    started = time.process_time()
    forecast_of(panel)
    assert 600 / (time.process_time() - started) > 300
