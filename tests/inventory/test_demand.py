"""A forecast's windows against what probability theory says of sums of normals."""

from datetime import date

import numpy as np
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast, path_units, rowwise_quantile

LEVEL = np.array(LEVELS)


def normal_forecast(*, mean_units, sd_units, horizon, dependence):
    quantiles = np.maximum(mean_units + sd_units * norm.ppf(LEVEL), 0)
    return DemandForecast(
        skus=tuple(f"A{n}" for n in range(len(dependence))),
        locations=("S1",) * len(dependence),
        first_day=date(2026, 1, 5),
        levels=LEVEL,
        quantiles_units=np.tile(quantiles, (len(dependence), horizon, 1)),
        mean_units=np.full((len(dependence), horizon), float(mean_units)),
        dependence=np.array(dependence, dtype=float),
    )


@pytest.mark.parametrize(
    ("shared", "adjacent", "correlation"),
    [
        (0.0, 0.0, lambda gap: 0.0),  # Independent: σ√n.
        (0.6, 0.0, lambda gap: 0.6),  # Exchangeable.
        (0.0, 0.5, lambda gap: 0.5**gap),  # First-order autoregressive.
    ],
)
def test_the_sum_of_normals_has_the_variance_of_their_covariance_matrix(
    shared, adjacent, correlation
):
    forecast = normal_forecast(
        mean_units=100, sd_units=20, horizon=9, dependence=[(shared, adjacent)] * 2
    )
    gaps = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    matrix = np.vectorize(lambda gap: 1.0 if gap == 0 else correlation(gap))(gaps)
    sd_of_sum = 20 * np.sqrt(matrix.sum())
    levels = np.array([0.05, 0.5, 0.95, 0.99])
    expected = 900 + sd_of_sum * norm.ppf(levels)
    got = forecast.window_quantiles_units(levels, periods=9)
    assert got[0] == pytest.approx(expected, abs=0.12 * sd_of_sum)
    assert got[1] == pytest.approx(got[0])


def test_summing_daily_quantiles_would_be_too_wide():
    forecast = normal_forecast(mean_units=100, sd_units=20, horizon=14, dependence=[(0, 0)] * 2)
    window = forecast.window_quantiles_units(np.array([0.95]), periods=14)[0, 0]
    assert window < forecast.day_quantiles_units(0.95)[0].sum()


def test_a_window_inside_the_horizon_starts_where_it_is_told():
    forecast = normal_forecast(mean_units=10, sd_units=0, horizon=6, dependence=[(0, 0)] * 2)
    got = forecast.window_quantiles_units(np.array([0.5]), start=2, periods=3)
    assert got[:, 0] == pytest.approx([30, 30])
    assert forecast.window_mean_units(start=2, periods=3) == pytest.approx([30, 30])


def test_the_same_seed_gives_the_same_paths():
    forecast = normal_forecast(mean_units=10, sd_units=3, horizon=6, dependence=[(0.3, 0.3)] * 2)
    first, second = (next(forecast.sample_paths_units(seed=5)) for _ in range(2))
    assert np.array_equal(first, second)


def test_paths_are_the_quantile_function_row_by_row():
    rng = np.random.default_rng(4)
    quantiles = np.sort(rng.gamma(1.5, 4, (5, 3, len(LEVEL))), axis=2)
    probability = rng.uniform(0.0005, 0.9995, (3, 400))
    found = path_units(quantiles, LEVEL, probability)
    for n in range(5):
        assert found[n] == pytest.approx(rowwise_quantile(quantiles[n], LEVEL, probability))


def test_series_of_different_dependence_keep_their_rows():
    pairs = [(0.0, 0.0), (0.4, 0.2), (0.0, 0.0), (0.4, 0.2)]
    together = normal_forecast(mean_units=10, sd_units=3, horizon=6, dependence=pairs)
    level = np.array([0.95])
    both = together.window_quantiles_units(level, periods=6)[:, 0]
    alone = [
        normal_forecast(mean_units=10, sd_units=3, horizon=6, dependence=[pair])
        .window_quantiles_units(level, periods=6)[0, 0]
        for pair in pairs
    ]  # fmt: skip
    assert both == pytest.approx(alone)
    assert both[1] > both[0]


def test_mass_at_zero_stays_at_zero():
    quantiles = np.where(LEVEL < 0.8, 0.0, 2.0)
    forecast = DemandForecast(
        skus=("A",),
        locations=("S1",),
        first_day=date(2026, 1, 5),
        levels=LEVEL,
        quantiles_units=quantiles[None, None, :],
        mean_units=np.array([[0.4]]),
        dependence=np.zeros((1, 2)),
    )
    paths = next(forecast.sample_paths_units())
    assert np.mean(paths == 0) == pytest.approx(0.75, abs=0.02)  # The last level still at zero.
