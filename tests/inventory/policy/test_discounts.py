"""Discounted lots: Snyder & Shen's examples, and trying every quantity."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import InputRejected
from inventory.policy.discounts import (
    PriceTable,
    all_units_cost,
    all_units_lot,
    incremental_cost,
    incremental_lot,
)
from inventory.policy.lot_size import economic_order_quantity_units

ICE = {"demand_rate_units": 1300, "order_cost": 8, "holding_rate": 0.3}


def test_snyder_and_shen_example_3_6():
    found = all_units_lot(PriceTable((0, 400, 800), (0.75, 0.72, 0.68)), **ICE)
    assert (found.lot_units, found.region) == (800, 2)
    assert found.cost_per_time == pytest.approx(978.6)


def test_snyder_and_shen_problem_3_12():
    table = PriceTable((0, 1200, 2400), (1490, 1220, 1100))
    found = incremental_lot(table, demand_rate_units=182_500, order_cost=2250, holding_rate=0.25)
    assert found.region == 2
    assert found.lot_units == pytest.approx(28_553.060654284905)
    assert found.cost_per_time == pytest.approx(208_678_591.67992836)


def tables():
    steps = st.lists(st.integers(1, 60), min_size=0, max_size=4)
    cuts = st.lists(st.floats(0.0, 0.2), min_size=4, max_size=4)

    def made(parts):
        sizes, discounts = parts
        breaks = np.cumsum([0, *sizes]).tolist()
        costs = 10 * np.cumprod([1, *(1 - np.array(discounts[: len(sizes)]))])
        return PriceTable(tuple(breaks), tuple(costs.tolist()))

    return st.tuples(steps, cuts).map(made)


@given(table=tables(), order_cost=st.floats(0.5, 200), rate=st.floats(20, 500))
def test_no_other_lot_is_cheaper(table, order_cost, rate):
    at = {"demand_rate_units": rate, "order_cost": order_cost, "holding_rate": 0.3}
    lots = np.linspace(0.5, 400, 801)
    for best, cost in ((all_units_lot, all_units_cost), (incremental_lot, incremental_cost)):
        found = best(table, **at)
        assert found.cost_per_time == pytest.approx(cost(found.lot_units, table, **at))
        assert found.cost_per_time <= min(cost(lot, table, **at) for lot in lots) * (1 + 1e-12)
        assert found.region == table.region(found.lot_units)


def test_one_price_is_the_economic_lot_either_way():
    usual = float(
        economic_order_quantity_units(demand_rate_units=1300, order_cost=8, holding_cost=0.3 * 0.75)
    )
    for best in (all_units_lot, incremental_lot):
        assert best(PriceTable((0,), (0.75,)), **ICE).lot_units == pytest.approx(usual)


def test_incremental_prices_are_what_the_units_cost_one_by_one():
    table = PriceTable((0, 10, 30), (5.0, 4.0, 3.0))
    one_by_one = 10 * 5 + 20 * 4 + 15 * 3  # A lot of 45.
    cost = incremental_cost(45, table, demand_rate_units=45, order_cost=0, holding_rate=0.2)
    assert cost == pytest.approx(one_by_one + 0.2 * one_by_one / 2)


@pytest.mark.parametrize(
    ("breaks", "costs", "says"),
    [
        ((0, 800, 400), (3, 2, 1), "must rise"),
        ((0, 400, 400), (3, 2, 1), "must rise"),
        ((100, 400), (3, 2), "start at 0"),
        ((0, 400), (3, 2, 1), "one cost for each"),
        ((0, 400), (2, 3), "must not raise"),
        ((0, 400), (2, 0), "above zero"),
        ((), (), "one cost for each"),
    ],
)
def test_tables_with_gaps_or_out_of_order_are_refused(breaks, costs, says):
    with pytest.raises(InputRejected, match=says):
        PriceTable(breaks, costs)


def test_the_last_region_has_no_end():
    assert PriceTable((0, 5), (2, 1)).end_units(1) == math.inf
