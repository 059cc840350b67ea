"""Price tables as vendors send them, and lots that share an order."""

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.lots import discounted_lot_units, joint_lots, price_table, unit_cost_at
from inventory.policy.lot_size import DAYS_PER_YEAR

GOOD = [{"from": 0, "to": 400, "unit_cost": 0.75}, {"from": 400, "to": 800, "unit_cost": 0.72},
        {"from": 800, "unit_cost": 0.68}]  # fmt: skip


def test_snyder_and_shens_example():
    """1,300 a year, 8 an order, 30 % a year: eq. (3.18), with prices for all units."""
    table = price_table(GOOD[::-1])
    demand = {"demand_per_day_units": 1300 / DAYS_PER_YEAR, "order_cost": 8.0, "holding_rate": 0.3}
    assert discounted_lot_units(table, "all_units", **demand) == 800
    assert unit_cost_at(table, "all_units", 800) == 0.68
    assert unit_cost_at(table, "incremental", 471) == pytest.approx((400 * 0.75 + 71 * 0.72) / 471)


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ([{"from": 0, "to": 100, "unit_cost": 5}, {"from": 120, "unit_cost": 4}],
         "nothing is said of 100 to 120"),
        ([{"from": 0, "to": 130, "unit_cost": 5}, {"from": 120, "unit_cost": 4}],
         "two prices are said of 120 to 130"),
        ([{"from": 0, "to": 100, "unit_cost": 5}], "more than 100"),
        ([{"from": 10, "unit_cost": 5}], "less than 10"),
        ([{"from": 0, "unit_cost": -5}], "above zero"),
        ([{"from": 0, "unit_cost": 4}, {"from": 10, "unit_cost": 5}], "prices rise"),
        ([{"from": 0, "unit_cost": 4}, {"from": 0, "unit_cost": 3}], "two prices are said from 0"),
        ([{"from": 0, "to": 98, "unit_cost": 5}, {"from": 100, "unit_cost": 4}],
         "nothing is said of 98 to 100"),
    ],
    ids=["gap", "overlap", "end", "start", "negative", "rising", "twice", "gap-of-one"],
)  # fmt: skip
def test_a_table_that_makes_no_sense_says_why(breaks, said):
    with pytest.raises(InputRejected, match=said):
        price_table(breaks)


def test_whole_units_up_to_the_next_leave_no_gap():
    table = price_table([{"from": 1, "to": 99, "unit_cost": 5}, {"from": 100, "unit_cost": 4}])
    assert (table.breakpoints_units, table.unit_costs) == ((0, 100), (5, 4))


def test_all_that_is_wrong_with_a_table_is_told_at_once():
    with pytest.raises(InputRejected) as refused:
        price_table([
            {"from": 0, "to": 50, "unit_cost": 4}, {"from": 60, "to": 99, "unit_cost": 6},
            {"from": 100, "unit_cost": -6},
        ])  # fmt: skip
    assert refused.value.problem == (
        "nothing is said of 50 to 60 units; a unit costs -6 from 100 units on, which must be above "
        "zero; a unit costs 6 from 60 units on and 4 below: prices rise"
    )


def test_joint_lots_are_silvers():
    """The items of Silver (1976) as `silver` is documented with, in days and years."""
    found = joint_lots(
        shared_order_cost=10.0, item_order_costs=np.array([1.87, 8.19]),
        holding_costs_per_year=np.array([0.2, 0.2]),
        demand_per_day_units=np.array([1736, 170]) / DAYS_PER_YEAR,
    )  # fmt: skip
    years = found.cycle_days / DAYS_PER_YEAR
    assert found.lots_units == pytest.approx([1736 * years, 3 * 170 * years])
