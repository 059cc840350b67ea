"""Targets from forecast quantiles, against the textbook form they must reduce to."""

from datetime import date

import numpy as np
import pytest
from scipy.stats import norm

from inventory.base_stock import (
    extended,
    lead_time_quantile_days,
    protection_demand,
    starting_on,
)
from inventory.demand import LEVELS, DemandForecast
from inventory.policy.lot_size import QUANTUM_UNITS
from inventory.policy.safety_stock import safety_stock_units, safety_stock_variable_lead_time_units
from inventory.promise_buffer import Exposure, promise_buffer

LEVEL = np.array(LEVELS)


def normal_forecast(mean_units, sd_units, *, horizon=28, dependence=(0.0, 0.0), period_days=1):
    means, sds = np.atleast_1d(mean_units), np.atleast_1d(sd_units)
    quantiles = np.maximum(means[:, None] + sds[:, None] * norm.ppf(LEVEL), 0)
    N = len(means)
    return DemandForecast(
        skus=tuple(f"SKU-{row}" for row in range(N)),
        locations=("S1",) * N,
        first_day=date(2026, 1, 5),
        levels=LEVEL,
        quantiles_units=np.repeat(quantiles[:, None], horizon, axis=1),
        mean_units=np.repeat(means[:, None].astype(float), horizon, axis=1),
        dependence=np.array([dependence] * N, dtype=float),
        period_days=period_days,
    )


def protection(forecast, *, lead=7.0, lead_sd=0.0, review=1.0, level=0.95):
    N = len(forecast.skus)
    return protection_demand(
        forecast,
        lead_time_days=np.full(N, lead),
        lead_time_sd_days=np.full(N, lead_sd),
        review_period_days=np.full(N, review),
        service_level=np.full(N, level),
        seed=7,
    )


@pytest.mark.parametrize(("lead", "review"), [(7.0, 0.0), (7.0, 1.0), (3.0, 7.0), (2.0, 12.0)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.98])
def test_independent_normal_demand_gives_the_textbook_safety_stock(lead, review, level):
    demand = protection(normal_forecast(100, 20), lead=lead, review=review, level=level)
    textbook = safety_stock_units(
        service_level=level, demand_sd_units=20, lead_time_days=lead, review_period_days=review
    )
    assert demand.mean_units[0] == pytest.approx(100 * (lead + review))
    spread = 20 * np.sqrt(lead + review)
    assert demand.safety_stock_units[0] == pytest.approx(textbook, abs=0.15 * spread)


@pytest.mark.parametrize("lead_sd", [1.0, 2.0])
def test_a_random_lead_time_gives_the_textbook_safety_stock(lead_sd):
    demand = protection(normal_forecast(100, 20), lead=10.0, lead_sd=lead_sd, review=0.0)
    textbook = safety_stock_variable_lead_time_units(
        service_level=0.95,
        demand_mean_units=100,
        demand_sd_units=20,
        lead_time_days=10,
        lead_time_sd_days=lead_sd,
    )
    # The gamma lead time is skewed to the late side, so it asks for somewhat more than the normal.
    assert textbook * 0.97 < demand.safety_stock_units[0] < textbook * 1.12
    assert demand.lead_time_mean_units[0] == pytest.approx(1000, rel=0.005)


def test_a_gamma_lead_time_has_the_mean_and_deviation_it_was_given():
    level = (np.arange(20_000) + 0.5) / 20_000
    days = lead_time_quantile_days(np.array([8.0, 8.0]), np.array([3.0, 0.0]), level)
    assert days[0].mean() == pytest.approx(8, rel=0.002)
    assert days[0].std() == pytest.approx(3, rel=0.02)
    assert (days[1] == 8).all()


def test_more_spread_of_the_lead_time_never_asks_for_less_stock():
    spread = [0.0, 1.0, 3.0, 5.0, 15.0, 500.0]
    safety = [
        protection(normal_forecast(10, 3), lead=5.0, lead_sd=sd).safety_stock_units[0]
        for sd in spread
    ]
    assert safety == sorted(safety)
    # Beyond the mean it counts as the mean.
    assert safety[3] == safety[4] == safety[5]


def test_correlated_days_need_more_safety_stock_than_independent_ones():
    apart = protection(normal_forecast(100, 20))
    together = protection(normal_forecast(100, 20, dependence=(0.5, 0.0)))
    # Var = n + n(n-1)·ρ instead of n: a factor of √4.5 over eight days.
    ratio = together.safety_stock_units[0] / apart.safety_stock_units[0]
    assert ratio == pytest.approx(np.sqrt(1 + 7 * 0.5), rel=0.07)


def test_a_window_beyond_the_horizon_goes_on_like_the_last_week():
    short = protection(normal_forecast(100, 20, horizon=7), lead=20.0)
    long = protection(normal_forecast(100, 20, horizon=21), lead=20.0)
    assert short.mean_units[0] == long.mean_units[0] == 2100
    assert short.safety_stock_units[0] == pytest.approx(long.safety_stock_units[0], rel=1e-9)


def test_the_last_week_repeats_in_its_weekday_order():
    forecast = normal_forecast(100, 20, horizon=10)
    forecast.mean_units[0] = np.arange(10)
    assert extended(forecast, horizon=19).mean_units[0, 10:].tolist() == [
        3, 4, 5, 6, 7, 8, 9, 3, 4,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "means"),
    [
        (date(2026, 1, 5), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (date(2026, 1, 8), [3, 4, 5, 6, 7, 8, 9, 3, 4, 5]),
        (date(2026, 1, 15), [3, 4, 5, 6, 7, 8, 9, 3, 4, 5]),  # The day after its last.
        (date(2026, 3, 6), [4, 5, 6, 7, 8, 9, 3, 4, 5, 6]),  # 50 = 7 weeks and a day after it.
        (date(2025, 12, 31), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_an_old_forecast_goes_on_as_its_last_week(day, means):
    forecast = normal_forecast(100, 20, horizon=10)
    forecast.mean_units[0] = np.arange(10)
    later = starting_on(forecast, day)
    assert later.mean_units[0].tolist() == means
    assert later.first_day == max(day, forecast.first_day)


def test_a_weekly_forecast_takes_lead_times_in_days():
    weekly = protection(normal_forecast(70, 20, horizon=8, period_days=7), lead=14.0, review=7.0)
    assert weekly.mean_units[0] == pytest.approx(210)


def test_each_position_has_its_own_lead_time_and_level():
    forecast = normal_forecast([100, 100, 100], [20, 20, 20])
    demand = protection_demand(
        forecast,
        lead_time_days=np.array([2.0, 9.0, 9.0]),
        lead_time_sd_days=np.zeros(3),
        review_period_days=np.array([1.0, 1.0, 1.0]),
        service_level=np.array([0.95, 0.95, 0.5]),
        seed=7,
    )
    assert demand.mean_units.tolist() == [300, 1000, 1000]
    assert demand.safety_stock_units[0] < demand.safety_stock_units[1]
    assert demand.safety_stock_units[2] == pytest.approx(0, abs=2)


def test_figures_are_on_the_grid_so_that_terms_sum_exactly():
    demand = protection(normal_forecast(0.37, 0.61), lead=6.3, lead_sd=2.1)
    for units in (demand.lead_time_mean_units, demand.review_mean_units, demand.target_units):
        assert (units / QUANTUM_UNITS == np.round(units / QUANTUM_UNITS)).all()


def test_more_forecast_demand_raises_safety_stock_reorder_point_and_buffer():
    """The loop: a promotion next week lifts the forecast, and with it everything built on it."""
    factors = [1.0, 1.2, 1.5, 2.0, 3.0]
    forecasts = normal_forecast([4.0 * f for f in factors], [2.0 * f for f in factors])
    demand = protection(forecasts)
    reorder_point = demand.mean_units + demand.safety_stock_units
    buffer = promise_buffer(
        forecasts,
        Exposure(),
        level=np.full(len(factors), 0.9),
        days=7,
        elapsed_share_of_first_day=0.0,
        known_units=np.zeros((len(factors), 7)),
        seed=7,
    )
    assert (np.diff(demand.safety_stock_units) > 0).all()
    assert (np.diff(reorder_point) > 0).all()
    assert (np.diff(buffer.units, axis=0) > 0).all()


def test_a_promotion_on_one_day_moves_only_windows_that_hold_it():
    plain, promoted = normal_forecast(10, 3), normal_forecast(10, 3)
    promoted.mean_units[:, 5] *= 3
    promoted.quantiles_units[:, 5] *= 3
    same = protection(promoted, lead=3.0, review=1.0)
    raised = protection(promoted, lead=6.0, review=1.0)
    assert same.target_units[0] == protection(plain, lead=3.0, review=1.0).target_units[0]
    assert raised.target_units[0] > protection(plain, lead=6.0, review=1.0).target_units[0] + 15
