"""Losses of every family against integration or summation, which know nothing of closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from inventory.errors import InputRejected
from inventory.policy.distributions import (
    Binomial,
    Gamma,
    Geometric,
    Listed,
    Lognormal,
    NegativeBinomial,
    Normal,
    Poisson,
    Uniform,
)

CONTINUOUS = [
    (Normal(50, 8), stats.norm(50, 8)),
    (Lognormal(3, 0.4), stats.lognorm(0.4, scale=math.exp(3))),
    (Gamma(2.5, 7), stats.gamma(2.5, scale=7)),
    (Gamma(1, 20), stats.expon(scale=20)),
    (Uniform(10, 40), stats.uniform(10, 30)),
]
WHOLE = [
    (Poisson(7), stats.poisson(7)),
    (NegativeBinomial.by_moments(mean=15, sd=37.5**0.5), stats.nbinom(10, 0.4)),
    (NegativeBinomial(r=4, p=0.2), stats.nbinom(4, 0.2)),
    (Geometric(0.1), stats.geom(0.1)),
    (Binomial(n=30, p=0.3), stats.binom(30, 0.3)),
    (Listed(dict.fromkeys(range(3, 13), 0.1)), stats.randint(3, 13)),
]


@pytest.mark.parametrize(("demand", "oracle"), CONTINUOUS)
@pytest.mark.parametrize("x", [12.5, 20.0, 45.0])
def test_losses_are_integrals_of_the_tail(demand, oracle, x):
    top = oracle.ppf(1 - 1e-13)
    loss = quad(oracle.sf, x, top, epsabs=1e-12, limit=200)[0] if x < top else 0.0
    second = quad(lambda y: (y - x) * oracle.sf(y), x, top, limit=200)[0] if x < top else 0.0
    assert demand.loss(x) == pytest.approx(loss, rel=1e-6, abs=1e-9)
    assert demand.second_loss(x) == pytest.approx(second, rel=1e-6, abs=1e-7)
    below = quad(oracle.cdf, min(oracle.ppf(1e-14), x), x, limit=200)[0]
    assert demand.complementary_loss(x) == pytest.approx(below, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("demand", "oracle"), WHOLE)
@pytest.mark.parametrize("x", [0, 3, 9, 25])
def test_whole_unit_losses_are_sums_over_the_chances(demand, oracle, x):
    units = np.arange(2000)
    chance = oracle.pmf(units)
    over, under = np.maximum(units - x, 0), np.maximum(x - units, 0)
    assert demand.loss(x) == pytest.approx(over @ chance, rel=1e-9, abs=1e-12)
    assert demand.complementary_loss(x) == pytest.approx(under @ chance, rel=1e-9, abs=1e-9)
    assert demand.second_loss(x) == pytest.approx(
        over * (over - 1) @ chance / 2, rel=1e-9, abs=1e-9
    )
    rest = under * (under + 1) @ chance / 2
    assert demand.complementary_second_loss(x) == pytest.approx(rest, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize(("demand", "oracle"), CONTINUOUS + WHOLE)
@pytest.mark.parametrize("level", [0.01, 0.5, 0.9, 0.999])
def test_quantiles_and_moments(demand, oracle, level):
    assert demand.quantile(level) == pytest.approx(oracle.ppf(level), rel=1e-9)
    assert demand.mean == pytest.approx(oracle.mean(), rel=1e-9)
    assert demand.variance == pytest.approx(oracle.var(), rel=1e-9)


@pytest.mark.parametrize(
    "demand", [Gamma(4, 2.5), Lognormal.by_moments(mean=10, sd=5), Normal(10, 5)]
)
def test_moments_that_were_asked_for(demand):
    assert (demand.mean, demand.variance) == pytest.approx((10, 25))


def test_the_table_that_cachon_and_terwiesch_print():
    """Matching Supply with Demand, statistics tutorial: Poisson with mean 1.25, last digit cut."""
    printed = [1.25, 0.5365, 0.18114, 0.04961, 0.01134, 0.00221, 0.00038, 0.00006, 0.00001]
    got = [Poisson(1.25).loss(x) for x in range(9)]
    assert got == pytest.approx(printed, abs=1.6e-5)


@given(x=st.floats(-50, 150), step=st.floats(0, 50))
@pytest.mark.parametrize("demand", [pair[0] for pair in CONTINUOUS + WHOLE])
def test_more_stock_never_loses_more(demand, x, step):
    more, less = demand.loss(x + step), demand.loss(x)
    assert more <= less + 1e-9
    assert less - more <= step + 1e-9  # Each unit of stock saves one unit at most.
    assert less >= max(demand.mean - x, 0) - 1e-7


def test_between_whole_units_the_loss_is_a_straight_line():
    demand = Poisson(7)
    assert demand.loss(5.25) == pytest.approx(0.75 * demand.loss(5) + 0.25 * demand.loss(6))


def test_a_table_of_chances_is_what_it_lists():
    table = Listed({1: 0.25, 4: 0.25, 2: 0.5})
    assert (table.mean, table.variance) == pytest.approx((2.25, 1.1875))
    assert [table.quantile(level) for level in (0.25, 0.26, 0.75, 0.76, 1.0)] == [1, 2, 2, 4, 4]
    assert table.loss(2) == pytest.approx(0.5)
    assert table.second_loss(2) == pytest.approx(0.25)  # ½ · 2 · 1 · 0.25
    assert not Listed({0.5: 1.0}).is_whole


@pytest.mark.parametrize("chances", [{}, {1: 0.4}, {1: 1.5, 2: -0.5}])
def test_a_table_that_is_no_distribution_is_refused(chances):
    with pytest.raises(InputRejected, match="chances"):
        Listed(chances)


def test_negative_binomial_demand_must_vary_more_than_poisson():
    with pytest.raises(InputRejected, match="variance"):
        NegativeBinomial.by_moments(mean=5, sd=2)
