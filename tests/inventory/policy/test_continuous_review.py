"""(r, Q): Snyder & Shen's chapter 5, integration of the cost, and trying every policy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from inventory.errors import InputRejected
from inventory.policy import continuous_review as review
from inventory.policy.continuous_review import Costs, ReorderLot
from inventory.policy.distributions import Gamma, Normal, Poisson

ICE = Costs(demand_rate_units=1300, order_cost=8, holding_cost=0.225, shortage_cost=7.5)
LEAD = Normal(1300 / 12, 150 / math.sqrt(12))


def test_cost_of_example_5_1():
    assert review.cost_per_time(ReorderLot(126.8, 328.5), LEAD, ICE) == pytest.approx(
        78.07116250928
    )


@pytest.mark.parametrize("demand", [LEAD, Gamma(9, 12)])
def test_cost_is_the_mean_of_what_positions_cost(demand):
    policy = ReorderLot(120.0, 300.0)
    positions = quad(lambda y: ICE.position_cost(demand, y), 120, 420)[0]
    by_hand = (8 * 1300 + positions) / 300
    assert review.cost_per_time(policy, demand, ICE) == pytest.approx(by_hand, rel=1e-7)


@pytest.mark.parametrize(("lot", "point"), [(318, 127.78803486696552), (750, 99.85377339616525)])
def test_reorder_point_of_a_lot(lot, point):
    assert review.best_reorder_point_units(lot, LEAD, ICE) == pytest.approx(point, abs=1e-4)


@pytest.mark.parametrize(
    ("rule", "point", "lot"),
    [
        (review.by_backorder_lot, 128.63781442427097, 308.5737801203754),
        (review.by_loss_function, 126.8670634479628, 328.4491421980451),
    ],
)
def test_approximations_of_examples_5_4_and_5_6(rule, point, lot):
    found = rule(LEAD, ICE)
    assert found.reorder_point_units == pytest.approx(point, abs=1e-4)
    assert found.lot_units == pytest.approx(lot, abs=1e-3)


def test_expected_inventory_level_of_example_5_2():
    """r = 213.97, Q = 318.5, as the book and stockpyl's tests have it."""
    found, cost = review.by_expected_inventory(LEAD, ICE)
    assert found.reorder_point_units == pytest.approx(213.97, abs=0.01)
    assert found.lot_units == pytest.approx(318.5, abs=0.1)
    held = 0.225 * (found.reorder_point_units - LEAD.mean + found.lot_units / 2)
    assert cost > held


def test_economic_lot_and_safety_stock():
    found = review.by_economic_lot(LEAD, ICE)
    assert found.lot_units == pytest.approx(304.0467800264368)
    assert found.reorder_point_units == pytest.approx(LEAD.quantile(7.5 / 7.725))


def test_nothing_beats_the_optimum():
    best = review.optimal(LEAD, ICE)
    cost = review.cost_per_time(best, LEAD, ICE)
    for rule in (review.by_backorder_lot, review.by_economic_lot, review.by_loss_function):
        assert cost <= review.cost_per_time(rule(LEAD, ICE), LEAD, ICE) + 1e-9
    for r in np.linspace(100, 150, 26):
        for Q in np.linspace(280, 380, 26):
            assert cost <= review.cost_per_time(ReorderLot(r, Q), LEAD, ICE) + 1e-9


def test_without_variation_the_optimum_is_the_lot_with_backorders():
    """Snyder & Shen, section 3.5: r falls short of lead-time demand by the units that wait."""
    lead = Normal(100, 1e-3)
    found = review.optimal(lead, ICE)
    assert found.lot_units == pytest.approx(308.5737801203754, rel=1e-4)
    waiting = 0.225 / 7.725 * 308.5737801203754
    assert found.reorder_point_units == pytest.approx(100 - waiting, rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "lead_time", "order", "holding", "shortage"),
    [(12, 0.5, 4, 4, 28), (3, 1.0, 20, 1, 10), (25, 0.3, 1, 2, 3), (1, 2.0, 50, 1, 100)],
)
def test_no_whole_unit_policy_is_cheaper(rate, lead_time, order, holding, shortage):
    costs = Costs(rate, order, holding, shortage)
    demand = Poisson(rate * lead_time)
    best = review.optimal(demand, costs)
    cost = review.cost_per_time(best, demand, costs)
    position = {y: costs.position_cost(demand, y) for y in range(-5, 65)}
    others = (
        (order * rate + sum(position[y] for y in range(r + 1, r + Q + 1))) / Q
        for r in range(-5, 25) for Q in range(1, 40)
    )  # fmt: skip
    assert cost <= min(others) + 1e-9


def test_snyder_and_shen_problem_5_2():
    costs = Costs(demand_rate_units=12, order_cost=4, holding_cost=4, shortage_cost=28)
    best = review.optimal(Poisson(6), costs)
    assert (best.reorder_point_units, best.lot_units) == (6, 7)
    assert review.cost_per_time(best, Poisson(6), costs) == pytest.approx(28.241312842169155)


@pytest.mark.parametrize("lot", [1, 5, 12])
def test_reorder_point_of_a_whole_lot(lot):
    costs = Costs(12, 4, 4, 28)
    demand = Poisson(6)
    point = review.best_reorder_point_units(lot, demand, costs)
    mine = review.cost_per_time(ReorderLot(point, lot), demand, costs)
    assert mine == pytest.approx(
        min(review.cost_per_time(ReorderLot(r, lot), demand, costs) for r in range(-10, 20))
    )


@given(shortage=st.floats(1, 50), more=st.floats(1.01, 3))
def test_dearer_shortages_raise_the_reorder_point(shortage, more):
    low, high = (
        review.best_reorder_point_units(300, LEAD, Costs(1300, 8, 0.225, cost))
        for cost in (shortage, more * shortage)
    )
    assert low < high


def test_part_units_of_whole_demand_are_refused():
    with pytest.raises(InputRejected, match="round it") as refused:
        review.cost_per_time(ReorderLot(6.5, 7), Poisson(6), ICE)
    assert refused.value.field == "reorder_point"


def test_shortages_too_cheap_for_expected_inventory_are_refused():
    with pytest.raises(InputRejected, match="always pays"):
        review.by_expected_inventory(LEAD, Costs(1300, 8, 0.225, 0.01))
