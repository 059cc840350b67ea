"""Lots of items that share an order's cost, or whose price falls with the quantity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inventory.demand import Floats
from inventory.errors import InputRejected
from inventory.policy.discounts import PriceTable, all_units_lot, incremental_lot
from inventory.policy.joint_replenishment import JointCycle, silver
from inventory.policy.lot_size import DAYS_PER_YEAR

ALL_UNITS = "all_units"

Break = Mapping[str, float | None]


def price_table(breaks: Sequence[Break]) -> PriceTable:
    """The table of breaks as they were sent. Raises `InputRejected` where they make no sense.

    >>> price_table([{"from": 0, "to": 100, "unit_cost": 5}, {"from": 120, "unit_cost": 4}])
    Traceback (most recent call last):
    ...
    inventory.errors.InputRejected: field 'breaks': nothing is said of 100 to 120 units
    """
    ordered = sorted(breaks, key=lambda each: each["from"] or 0)
    for before, after in pairwise(ordered):
        end, start = before.get("to"), after["from"]
        if end is not None and start is not None and end != start:
            said = "nothing is said" if end < start else "two prices are said"
            low, high = sorted((end, start))
            raise InputRejected(f"{said} of {low:g} to {high:g} units", field="breaks")
    if ordered[-1].get("to") is not None:
        raise InputRejected(
            f"nothing is said of more than {ordered[-1]['to']:g} units", field="breaks"
        )
    starts = [each["from"] or 0.0 for each in ordered]
    if starts[0] == 1:
        starts[0] = 0.0  # Nobody orders less than one unit.
    return PriceTable(tuple(starts), tuple(each["unit_cost"] or 0.0 for each in ordered))


def discounted_lot_units(
    table: PriceTable,
    discount: str,
    *,
    demand_per_day_units: float,
    order_cost: float,
    holding_rate: float,
) -> float:
    """The cheapest lot under a price table, units; parameters as `inventory.policy.discounts`."""
    rule = all_units_lot if discount == ALL_UNITS else incremental_lot
    found = rule(
        table, demand_rate_units=demand_per_day_units * DAYS_PER_YEAR, order_cost=order_cost,
        holding_rate=holding_rate,
    )  # fmt: skip
    return found.lot_units


def unit_cost_at(table: PriceTable, discount: str, units: float) -> float:
    """What a unit of an order of so many costs on average, money.

    >>> table = PriceTable((0, 100), (5.0, 4.0))
    >>> unit_cost_at(table, "all_units", 200), unit_cost_at(table, "incremental", 200)
    (4.0, 4.5)
    """
    region = table.region(units)
    if discount == ALL_UNITS or region == 0:
        return table.unit_costs[region]
    ends = (*table.breakpoints_units[1 : region + 1], units)
    parts = zip(table.breakpoints_units, ends, table.unit_costs, strict=False)
    return sum((end - start) * cost for start, end, cost in parts) / units


@dataclass(frozen=True, slots=True, eq=False)
class JointLots:
    """What items of one vendor at one place are ordered by together."""

    lots_units: Floats
    cycle_days: float
    """From one joint order to the next."""


def joint_lots(
    *,
    shared_order_cost: float,
    item_order_costs: Floats,
    holding_costs_per_year: Floats,
    demand_per_day_units: Floats,
) -> JointLots:
    """Lots of items that share the cost of an order; all of shape (n,), demand and holding > 0.

    See `inventory.policy.joint_replenishment.silver`.
    """
    found: JointCycle = silver(
        shared_order_cost=shared_order_cost,
        item_order_costs=item_order_costs.tolist(),
        holding_costs=holding_costs_per_year.tolist(),
        demand_rates_units=(demand_per_day_units * DAYS_PER_YEAR).tolist(),
    )
    return JointLots(np.asarray(found.lots_units, dtype=float), found.cycle * DAYS_PER_YEAR)
