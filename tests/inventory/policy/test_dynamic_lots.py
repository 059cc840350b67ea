"""Wagner-Whitin against the books, and against every plan there is."""

import itertools

import numpy as np
import pytest

from inventory.policy.dynamic_lots import wagner_whitin


@pytest.mark.parametrize(
    ("_case", "demand", "order_cost", "holding", "orders", "cost"),
    [
        ("Snyder & Shen 3.9", [90, 120, 80, 70], 500, 2, (210, 0, 150, 0), 1380),
        ("Snyder & Shen 3.29", [730, 580, 445, 650, 880], 100, 0.1, (1310, 0, 1095, 0, 880), 423),
    ],
)
def test_textbooks(_case, demand, order_cost, holding, orders, cost):
    T = len(demand)
    plan = wagner_whitin(
        demand, order_costs=[order_cost] * T, holding_costs=[holding] * T, unit_costs=[0] * T
    )
    assert plan.order_units == orders
    assert plan.cost == pytest.approx(cost)


def test_hillier_and_lieberman_airplanes():
    """Two plans cost the same; of these the one that holds less stock is chosen."""
    plan = wagner_whitin(
        [3, 2, 3, 2], order_costs=[2] * 4, holding_costs=[0.2] * 4, unit_costs=[0] * 4
    )
    assert plan.cost == pytest.approx(4.8)
    assert plan.order_units == (5, 0, 5, 0)


def cost_of(when, demand, order_costs, holding_costs, unit_costs):
    """Cost of ordering in the periods marked, each time until the next."""
    total, start = 0.0, None
    covered = dict.fromkeys(range(len(demand)), 0.0)
    for t, units in enumerate(demand):
        if when[t]:
            start = t
        covered[start] += units
        total += (unit_costs[start] + holding_costs[start] * (t - start)) * units
    return total + sum(order_costs[t] for t, units in covered.items() if units > 0)


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    T = 8
    demand = rng.integers(0, 60, T) * rng.integers(0, 2, T)
    costs = (rng.uniform(20, 90, T), rng.uniform(0.1, 2, T), rng.uniform(0, 3, T))
    plan = wagner_whitin(
        demand.tolist(),
        order_costs=costs[0].tolist(),
        holding_costs=costs[1].tolist(),
        unit_costs=costs[2].tolist(),
    )
    plans = itertools.product([False, True], repeat=T - 1)
    best = min(cost_of((True, *when), demand, *costs) for when in plans)
    assert plan.cost == pytest.approx(best)
    assert sum(plan.order_units) == demand.sum()
    assert (np.cumsum(plan.order_units) >= np.cumsum(demand)).all()


def test_nothing_wanted_costs_nothing():
    plan = wagner_whitin([0, 0], order_costs=[9, 9], holding_costs=[1, 1], unit_costs=[0, 0])
    assert (plan.order_units, plan.cost) == ((0, 0), 0)
