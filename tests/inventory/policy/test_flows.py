"""Cheapest flows: a textbook network, and assignments solved by another algorithm."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from inventory.errors import InputRejected
from inventory.policy.flows import min_cost_flow, transport

BRADLEY = {
    "starts": [0, 0, 1, 1, 1, 2, 2, 3, 4],
    "ends": [1, 2, 2, 3, 4, 3, 4, 4, 2],
    "capacities": [15, 8, 20, 4, 10, 15, 4, 20, 5],
    "unit_costs": [4, 4, 2, 2, 6, 1, 3, 2, 3],
    "supplies": [20, 0, 0, -5, -15],
}


def test_bradley_hax_and_magnanti_figure_8_1():
    flow = min_cost_flow(**BRADLEY)
    assert flow.cost == pytest.approx(150)
    net = np.zeros(5)
    np.add.at(net, BRADLEY["starts"], flow.units)
    np.subtract.at(net, BRADLEY["ends"], flow.units)
    assert net == pytest.approx(BRADLEY["supplies"])
    assert (np.array(flow.units) <= BRADLEY["capacities"]).all()
    assert flow.units == tuple(round(units) for units in flow.units)


@pytest.mark.parametrize("seed", range(4))
def test_transport_of_single_units_is_an_assignment(seed):
    costs = np.random.default_rng(seed).integers(1, 50, (6, 5))
    rows, columns = linear_sum_assignment(costs)
    table, cost = transport(supplies=[1] * 6, demands=[1] * 5, unit_costs=costs.tolist())
    assert cost == pytest.approx(costs[rows, columns].sum())
    assert np.array(table).sum(axis=0) == pytest.approx([1] * 5)


def test_supplies_that_do_not_balance_are_refused():
    with pytest.raises(InputRejected, match="sum to 5") as refused:
        min_cost_flow(**BRADLEY | {"supplies": [20, 0, 0, -5, -10]})
    assert refused.value.field == "supply"


def test_capacities_that_cannot_carry_it_are_refused():
    with pytest.raises(InputRejected, match="cannot carry"):
        min_cost_flow(**BRADLEY | {"capacities": [1] * 9})


def test_more_wanted_than_there_is_is_refused():
    with pytest.raises(InputRejected, match="are wanted"):
        transport(supplies=[1], demands=[2], unit_costs=[[1]])
