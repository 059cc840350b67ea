"""The newsvendor against Snyder & Shen, and against trying every quantity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.policy.distributions import Listed, Lognormal, Normal, Poisson
from inventory.policy.newsvendor import (
    critical_ratio,
    empirical_target_units,
    expected_cost,
    expected_profit,
    unit_normal_loss,
)


@pytest.mark.parametrize(
    ("_case", "holding", "shortage", "demand", "target", "cost"),
    [
        ("Snyder & Shen, ex. 4.3", 0.18, 0.7, Normal(50, 8), 56.60395592743389, 1.9976051931766445),
        ("stockpyl README", 2, 18, Normal(120, 10), 132.815515655446, 35.09966638649737),
        ("Snyder & Shen, ex. 4.7", 1, 4, Poisson(6), 8, 3.5701069457709376),
        ("problem 4.19: Poisson, five periods", 0.08, 1.25, Poisson(90), 105, 1.5450188691551778),
        ("Snyder & Shen, problem 4.7 (b)", 500_000, 1_000_000,
         Listed({1: 0.25, 2: 0.05, 3: 0.1, 4: 0.2, 5: 0.15, 6: 0.1, 7: 0.1, 8: 0.05}), 5,
         1_225_000),
    ],
)  # fmt: skip
def test_textbooks(*, _case, holding, shortage, demand, target, cost):
    ratio = critical_ratio(shortage_cost=shortage, holding_cost=holding)
    got = demand.quantile(float(ratio))
    assert got == pytest.approx(target, rel=1e-9)
    spent = expected_cost(demand, got, holding_cost=holding, shortage_cost=shortage)
    assert spent == pytest.approx(cost, rel=1e-9)


@given(holding=st.floats(0.1, 10), shortage=st.floats(0.1, 10), change=st.floats(-30, 30))
@pytest.mark.parametrize("demand", [Normal(50, 8), Poisson(20), Lognormal(3, 0.5)], ids=str)
def test_no_other_stock_is_cheaper(demand, holding, shortage, change):
    best = demand.quantile(float(critical_ratio(shortage_cost=shortage, holding_cost=holding)))
    cost, other = (
        expected_cost(demand, stock, holding_cost=holding, shortage_cost=shortage)
        for stock in (best, best + change)
    )
    assert cost <= other + 1e-9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("holding", "shortage"), [(0.2, 1.0), (1.0, 1.0), (1.0, 0.2)])
def test_no_other_quantity_is_cheaper_on_the_samples(seed, holding, shortage):
    demand = np.random.default_rng(seed).negative_binomial(2, 0.2, 257).astype(float)
    ratio = float(critical_ratio(shortage_cost=shortage, holding_cost=holding))
    target = float(empirical_target_units(demand, ratio=ratio))

    def cost(stock):
        return (holding * np.maximum(stock - demand, 0)
                + shortage * np.maximum(demand - stock, 0)).sum()  # fmt: skip

    assert cost(target) == min(cost(stock) for stock in range(int(demand.max()) + 1))


def test_unit_normal_loss_of_the_table():
    """Snyder & Shen's loss table, as stockpyl's tests print it."""
    assert float(unit_normal_loss(-1.4)) == pytest.approx(1.4366681427084655, abs=1e-12)
    assert float(unit_normal_loss(3.1)) == pytest.approx(0.0002672490952231408, abs=1e-12)


def test_lognormal_demand_of_snyder_and_shen_problem_4_8():
    demand = Lognormal(6, 0.3)
    level = demand.quantile(0.1765 / 1.1765)
    assert level == pytest.approx(295.62664480713687)
    cost = expected_cost(demand, level, holding_cost=1, shortage_cost=0.1765)
    assert cost == pytest.approx(29.442543513243212)


def test_profit_snyder_and_shen_example_4_2():
    demand = Normal(50, 8)
    level = demand.quantile(0.7 / 0.88)
    profit = expected_profit(demand, level, price=1, unit_cost=0.3, salvage=0.12)
    assert profit == pytest.approx(33.002394806823354)


@pytest.mark.parametrize("stock", [3, 6, 11])
def test_profit_is_the_mean_over_demands(stock):
    units = np.arange(100)
    sold = np.minimum(units, stock)
    left, short = stock - sold, units - sold
    money = 9 * sold - 4 * stock + (1 - 0.5) * left - 2 * short
    got = expected_profit(
        Poisson(6), stock, price=9, unit_cost=4, salvage=1, holding_cost=0.5,
        shortage_cost=2,
    )  # fmt: skip
    assert got == pytest.approx(money @ Poisson(6).chances(units))
