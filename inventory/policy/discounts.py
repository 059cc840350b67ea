"""How much to order at once when the price per unit falls with the quantity."""

import math
from dataclasses import dataclass
from itertools import pairwise

from inventory.errors import InputRejected


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Price per unit by quantity: `unit_costs[j]` from `breakpoints_units[j]` on.

    Breakpoints start at zero and rise; prices are positive and fall or stay. Raises
    `InputRejected` otherwise.
    """

    breakpoints_units: tuple[float, ...]
    unit_costs: tuple[float, ...]

    def __post_init__(self) -> None:
        breaks, costs = self.breakpoints_units, self.unit_costs
        if len(breaks) != len(costs) or not costs:
            raise InputRejected(
                f"{len(breaks)} breakpoints and {len(costs)} unit costs; give one cost for each",
                field="unit_costs",
            )
        if breaks[0] != 0:
            raise InputRejected(
                f"the table starts at {breaks[0]:g}, so smaller orders have no price; start at 0",
                field="breakpoints",
            )
        for before, after in pairwise(breaks):
            if after <= before:
                raise InputRejected(
                    f"{after:g} follows {before:g}; breakpoints must rise", field="breakpoints"
                )
        if min(costs) <= 0:
            raise InputRejected("a unit cost must be above zero", field="unit_costs")
        for before, after in pairwise(costs):
            if after > before:
                raise InputRejected(
                    f"{after:g} follows {before:g}; a discount must not raise the price",
                    field="unit_costs",
                )

    def region(self, lot_units: float) -> int:
        """Index of the price that the last unit of a lot is bought at."""
        return max(j for j, start in enumerate(self.breakpoints_units) if start <= lot_units)

    def end_units(self, region: int) -> float:
        """Where a region ends; infinite for the last."""
        later = self.breakpoints_units[region + 1 :]
        return later[0] if later else math.inf


@dataclass(frozen=True, slots=True)
class DiscountedLot:
    """The best lot, the region of the table it lies in, and cost per time with purchase."""

    lot_units: float
    region: int
    cost_per_time: float


def all_units_cost(
    lot_units: float,
    table: PriceTable,
    *,
    demand_rate_units: float,
    order_cost: float,
    holding_rate: float,
) -> float:
    """Cost per time when the price of a lot counts for all its units.

        c·D + K·D/Q + i·c·Q/2,  c the price at Q

    Source: Snyder & Shen, section 3.4.
    """
    cost = table.unit_costs[table.region(lot_units)]
    return (
        cost * demand_rate_units
        + order_cost * demand_rate_units / lot_units
        + holding_rate * cost * lot_units / 2
    )


def all_units_lot(
    table: PriceTable, *, demand_rate_units: float, order_cost: float, holding_rate: float
) -> DiscountedLot:
    """The cheapest lot under an all-units discount.

    Each region's own economic lot where it lies in that region, and each breakpoint: nothing else
    can be best.

    Parameters
    ----------
    table : prices by quantity.
    demand_rate_units : D > 0, units per time. order_cost : K > 0, money per order.
    holding_rate : i > 0, money per money of stock held for that time.

    Source
    ------
    Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., eq. (3.18) and (3.19).

    >>> all_units_lot(PriceTable((0, 400, 800), (0.75, 0.72, 0.68)),
    ...               demand_rate_units=1300, order_cost=8, holding_rate=0.3).lot_units
    800
    """
    at = {
        "demand_rate_units": demand_rate_units,
        "order_cost": order_cost,
        "holding_rate": holding_rate,
    }
    lots = list(table.breakpoints_units[1:])
    for region, cost in enumerate(table.unit_costs):
        lot = math.sqrt(2 * order_cost * demand_rate_units / (holding_rate * cost))
        if table.breakpoints_units[region] <= lot < table.end_units(region):
            lots.append(lot)
    best = min(lots, key=lambda lot: all_units_cost(lot, table, **at))
    return DiscountedLot(best, table.region(best), all_units_cost(best, table, **at))


def incremental_cost(
    lot_units: float,
    table: PriceTable,
    *,
    demand_rate_units: float,
    order_cost: float,
    holding_rate: float,
) -> float:
    """Cost per time when each price counts only for the units above its breakpoint.

        c·D + i·c̄/2 + (K + c̄)·D/Q + i·c·Q/2

    c is the price of the last unit, c̄ what the units before cost more than that.
    Source: Snyder & Shen, eq. (3.20) to (3.22).
    """
    region = table.region(lot_units)
    cost, extra = table.unit_costs[region], _extra(table, region)
    return (
        cost * demand_rate_units
        + holding_rate * extra / 2
        + (order_cost + extra) * demand_rate_units / lot_units
        + holding_rate * cost * lot_units / 2
    )


def incremental_lot(
    table: PriceTable, *, demand_rate_units: float, order_cost: float, holding_rate: float
) -> DiscountedLot:
    """The cheapest lot under an incremental discount; parameters as `all_units_lot`.

    Breakpoints are never best, so only each region's own economic lot is tried, with what earlier
    units cost more counted as a part of the order cost.

    Source: Snyder & Shen, eq. (3.20) to (3.22).

    >>> round(incremental_lot(PriceTable((0, 1200, 2400), (1490, 1220, 1100)),
    ...       demand_rate_units=182_500, order_cost=2250, holding_rate=0.25).lot_units)
    28553
    """
    at = {
        "demand_rate_units": demand_rate_units,
        "order_cost": order_cost,
        "holding_rate": holding_rate,
    }
    lots = []
    for region, cost in enumerate(table.unit_costs):
        fixed = order_cost + _extra(table, region)
        lot = math.sqrt(2 * fixed * demand_rate_units / (holding_rate * cost))
        if table.breakpoints_units[region] <= lot < table.end_units(region):
            lots.append(lot)
    best = min(lots, key=lambda lot: incremental_cost(lot, table, **at))
    return DiscountedLot(best, table.region(best), incremental_cost(best, table, **at))


def _extra(table: PriceTable, region: int) -> float:
    """What the units before a region cost more than at its own price."""
    return sum(
        (table.unit_costs[j] - table.unit_costs[region])
        * (table.end_units(j) - table.breakpoints_units[j])
        for j in range(region)
    )
