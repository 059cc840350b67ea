"""Topics on how much to order at once."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from inventory.errors import InputRejected
from inventory.policy import (
    discounts,
    dynamic_lots,
    joint_replenishment,
    lot_size,
    order_interval,
)
from pipelines.solve.forms import (
    AtLeastOne,
    NonNegative,
    NonNegatives,
    Positive,
    Positives,
    Result,
)


def economic(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    demand_rate: Positive,
    order_quantity: Positive | None = None,
) -> Result:
    """Economic lot and its cost, or the cost of a given lot."""
    at = {
        "demand_rate_units": demand_rate,
        "order_cost": fixed_cost,
        "holding_cost": holding_cost,
    }
    lot = order_quantity or float(lot_size.economic_order_quantity_units(**at))
    return {
        "order_quantity": lot,
        "cost_rate": float(lot_size.cost_per_time(lot_units=lot, **at)),
        "order_interval": lot / demand_rate,
    }


def economic_by_rate(
    *,
    fixed_cost: Positive,
    demand_rate: Positive,
    unit_cost: Positive,
    holding_cost_rate: Positive,
    order_quantity: Positive | None = None,
) -> Result:
    """The same, holding cost as a share of the unit's cost."""
    return economic(
        fixed_cost=fixed_cost,
        holding_cost=holding_cost_rate * unit_cost,
        demand_rate=demand_rate,
        order_quantity=order_quantity,
    )


def economic_per_year(
    *,
    annualdemand: Positive,
    orderingcost: Positive,
    purchasecost: Positive,
    holdingrate: Positive,
) -> Result:
    """The same in the words of a yearly plan, with the time a lot lasts."""
    lot = economic(
        fixed_cost=orderingcost,
        holding_cost=holdingrate * purchasecost,
        demand_rate=annualdemand,
    )
    years = lot["order_interval"]
    return {
        "EOQ": lot["order_quantity"],
        "T_years": years,
        "T_weeks": lot_size.WEEKS_PER_YEAR * years,
        "cost_rate": lot["cost_rate"],
    }


def with_backorders(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    stockout_cost: Positive,
    demand_rate: Positive,
    order_quantity: Positive | None = None,
    stockout_fraction: Annotated[NonNegative, Field(le=1)] | None = None,
) -> Result:
    """Best lot and share of demand that waits, or the cost of given ones."""
    costs = {"holding_cost": holding_cost, "shortage_cost": stockout_cost}
    at = {"demand_rate_units": demand_rate, "order_cost": fixed_cost, **costs}
    if (order_quantity is None) != (stockout_fraction is None):
        lacking = "order_quantity" if order_quantity is None else "stockout_fraction"
        raise InputRejected("is missing; give both to cost them, or none", field=lacking)
    lot = lot_size.backorder_lot_units(**at) if order_quantity is None else order_quantity
    if stockout_fraction is None:
        stockout_fraction = lot_size.backorder_fraction(**costs)
    return {
        "order_quantity": lot,
        "stockout_fraction": stockout_fraction,
        "cost_rate": lot_size.backorder_cost_per_time(
            lot_units=lot, fraction=stockout_fraction, **at
        ),
    }


def production(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    demand_rate: Positive,
    production_rate: Positive,
    order_quantity: Positive | None = None,
) -> Result:
    """Economic production lot and its cost, or the cost of a given one."""
    net = lot_size.net_holding_cost(
        holding_cost=holding_cost,
        demand_rate_units=demand_rate,
        production_rate_units=production_rate,
    )
    return economic(
        fixed_cost=fixed_cost,
        holding_cost=net,
        demand_rate=demand_rate,
        order_quantity=order_quantity,
    )


def _discounted(best: Callable[..., discounts.DiscountedLot]) -> Callable[..., Result]:
    """Best lot at prices that fall with its size, by how a price counts."""

    def solve(
        *,
        fixed_cost: Positive,
        holding_cost_rate: Positive,
        demand_rate: Positive,
        breakpoints: NonNegatives,
        unit_costs: Positives,
    ) -> Result:
        found = best(
            discounts.PriceTable(tuple(breakpoints), tuple(unit_costs)),
            demand_rate_units=demand_rate,
            order_cost=fixed_cost,
            holding_rate=holding_cost_rate,
        )
        return {
            "order_quantity": float(found.lot_units),
            "region": found.region,
            "total_cost_rate": found.cost_per_time,
        }

    return solve


all_units_discount = _discounted(discounts.all_units_lot)
"""A price counts for all units of the lot."""
incremental_discount = _discounted(discounts.incremental_lot)
"""Each price counts for the units above its breakpoint."""


def power_of_two(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    demand_rate: Positive,
    base_period: Positive = 1.0,
) -> Result:
    """Order interval as a power of two of a base period, in the time unit of the rate."""
    at = {
        "demand_rate_units": demand_rate,
        "order_cost": fixed_cost,
        "holding_cost": holding_cost,
    }
    economic_time = order_interval.economic_interval(**at)
    interval = order_interval.power_of_two_interval(economic_time, base=base_period)
    lot = interval * demand_rate
    return {
        "order_interval": interval,
        "order_quantity": lot,
        "cost_rate": float(lot_size.cost_per_time(lot_units=lot, **at)),
        "cost_ratio": order_interval.cost_ratio(interval, economic=economic_time),
    }


def power_of_two_weeks(
    *,
    annualdemand: Positive,
    orderingcost: Positive,
    purchasecost: Positive,
    holdingrate: Positive,
) -> Result:
    """The same in weeks, for a yearly plan."""
    years = order_interval.economic_interval(
        demand_rate_units=annualdemand,
        order_cost=orderingcost,
        holding_cost=holdingrate * purchasecost,
    )
    weeks = lot_size.WEEKS_PER_YEAR * years
    practical = order_interval.power_of_two_interval(weeks)
    return {
        "Ts": years,
        "Tstarweeks": weeks,
        "Qstar": years * annualdemand,
        "Tpractical": practical,
        "Tpracticalweeks": practical,
        "Qpractical": practical / lot_size.WEEKS_PER_YEAR * annualdemand,
        "cost_ratio": order_interval.cost_ratio(practical, economic=weeks),
    }


def joint(
    *,
    shared_fixed_cost: NonNegative,
    individual_fixed_costs: NonNegatives,
    holding_costs: Positives,
    demand_rates: Positives,
) -> Result:
    """Lots, cycle and multiples of items that share an order."""
    for name, values in (("holding_costs", holding_costs), ("demand_rates", demand_rates)):
        if len(values) != len(individual_fixed_costs):
            raise InputRejected(
                f"has {len(values)} entries for {len(individual_fixed_costs)} items; give one each",
                field=name,
            )
    if shared_fixed_cost + min(individual_fixed_costs) <= 0:
        raise InputRejected(
            "ordering is free, so no cycle is best; give a cost", field="shared_fixed_cost"
        )
    found = joint_replenishment.silver(
        shared_order_cost=shared_fixed_cost,
        item_order_costs=individual_fixed_costs,
        holding_costs=holding_costs,
        demand_rates_units=demand_rates,
    )
    return {
        "order_quantities": found.lots_units.tolist(),
        "base_cycle_time": found.cycle,
        "order_multiples": list(found.multiples),
        "cost_rate": found.cost_per_time,
    }


def dynamic(
    *,
    holding_cost: NonNegative | NonNegatives,
    fixed_cost: NonNegative | NonNegatives,
    demand: NonNegative | NonNegatives,
    num_periods: AtLeastOne | None = None,
    purchase_cost: NonNegative | NonNegatives = 0.0,
) -> Result:
    """Wagner-Whitin lots; costs and demand per period, or one for all."""
    periods = num_periods
    if periods is None and isinstance(demand, list):
        periods = len(demand)
    if periods is None:
        raise InputRejected("is missing, and demand is no list; give it", field="num_periods")
    plan = dynamic_lots.wagner_whitin(
        _each_period("demand", demand, periods),
        order_costs=_each_period("fixed_cost", fixed_cost, periods),
        holding_costs=_each_period("holding_cost", holding_cost, periods),
        unit_costs=_each_period("purchase_cost", purchase_cost, periods),
    )
    return {"order_quantities": list(plan.order_units), "cost": plan.cost}


def _each_period(name: str, value: float | list[float], periods: int) -> list[float]:
    """One value per period. Of one too many the first is that of period zero, as some number."""
    if not isinstance(value, list):
        return [value] * periods
    if len(value) not in (periods, periods + 1):
        raise InputRejected(
            f"has {len(value)} entries for {periods} periods; give one each", field=name
        )
    return value[-periods:]
