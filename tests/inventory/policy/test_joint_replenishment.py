"""Joint orders: Silver's own example, and every combination of multiples."""

import itertools

import numpy as np
import pytest

from inventory.policy.joint_replenishment import joint_cycle, silver
from inventory.policy.lot_size import economic_order_quantity_units

SILVER_1976 = {
    "shared_order_cost": 10,
    "item_order_costs": [1.87, 5.27, 7.94, 8.19, 8.87],
    "holding_costs": [0.2] * 5,
    "demand_rates_units": [1736, 656, 558, 170, 142],
}


def test_silvers_example():
    found = silver(**SILVER_1976)
    assert found.multiples == (1, 1, 1, 3, 3)
    assert found.cycle == pytest.approx(0.2813771490671472)
    assert found.cost_per_time == pytest.approx(218.68632025498687)
    assert found.lots_units[3] == pytest.approx(143.50234602424507)


@pytest.mark.parametrize("seed", range(5))
def test_the_heuristic_is_near_the_best_of_all_multiples(seed):
    rng = np.random.default_rng(seed)
    items = {
        "shared_order_cost": float(rng.uniform(5, 50)),
        "item_order_costs": rng.uniform(1, 10, 4).tolist(),
        "holding_costs": rng.uniform(0.1, 2, 4).tolist(),
        "demand_rates_units": rng.uniform(50, 2000, 4).tolist(),
    }
    best = min(
        joint_cycle(multiples, **items).cost_per_time
        for multiples in itertools.product(range(1, 9), repeat=4)
    )
    found = silver(**items).cost_per_time
    assert best - 1e-9 <= found <= 1.05 * best


def test_one_item_is_the_economic_lot():
    found = silver(
        shared_order_cost=5, item_order_costs=[3], holding_costs=[0.225], demand_rates_units=[1300]
    )
    lot = economic_order_quantity_units(demand_rate_units=1300, order_cost=8, holding_cost=0.225)
    assert found.lots_units[0] == pytest.approx(float(lot))


def test_a_given_cycle_is_best_for_its_multiples():
    found = joint_cycle([1, 1, 1, 3, 3], **SILVER_1976)
    ordering = 10 + 1.87 + 5.27 + 7.94 + (8.19 + 8.87) / 3
    held = 0.2 * (1736 + 656 + 558 + 3 * (170 + 142)) / 2
    for cycle in (0.9 * found.cycle, 1.1 * found.cycle):
        assert ordering / cycle + held * cycle > found.cost_per_time
