"""Lots and their rounding, against printed examples; and the steps always sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import InputRejected
from inventory.policy.lot_size import (
    backorder_cost_per_time,
    backorder_fraction,
    backorder_lot_units,
    cost_per_time,
    economic_order_quantity_units,
    net_holding_cost,
    on_grid,
    round_order,
)


@pytest.mark.parametrize(
    ("_case", "rate", "order_cost", "holding_cost", "expected"),
    [
        ("The brief: D 18,250, K 50, h 2", 18_250, 50, 2, 955.2487),
        ("Snyder & Shen, example 3.1", 1300, 8, 0.225, 304.0467800264368),
        ("Snyder & Shen, problem 3.1", 182_500, 2250, 275, 1728.1098449935514),
    ],
)
def test_economic_order_quantity(_case, rate, order_cost, holding_cost, expected):
    got = economic_order_quantity_units(
        demand_rate_units=rate, order_cost=order_cost, holding_cost=holding_cost
    )
    assert float(got) == pytest.approx(expected, rel=1e-6)


def test_at_the_economic_lot_ordering_costs_what_holding_costs():
    lot = economic_order_quantity_units(demand_rate_units=1300, order_cost=8, holding_cost=0.225)
    at = {"demand_rate_units": 1300, "order_cost": 8, "holding_cost": 0.225}
    assert float(cost_per_time(lot_units=lot, **at)) == pytest.approx(68.41052550594829)
    for other in (0.8, 1.25):
        # Harris: a lot 25 % off costs 2.5 % more.
        more = float(cost_per_time(lot_units=lot * other, **at))
        assert more == pytest.approx(68.41052550594829 * 1.025)


def test_lot_with_backorders_snyder_and_shen_example_3_8():
    costs = {"holding_cost": 0.225, "shortage_cost": 5}
    at = {"demand_rate_units": 1300, "order_cost": 8, **costs}
    lot, fraction = backorder_lot_units(**at), backorder_fraction(**costs)
    assert lot == pytest.approx(310.81255515896464)
    assert fraction == pytest.approx(0.0430622009569378)
    best = backorder_cost_per_time(lot_units=lot, fraction=fraction, **at)
    assert best == pytest.approx(66.92136355097325)
    for other_lot in (0.9 * lot, lot, 1.1 * lot):
        for other in (0.0, 0.5 * fraction, 2 * fraction):
            assert backorder_cost_per_time(lot_units=other_lot, fraction=other, **at) > best


def test_production_lot_snyder_and_shen_problem_3_22():
    net = net_holding_cost(holding_cost=0.08, demand_rate_units=80, production_rate_units=110)
    at = {"demand_rate_units": 80, "order_cost": 4, "holding_cost": net}
    lot = economic_order_quantity_units(**at)
    assert float(lot) == pytest.approx(171.26976771553507)
    assert float(cost_per_time(lot_units=lot, **at)) == pytest.approx(3.7367949319753104)


def test_production_slower_than_demand_is_refused():
    with pytest.raises(InputRejected, match="never build up"):
        net_holding_cost(holding_cost=1, demand_rate_units=110, production_rate_units=110)


@pytest.mark.parametrize(
    ("_case", "need", "minimum", "pack", "maximum", "expected"),
    [
        ("Netstock: need 25, packs of 12", 25, 0, 12, np.inf, 36),
        ("Odoo: 32 is no multiple of 6", 32, 0, 6, np.inf, 36),
        ("a whole pack stays", 24, 0, 12, np.inf, 24),
        ("the minimum first, then packs", 3, 20, 12, np.inf, 24),
        ("a maximum takes whole packs away", 100, 0, 12, 50, 48),
        ("below the minimum nothing may be ordered", 100, 60, 12, 50, 0),
        ("no need, no order, whatever the minimum", 0, 20, 12, np.inf, 0),
        ("a negative need is no return", -5, 20, 12, np.inf, 0),
        ("a part of a unit is a unit", 0.25, 0, 1, np.inf, 1),
    ],
)
def test_rounding(_case, need, minimum, pack, maximum, expected):
    order = round_order(need, min_order_units=minimum, pack_units=pack, max_units=maximum)
    assert order.ordered_units.tolist() == [expected]


@given(
    need=st.floats(-1000, 100_000),
    minimum=st.integers(0, 500),
    pack=st.integers(1, 144),
    maximum=st.one_of(st.just(np.inf), st.integers(0, 5000)),
)
def test_steps_sum_exactly_and_the_order_obeys_every_constraint(need, minimum, pack, maximum):
    wanted = on_grid(np.array([need]))
    order = round_order(wanted, min_order_units=minimum, pack_units=pack, max_units=maximum)
    ordered = order.ordered_units[0]
    assert wanted[0] + sum(step[0] for step in order.steps.values()) == ordered
    assert ordered % pack == 0
    assert ordered <= maximum
    assert ordered == 0 or ordered >= minimum
    if maximum == np.inf:
        assert ordered >= wanted[0]
        assert ordered < max(wanted[0], minimum) + pack + 1
