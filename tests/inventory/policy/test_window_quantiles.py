"""Quantile functions through a few levels: exact for normal demand, close for any other."""

import numpy as np
import pytest
from scipy.stats import nbinom, norm

from inventory.demand import LEVELS
from inventory.policy.distributions import NegativeBinomial, Normal
from inventory.policy.window_quantiles import loss_at, quantile_at, stock_for_loss

LEVEL = np.array(LEVELS)


def rows(distribution, n=1):
    return np.repeat(distribution.ppf(LEVEL)[None], n, axis=0)


@pytest.mark.parametrize("level", [0.003, 0.31, 0.5, 0.93, 0.95, 0.9973, 0.9999])
def test_normal_demand_is_exact_at_levels_between_and_beyond(level):
    got = quantile_at(rows(norm(500, 40)), LEVEL, np.array([level]))
    assert got[0] == pytest.approx(Normal(500, 40).quantile(level), rel=1e-12)


@pytest.mark.parametrize("stock", [380.0, 470.0, 500.0, 533.0, 590.0, 640.0])
def test_the_shortage_of_normal_demand_is_exact(stock):
    got = loss_at(rows(norm(500, 40)), LEVEL, np.array([stock]))
    assert got[0] == pytest.approx(Normal(500, 40).loss(stock), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("allowed", [1e-3, 0.4, 6.0, 45.0, 150.0])
def test_the_stock_of_a_shortage_is_its_inverse(allowed):
    got = stock_for_loss(rows(norm(500, 40)), LEVEL, np.array([allowed]))
    assert Normal(500, 40).loss(float(got[0])) == pytest.approx(allowed, rel=1e-6)


def test_skewed_demand_is_close():
    """Against the exact shortage of the distribution that the quantiles are of."""
    skewed = NegativeBinomial(20.0, 0.2)
    quantiles = rows(nbinom(20, 0.2))
    for stock in (60.0, 80.0, 100.0, 120.0):
        got = loss_at(quantiles, LEVEL, np.array([stock]))[0]
        assert got == pytest.approx(skewed.loss(stock), rel=0.05, abs=0.05), stock


@pytest.mark.parametrize("units", [0.0, 7.0])
def test_certain_demand_has_no_shortage_at_its_quantity(units):
    certain = np.full((1, len(LEVEL)), units)
    assert quantile_at(certain, LEVEL, np.array([0.99]))[0] == units
    assert loss_at(certain, LEVEL, np.array([units]))[0] == 0
    assert loss_at(certain, LEVEL, np.array([units + 3]))[0] == 0
    assert loss_at(certain, LEVEL, np.array([units / 2]))[0] == pytest.approx(units / 2)
    assert stock_for_loss(certain, LEVEL, np.array([0.5]))[0] <= units


def test_every_row_has_its_own_stock_and_level():
    many = np.concatenate([rows(norm(100, 10)), rows(norm(40, 20))])
    assert quantile_at(many, LEVEL, np.array([0.9, 0.6])) == pytest.approx(
        [norm(100, 10).ppf(0.9), norm(40, 20).ppf(0.6)]
    )
    assert stock_for_loss(many, LEVEL, np.array([2.0, 2.0])) == pytest.approx(
        [104.9, 58.0],
        abs=0.1,  # Tables of the unit normal loss: G(0.49) = 0.2, G(0.90) = 0.1.
    )


def test_more_rows_than_one_chunk():
    n = 70_000
    got = loss_at(rows(norm(100, 10), n), LEVEL, np.full(n, 110.0))
    assert got[0] == got[-1] == pytest.approx(Normal(100, 10).loss(110.0), rel=1e-6)


@pytest.mark.parametrize("units", [np.zeros(len(LEVELS)), np.full(len(LEVELS), 9.0)])
@pytest.mark.parametrize("allowed", [1e-3, 16.5, 1e9])
def test_certain_demand_beside_wild_demand_is_found_without_a_slope(units, allowed):
    wild = nbinom(0.05, 0.001).ppf(LEVELS)
    rows = np.stack([units, wild, np.where(np.array(LEVELS) < 0.3, 0.0, 9.0)])
    stock = stock_for_loss(rows, np.array(LEVELS), np.full(3, allowed))
    assert np.isfinite(stock).all()
    short = loss_at(rows, np.array(LEVELS), stock)
    assert (short <= allowed * (1 + 1e-6) + 1e-9).all()
