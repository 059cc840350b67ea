"""Losses against numbers worked by hand and against scikit-learn's pinball loss."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from models import metrics

NAN = float("nan")


def test_naive_error_by_hand():
    history = np.array([[1.0, 2.0, 4.0, 1.0], [5.0, 5.0, 5.0, 5.0]])
    error = metrics.naive_error_units(history, 1)
    assert error[0] == pytest.approx((1 + 2 + 3) / 3)
    assert np.isnan(error[1]), "a series that never varied has no scale"


def test_naive_error_skips_unknown_pairs():
    assert metrics.naive_error_units(np.array([[1.0, NAN, 4.0, 6.0]]), 1)[0] == pytest.approx(2.0)
    assert metrics.naive_error_units(np.array([[1.0, NAN, 4.0, 6.0]]), 2)[0] == pytest.approx(3.0)


@pytest.mark.parametrize("level", metrics.SCORED_LEVELS)
def test_pinball_against_scikit_learn(level):
    rng = np.random.default_rng(1)
    actual, quantile = rng.poisson(5, (4, 9)).astype(float), rng.gamma(5, 1, (4, 9))
    ours = metrics.pinball_units(actual, quantile[:, :, None], np.array([level])).mean()
    assert ours == pytest.approx(mean_pinball_loss(actual.ravel(), quantile.ravel(), alpha=level))


def test_scaled_quantile_loss_leaves_out_what_was_not_observed():
    actual = np.array([[10.0, NAN], [NAN, NAN]])
    quantiles = np.full((2, 2, 1), 8.0)
    loss = metrics.scaled_quantile_loss(
        actual, quantiles, np.array([0.5]), scale_units=np.array([2.0, 1.0])
    )
    assert loss == pytest.approx(0.5 * 2 / 2)


def test_points():
    actual, point = np.array([[2.0, 0.0, 4.0]]), np.array([[3.0, 1.0, 2.0]])
    assert metrics.wape(actual, point) == pytest.approx(4 / 6)
    assert metrics.bias(actual, point) == pytest.approx(0.0)
    assert metrics.mase(actual, point, scale_units=np.array([2.0])) == pytest.approx(4 / 3 / 2)
    assert metrics.coverage(actual, point) == pytest.approx(2 / 3)


def test_nothing_sold_has_no_percentage_error():
    assert np.isnan(metrics.wape(np.zeros((1, 3)), np.ones((1, 3))))


@pytest.mark.parametrize(
    ("period_days", "periods", "season"), [(1, 30, 7), (7, 103, 1), (7, 157, 52)]
)
def test_season(period_days, periods, season):
    assert metrics.seasonality(period_days, periods) == season
