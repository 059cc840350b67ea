"""Calibration put right where the truth is known because we drew it."""

from datetime import date

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import gamma, nbinom

from inventory.demand import LEVELS, DemandForecast
from models.calibration import (
    DEPENDENCE_DEFAULT,
    Calibration,
    correlations,
    fit_dependence,
    level_map,
    mean_factor,
    probability_of,
    standardised,
)

L = np.array(LEVELS)


def forecast_with(quantiles, dependence=(0.0, 0.0)):
    N = len(quantiles)
    return DemandForecast(
        skus=tuple(f"s{i}" for i in range(N)), locations=("x",) * N, first_day=date(2024, 1, 1),
        levels=L, quantiles_units=quantiles, mean_units=quantiles.mean(axis=2),
        dependence=np.tile(np.array(dependence), (N, 1)),
    )  # fmt: skip


def test_pit_of_a_true_forecast_is_uniform():
    rng = np.random.default_rng(0)
    actual = rng.gamma(4, 2, 20_000)
    quantiles = np.tile(gamma.ppf(L, 4, scale=2), (len(actual), 1))
    pit = probability_of(actual, quantiles, L, rng=rng)
    for level in (0.05, 0.25, 0.5, 0.9, 0.99):
        assert (pit <= level).mean() == pytest.approx(level, abs=0.015)


def test_pit_of_an_intermittent_item_is_uniform_below_its_mass_at_zero():
    rng = np.random.default_rng(0)
    actual = rng.negative_binomial(0.3, 0.3, 20_000).astype(float)
    quantiles = np.tile(nbinom.ppf(L, 0.3, 0.3), (len(actual), 1))
    pit = probability_of(actual, quantiles, L, rng=rng)
    at_zero = (actual == 0).mean()
    assert at_zero > 0.6
    for level in (0.1, 0.3, 0.5):
        assert (pit <= level).mean() == pytest.approx(level, abs=0.04)


def test_what_was_not_observed_has_no_pit():
    quantiles = np.tile(L, (2, 1))
    pit = probability_of(np.array([np.nan, 0.5]), quantiles, L, rng=np.random.default_rng(0))
    assert np.isnan(pit[0])
    assert pit[1] == pytest.approx(0.5)


def test_a_forecast_that_is_too_narrow_is_widened():
    rng = np.random.default_rng(1)
    n = 4000
    actual = np.exp(rng.normal(2, 0.8, n))
    narrow = np.tile(np.exp(2 + 0.4 * ndtri(L)), (n, 1))
    pit = probability_of(actual, narrow, L, rng=rng)
    maps = level_map(pit, L, spans=50)[None, None]
    calibration = Calibration(L, maps, np.ones((1, 1)), np.zeros((1, 2)))
    calibrated = calibration.apply(
        forecast_with(narrow[:, None]), segment=np.zeros(n, dtype=int), block=np.array([0])
    )
    before = (actual <= narrow[:, LEVELS.index(0.95)]).mean()
    after = (actual <= calibrated.day_quantiles_units(0.95)[:, 0]).mean()
    assert before < 0.82
    assert after == pytest.approx(0.95, abs=0.02)


def test_few_observations_change_little():
    assert level_map(np.array([0.9, 0.95]), L, spans=1) == pytest.approx(L, abs=0.01)
    assert level_map(np.array([np.nan]), L, spans=1).tolist() == L.tolist()
    assert (np.diff(level_map(np.full(999, 0.5), L, spans=9)) >= 0).all()


@pytest.mark.parametrize(("shared", "adjacent"), [(0.3, 0.0), (0.0, 0.6), (0.2, 0.4)])
def test_dependence_is_recovered_and_makes_sums_cover(shared, adjacent):
    """Drawn from the very copula that `DemandForecast` describes, then estimated back."""
    rng = np.random.default_rng(2)
    n, H = 4000, 14
    fading = np.empty((n, H))
    fading[:, 0] = rng.standard_normal(n)
    for h in range(1, H):
        fading[:, h] = adjacent * fading[:, h - 1] + np.sqrt(1 - adjacent**2) * rng.standard_normal(
            n
        )
    z = np.sqrt(shared) * rng.standard_normal((n, 1)) + np.sqrt(1 - shared) * fading
    found = fit_dependence(correlations(standardised(z)))
    assert found == pytest.approx((shared, adjacent), abs=0.06)

    demand = np.exp(1.5 + 0.5 * z)
    quantiles = np.broadcast_to(np.exp(1.5 + 0.5 * ndtri(L)), (1, H, len(L)))
    window = forecast_with(quantiles, found).window_quantiles_units(np.array([0.95]), periods=7)
    assert (demand[:, :7].sum(axis=1) <= window[0, 0]).mean() == pytest.approx(0.95, abs=0.025)


def test_a_shock_common_to_all_series_is_not_taken_for_their_own_tie():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((3000, 14)) + 2.0
    assert fit_dependence(correlations(standardised(z))) == pytest.approx((0.0, 0.0), abs=0.03)


def test_nothing_seen_gives_the_default():
    assert fit_dependence(correlations(np.full((5, 6), np.nan))) == DEPENDENCE_DEFAULT


def test_a_biased_mean_is_corrected_and_a_segment_seen_little_follows_all():
    rng = np.random.default_rng(7)
    actual = rng.poisson(20, 5000).astype(float)
    said = np.full(5000, 25.0)
    factor = mean_factor(actual, said, spans=50)
    assert factor * said.mean() == pytest.approx(actual.mean(), rel=0.03)
    few = mean_factor(actual[:3], said[:3], spans=50, prior=factor)
    assert few == pytest.approx(factor, rel=0.01)
    assert mean_factor(np.full(9, np.nan), said[:9], spans=50) == 1.0
