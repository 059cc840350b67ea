"""Serial supply chains: Snyder & Shen's example, one stage alone, and a simulated chain."""

import numpy as np
import pytest

from inventory.policy.distributions import Normal, Poisson
from inventory.policy.newsvendor import critical_ratio, expected_cost
from inventory.policy.stochastic_service import (
    NormalRate,
    PoissonRate,
    Series,
    optimal,
    shang_song,
)

EXAMPLE_6_1 = Series((3, 2, 2), (1, 1, 2), 37.12)


def test_snyder_and_shen_example_6_1():
    """The book rounds to S = (6.49, 12.02, 22.71) and 47.65 on a coarser grid."""
    plan = optimal(EXAMPLE_6_1, NormalRate(5, 1))
    assert plan.base_stocks_units == pytest.approx((6.49, 12.02, 22.71), abs=0.01)
    assert plan.cost == pytest.approx(47.65, abs=0.02)


@pytest.mark.parametrize("lead_time", [0.5, 3])
def test_one_stage_is_a_newsvendor(lead_time):
    plan = optimal(Series((2,), (lead_time,), 18), NormalRate(120, 10))
    demand = Normal(120 * lead_time, 10 * lead_time**0.5)
    level = demand.quantile(18 / 20)
    assert plan.base_stocks_units[0] == pytest.approx(level, abs=0.05)
    held = expected_cost(demand, level, holding_cost=2, shortage_cost=18)
    assert plan.cost == pytest.approx(held, rel=1e-4)


def test_one_stage_with_poisson_demand():
    plan = optimal(Series((1,), (1,), 4), PoissonRate(6))
    assert plan.base_stocks_units == (8,)
    assert plan.cost == pytest.approx(3.5701069457709376)  # Snyder & Shen, example 4.7.


@pytest.mark.parametrize("rate", [NormalRate(5, 1), PoissonRate(5)])
def test_no_other_base_stocks_are_cheaper(rate):
    best = optimal(EXAMPLE_6_1, rate)
    again = optimal(EXAMPLE_6_1, rate, base_stocks_units=best.base_stocks_units)
    assert again.cost == pytest.approx(best.cost)
    for stage in range(3):
        for change in (-1, 1):
            other = list(best.base_stocks_units)
            other[stage] += change
            assert optimal(EXAMPLE_6_1, rate, base_stocks_units=other).cost >= best.cost - 1e-9


def test_cost_is_that_of_a_simulated_chain():
    """Two stages, lead times of a whole period, demand seen and orders placed every period."""
    rng = np.random.default_rng(5)
    T, local = 200_000, np.array([22.0, 33.0])  # Echelon base stocks.
    demand = np.maximum(rng.normal(10, 2, T), 0)
    # Stage 2 got all it ordered: its echelon lacks the demand of one lead time.
    last = np.concatenate([[0.0], demand[:-1]])
    echelon_2 = (
        local[1] - last
    )  # Echelon inventory level of stage 2: base stock less its lead time's demand.
    position_1 = np.minimum(local[0], echelon_2)
    level_1 = position_1 - demand
    series = Series((3.0, 1.0), (1.0, 1.0), 20.0)
    costs = 1.0 * echelon_2 + 3.0 * level_1 + series.penalty * np.maximum(-level_1, 0)
    plan = optimal(series, NormalRate(10, 2), base_stocks_units=tuple(local))
    assert plan.cost == pytest.approx(costs.mean(), rel=0.01)


def test_the_heuristic_costs_little_more_than_the_optimum():
    """Shang & Song report errors well below a per cent on average."""
    for rate in (NormalRate(5, 1), PoissonRate(5)):
        best, levels = optimal(EXAMPLE_6_1, rate).cost, shang_song(EXAMPLE_6_1, rate)
        if isinstance(rate, PoissonRate):
            levels = [round(units) for units in levels]
        assert (
            best - 1e-9 <= optimal(EXAMPLE_6_1, rate, base_stocks_units=levels).cost <= 1.01 * best
        )


def test_the_heuristic_for_one_stage_is_the_newsvendor():
    ratio = float(critical_ratio(shortage_cost=4, holding_cost=1))
    assert shang_song(Series((1,), (1,), 4), PoissonRate(6)) == (Poisson(6).quantile(ratio),)
