"""Lots of items that share an order's cost, or whose price falls with the quantity."""

from collections.abc import Iterator, Mapping, Sequence
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
    """The table of breaks as they were sent. Raises `InputRejected` with all that makes no sense.

    A price may be said to hold up to the unit before the next, as 0 to 99 and from 100.

    >>> price_table([{"from": 0, "to": 100, "unit_cost": 5}, {"from": 120, "unit_cost": 4}])
    Traceback (most recent call last):
    ...
    inventory.errors.InputRejected: field 'breaks': nothing is said of 100 to 120 units
    """
    ordered = sorted(breaks, key=lambda each: each["from"] or 0)
    if faults := [*_range_faults(ordered), *_cost_faults(ordered)]:
        raise InputRejected("; ".join(faults), field="breaks")
    starts = [each["from"] or 0.0 for each in ordered]
    starts[0] = 0.0
    return PriceTable(tuple(starts), tuple(each["unit_cost"] or 0.0 for each in ordered))


def _range_faults(ordered: Sequence[Break]) -> Iterator[str]:
    """Quantities with no price or with two, in words."""
    first = ordered[0]["from"] or 0
    if first > 1:  # Nobody orders less than one unit.
        yield f"nothing is said of less than {first:g} units"
    for before, after in pairwise(ordered):
        end, start = before.get("to"), after["from"] or 0
        if start == (before["from"] or 0):
            yield f"two prices are said from {start:g} units on"
        elif end is not None and end not in (start, start - 1):
            said = "nothing is said" if end < start else "two prices are said"
            low, high = sorted((end, start))
            yield f"{said} of {low:g} to {high:g} units"
    last = ordered[-1].get("to")
    if last is not None:
        yield f"nothing is said of more than {last:g} units"


def _cost_faults(ordered: Sequence[Break]) -> Iterator[str]:
    """Prices that are none, and those that rise with the quantity, in words."""
    costs = [(each["from"] or 0, each["unit_cost"] or 0.0) for each in ordered]
    for start, cost in costs:
        if cost <= 0:
            yield f"a unit costs {cost:g} from {start:g} units on, which must be above zero"
    for (_, before), (start, cost) in pairwise(costs):
        if cost > before:
            yield f"a unit costs {cost:g} from {start:g} units on and {before:g} below: prices rise"


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
