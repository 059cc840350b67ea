"""Choosing a demand law by past windows: against scipy, and on demand whose law is known."""

import numpy as np
import pytest
from scipy.stats import nbinom, norm, poisson

from inventory.demand import LEVELS
from inventory.policy.demand_laws import (
    EMPIRICAL,
    NEGATIVE_BINOMIAL,
    NORMAL,
    PATH,
    PastWindows,
    choose,
    count_levels,
    count_quantiles,
    empirical_quantiles,
    judge,
    misfits,
)
from inventory.policy.window_quantiles import level_of

LEVEL = np.array(LEVELS)
N, K = 400, 26


def past(actual, *, mean=20.0, quantiles=None):
    shape = actual.shape
    paths = norm(20, 6).ppf(LEVEL) if quantiles is None else quantiles
    many = np.repeat(paths[None], actual.size, axis=0)
    levels = level_of(many, LEVEL, np.nan_to_num(actual.ravel())).reshape(shape)
    return PastWindows(np.full(shape, mean), actual, np.where(np.isnan(actual), np.nan, levels))


def shares(windows):
    law, bad = choose(judge(windows))
    return {
        name: (law == name).mean() for name in (PATH, NORMAL, NEGATIVE_BINOMIAL, EMPIRICAL)
    }, bad


def test_misfit_is_anderson_darlings():
    """By its definition as an integral, on a fine grid: a second method."""
    levels = np.array([0.05, 0.11, 0.42, 0.5, 0.93])
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    empirical = np.searchsorted(levels, u, side="right") / 5
    integral = 5 * np.mean((empirical - u) ** 2 / (u * (1 - u)))
    assert misfits(levels[None])[0] == pytest.approx(integral, rel=1e-4)
    with_gaps = np.array([[0.42, np.nan, 0.93, 0.05, np.nan, 0.11, 0.5]])
    assert misfits(with_gaps)[0] == pytest.approx(integral, rel=1e-4)


@pytest.mark.parametrize(("mean", "variance"), [(15.0, 37.5), (3.0, 3.0), (0.4, 1.2), (80.0, 90.0)])
def test_count_quantiles_are_scipys(mean, variance):
    got = count_quantiles(np.array([mean]), np.array([variance]), LEVEL)[0]
    law = poisson(mean)
    if variance > mean:
        law = nbinom(mean**2 / (variance - mean), mean / variance)
    assert got.tolist() == law.ppf(LEVEL).tolist()
    middle = (law.cdf(2) + law.cdf(1)) / 2
    assert count_levels(*np.array([[2.0], [mean], [variance / mean]]))[0] == pytest.approx(middle)


def test_sample_paths_that_foretell_well_are_kept():
    rng = np.random.default_rng(1)
    found, bad = shares(past(rng.normal(20, 6, (N, K))))
    assert found[PATH] > 0.7
    assert bad.mean() < 0.05


@pytest.mark.parametrize(
    ("draw", "likely"),
    [
        (lambda rng: rng.normal(20, 6, (N, K)), NORMAL),
        (
            lambda rng: nbinom(0.5, 0.5 / 20.5).rvs((N, K), random_state=rng) * 1.0,
            NEGATIVE_BINOMIAL,
        ),
    ],
    ids=["normal", "counts-with-many-zeros"],
)
def test_paths_much_too_narrow_give_way_to_the_right_law(draw, likely):
    found, _ = shares(past(draw(np.random.default_rng(2)), quantiles=norm(20, 1).ppf(LEVEL)))
    assert found[PATH] < 0.05
    others = (NORMAL, NEGATIVE_BINOMIAL)
    assert found[likely] == max(found[name] for name in others)


def test_a_biased_forecast_falls_back_to_its_errors():
    rng = np.random.default_rng(3)
    found, _ = shares(past(rng.normal(45, 6, (N, K))))
    assert found[EMPIRICAL] > 0.95


def test_few_windows_speak_for_nothing():
    actual = np.full((3, K), np.nan)
    actual[:, :11] = 90.0  # Four to learn from leave seven.
    found, bad = shares(past(actual))
    assert found[PATH] == 1
    assert not bad.any()
    actual[:, 11] = 90.0
    assert shares(past(actual))[0][PATH] == 0


def test_when_demand_changes_its_nature_no_law_fits_and_that_is_told():
    actual = np.concatenate([np.full((2, 10), 20.0), np.full((2, 16), 200.0)], axis=1)
    _, bad = shares(past(actual))
    assert bad.all()


def test_past_errors_cover_the_next_window_as_often_as_asked():
    """Whatever the law: of 39 errors the 95 % bound is the 38th."""
    rng = np.random.default_rng(4)
    errors = np.sort(rng.gamma(1, 4, (4000, 39)) - 4, axis=1)
    target = empirical_quantiles(np.full(4000, 100.0), errors, np.ones(4000), np.array([0.5, 0.95]))
    following = 100 + 10 * (rng.gamma(1, 4, 4000) - 4)
    assert (following <= target[:, 1]).mean() == pytest.approx(0.95, abs=0.012)
    assert (following <= target[:, 0]).mean() == pytest.approx(0.5, abs=0.03)
