"""(s, S): the table of Zheng & Federgruen, and the chain of positions solved as a Markov chain."""

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.policy import min_max
from inventory.policy.distributions import Listed, NegativeBinomial, Poisson
from inventory.policy.min_max import MinMax
from inventory.policy.newsvendor import expected_cost


@pytest.mark.parametrize(
    ("mean", "s", "S", "cost"),
    [(10, 6, 40, 35.022), (25, 19, 56, 54.262), (50, 42, 108, 70.975), (64, 55, 74, 78.402)],
)
def test_table_of_zheng_and_federgruen_1991(mean, s, S, cost):
    demand = Poisson(mean)
    found = min_max.optimal(demand, demand, order_cost=64, holding_cost=1, shortage_cost=9)
    assert (found.reorder_point_units, found.order_up_to_units) == (s, S)
    assert found.cost_per_period == pytest.approx(cost, abs=6e-4)


def test_snyder_and_shen_example_4_7():
    six = Poisson(6)
    found = min_max.optimal(six, six, order_cost=5, holding_cost=1, shortage_cost=4)
    assert (found.reorder_point_units, found.order_up_to_units) == (4, 10)
    assert found.cost_per_period == pytest.approx(8.034111561471642)


def stationary_cost(s, S, chances, protected, *, order_cost, holding_cost, shortage_cost):
    """Positions after ordering, s + 1 ... S, as a Markov chain: where it stays, what that costs."""
    n = S - s
    move = np.zeros((n, n))  # State k: position S − k.
    ordering = np.zeros(n)
    for k in range(n):
        for units, chance in enumerate(chances):
            after = k + units
            if after < n:
                move[k, after] += chance
            else:
                move[k, 0] += chance
                ordering[k] += chance
        rest = 1 - sum(chances)  # The tail of demand orders too.
        move[k, 0] += rest
        ordering[k] += rest
    left = np.vstack([move.T - np.eye(n), np.ones(n)])
    stays = np.linalg.lstsq(left, np.append(np.zeros(n), 1), rcond=None)[0]
    money = {"holding_cost": holding_cost, "shortage_cost": shortage_cost}
    kept = np.array([expected_cost(protected, S - k, **money) for k in range(n)])
    return float(stays @ (kept + order_cost * ordering))


@pytest.mark.parametrize("lead_time", [0, 2])
def test_cost_of_a_policy_is_that_of_its_markov_chain(lead_time):
    period, protected = Poisson(3), Poisson(3 * (lead_time + 1))
    money = {"order_cost": 20, "holding_cost": 1, "shortage_cost": 9}
    for s, S in [(2, 8), (5, 14), (-1, 3)]:
        got = min_max.cost_per_period(MinMax(s, S), period, protected, **money)
        chances = period.chances(np.arange(60.0))
        assert got == pytest.approx(stationary_cost(s, S, chances, protected, **money))


@pytest.mark.parametrize(
    ("period", "protected"),
    [
        (Poisson(3), Poisson(9)),
        (NegativeBinomial.by_moments(mean=4, sd=4), NegativeBinomial.by_moments(mean=4, sd=4)),
        (Listed({0: 0.5, 1: 0.2, 6: 0.3}), Listed({0: 0.5, 1: 0.2, 6: 0.3})),
    ],
)
def test_no_policy_is_cheaper(period, protected):
    money = {"order_cost": 15, "holding_cost": 1, "shortage_cost": 6}
    found = min_max.optimal(period, protected, **money)
    at = found.reorder_point_units, found.order_up_to_units
    for s in range(at[0] - 4, at[0] + 5):
        for S in range(max(s + 1, at[1] - 6), at[1] + 7):
            other = min_max.cost_per_period(MinMax(s, S), period, protected, **money)
            assert found.cost_per_period <= other + 1e-9


def test_power_approximation_of_problem_4_32():
    found = min_max.power_approximation(
        demand_mean_units=190, demand_sd_units=48, order_cost=60, holding_cost=2, shortage_cost=36
    )
    assert found.reorder_point_units == pytest.approx(226.61379282228387)
    assert found.order_up_to_units == pytest.approx(324.3797868133974)


@pytest.mark.parametrize("lead_time", [0, 2])
def test_power_approximation_is_near_the_optimum(lead_time):
    """Ehrhardt & Mosier: within a few per cent, here of Poisson demand with a large lot."""
    period, protected = Poisson(10), Poisson(10 * (lead_time + 1))
    money = {"order_cost": 64, "holding_cost": 1, "shortage_cost": 9}
    found = min_max.power_approximation(
        demand_mean_units=10, demand_sd_units=10**0.5, lead_time_periods=lead_time, **money
    )
    whole = MinMax(round(found.reorder_point_units), round(found.order_up_to_units))
    best = min_max.optimal(period, protected, **money).cost_per_period
    assert best <= min_max.cost_per_period(whole, period, protected, **money) <= 1.03 * best


def test_what_never_sells_has_no_policy():
    never = Listed({0: 1.0})
    with pytest.raises(InputRejected, match="never sells"):
        min_max.optimal(never, never, order_cost=1, holding_cost=1, shortage_cost=1)
