"""Measures of monitoring against textbooks, second methods and their own limits."""

import numpy as np
import pytest
from scipy import stats

from models.monitoring import (
    bin_shares,
    coverage_falls_short,
    population_stability,
    reference_edges,
    smoothed_tracking_signal,
    tracking_limit,
    tracking_signal,
)


def test_carlsons_bakery():
    """Heizer & Render, Operations Management: their example of the tracking signal, by quarter."""
    actual = np.array([90.0, 95, 115, 100, 125, 140])
    forecast = np.array([100.0, 100, 100, 110, 110, 110])
    errors = actual - forecast
    by_quarter = [round(float(tracking_signal(errors[:t])), 1) for t in range(1, 7)]
    assert by_quarter == [-1.0, -2.0, 0.0, -1.0, 0.5, 2.5]


def test_a_tracking_signal_is_bounded_by_its_periods_and_knows_no_unit():
    errors = np.random.default_rng(1).normal(size=(50, 21))
    signal = tracking_signal(errors)
    assert (np.abs(signal) <= 21).all()
    np.testing.assert_allclose(tracking_signal(1000 * errors), signal)
    np.testing.assert_allclose(tracking_signal(-errors), -signal)
    assert tracking_signal(np.full(21, 3.0)) == 21
    assert tracking_signal(np.array([2.0, np.nan, 2.0])) == 2
    assert tracking_signal(np.zeros(5)) == 0


@pytest.mark.parametrize(("periods", "deviations"), [(14, 2.0), (21, 2.5), (28, 3.0)])
def test_noise_passes_the_limit_as_often_as_its_deviations_say(periods, deviations):
    noise = np.random.default_rng(2).normal(size=(200_000, periods))
    passed = (
        np.abs(tracking_signal(noise)) > tracking_limit(periods, deviations=deviations)
    ).mean()
    # Normal is an approximation: the signal is bounded, so its tails are shorter.
    assert passed <= 2 * stats.norm.sf(deviations)
    fixed = (np.abs(tracking_signal(noise)) > 4).mean()
    assert fixed > 0.35, "the textbook limit of 4 is for few periods"


def test_triggs_signal_is_the_recursion_he_wrote():
    errors = np.random.default_rng(3).normal(size=(4, 40)) + 0.3
    smoothed, absolute = np.zeros(4), np.zeros(4)
    for t in range(40):
        smoothed += 0.1 * (errors[:, t] - smoothed)
        absolute += 0.1 * (np.abs(errors[:, t]) - absolute)
    np.testing.assert_allclose(smoothed_tracking_signal(errors), smoothed / absolute)
    recovered = np.concatenate([np.full(10, 5.0), np.tile([1.0, -1.0], 30)])
    assert abs(smoothed_tracking_signal(recovered)) < 0.1


def test_few_misses_of_a_quantile_are_no_alarm_and_many_are():
    def short(covered, observed, level=0.95, tolerance=0.02):
        return coverage_falls_short(
            covered=covered, observed=observed, level=level, tolerance=tolerance
        )

    assert not short(0, 0)
    assert not short(5, 7), "0.71, but seven days say little"
    assert not short(18, 20)
    assert short(85, 100)
    assert not short(93_100, 100_000), "surely below 0.95, but within two points"
    assert short(92_900, 100_000)
    assert not short(1000, 1000), "more than promised is no alarm"
    # A right quantile raises an alarm in at most one of a thousand trials.
    for observed in (30, 100, 1000):
        covered = stats.binom(observed, 0.95)
        alarms = sum(covered.pmf(k) for k in range(observed + 1) if short(k, observed, tolerance=0))
        assert alarms < 0.001


def test_stability_is_the_symmetric_divergence():
    """PSI = KL(a, r) + KL(r, a), as scipy has it; and a worked example by hand."""
    rng = np.random.default_rng(4)
    r, a = rng.dirichlet(np.ones(10)), rng.dirichlet(np.ones(10))
    expected = stats.entropy(a, r) + stats.entropy(r, a)
    assert population_stability(r, a) == pytest.approx(expected, rel=1e-9)
    assert population_stability(a, r) == pytest.approx(expected, rel=1e-9)
    assert population_stability(r, r) == 0
    quarters, moved = np.full(4, 0.25), np.array([0.1, 0.2, 0.3, 0.4])
    by_hand = (-0.15 * np.log(0.4) - 0.05 * np.log(0.8)) + (0.05 * np.log(1.2) + 0.15 * np.log(1.6))
    assert population_stability(quarters, moved) == pytest.approx(by_hand)
    assert population_stability(quarters, moved) == pytest.approx(0.2282, abs=1e-4)
    assert np.isfinite(population_stability(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


def test_a_shifted_normal_is_read_as_usual():
    """The index of normals a distance d apart is d² before binning (twice their KL divergence)."""
    rng = np.random.default_rng(5)
    reference = rng.normal(size=100_000)
    edges = reference_edges(reference)
    assert len(edges) == 9
    shares = bin_shares(reference, edges)
    np.testing.assert_allclose(shares, [0.1] * 10 + [0.0], atol=1e-4)
    for distance, low, high in ((0.0, 0.0, 0.001), (0.2, 0.03, 0.045), (0.6, 0.3, 0.4)):
        moved = bin_shares(rng.normal(distance, size=100_000), edges)
        assert low <= population_stability(shares, moved) <= high


def test_values_that_many_share_have_bins_of_their_own():
    mostly_zero = np.array([0.0] * 95 + [1.0, 2, 3, 4, 5])
    edges = reference_edges(mostly_zero)
    shares = bin_shares(mostly_zero, edges)
    assert shares.sum() == pytest.approx(1)
    often = bin_shares(np.array([0.0] * 70 + [2.0] * 30), edges)
    assert population_stability(shares, often) > 0.25
    constant = np.full(50, 9.99)
    edges = reference_edges(constant)
    for other in (7.99, 11.99, np.nan):
        moved = bin_shares(np.full(50, other), edges)
        assert population_stability(bin_shares(constant, edges), moved) > 0.25
    nothing = np.full(3, np.nan)
    assert bin_shares(nothing, reference_edges(nothing)).tolist() == [0, 1]
