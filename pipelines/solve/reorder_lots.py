"""Topics on reorder points with lots: stock watched all the time, a lot ordered when it is low."""

import math
from collections.abc import Callable

from inventory.errors import InputRejected
from inventory.policy import continuous_review
from inventory.policy.continuous_review import Costs, ReorderLot
from inventory.policy.distributions import Distribution, Normal, Poisson
from pipelines.solve.demands import in_units
from pipelines.solve.forms import Chance, NonNegative, Number, Positive, Result


def lead_time_demand(
    demand_mean: float, demand_sd: float | None, lead_time: float, lead_time_sd: float
) -> Distribution:
    """Normal demand over the lead time, or Poisson where no deviation is given."""
    mean = demand_mean * lead_time
    if demand_sd is None:
        if lead_time_sd:
            raise InputRejected(
                "goes with normal demand only; give demand_sd too", field="lead_time_sd"
            )
        return Poisson(mean)
    return Normal(mean, math.sqrt(lead_time * demand_sd**2 + (demand_mean * lead_time_sd) ** 2))


def lot_cost(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    lead_time: Positive,
    reorder_point: Number,
    order_quantity: Positive,
    demand_sd: Positive | None = None,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """What a given reorder point and lot cost per time."""
    demand = lead_time_demand(demand_mean, demand_sd, lead_time, lead_time_sd)
    costs = Costs(demand_mean, fixed_cost, holding_cost, stockout_cost)
    return _lot(ReorderLot(reorder_point, order_quantity), demand, costs)


def reorder_point_for_lot(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    demand_mean: Positive,
    lead_time: Positive,
    order_quantity: Positive,
    demand_sd: Positive | None = None,
    lead_time_sd: NonNegative = 0.0,
    fixed_cost: NonNegative | None = None,
) -> Result:
    """Best reorder point for a given lot; its cost where the order cost is known."""
    demand = lead_time_demand(demand_mean, demand_sd, lead_time, lead_time_sd)
    costs = Costs(demand_mean, fixed_cost or 0.0, holding_cost, stockout_cost)
    point = continuous_review.best_reorder_point_units(order_quantity, demand, costs)
    found = _lot(ReorderLot(point, order_quantity), demand, costs)
    if fixed_cost is None:
        del found["cost_rate"]
    return found


def _lot(policy: ReorderLot, demand: Distribution, costs: Costs) -> Result:
    return {
        "reorder_point": in_units(policy.reorder_point_units, demand),
        "order_quantity": in_units(policy.lot_units, demand),
        "cost_rate": continuous_review.cost_per_time(policy, demand, costs),
    }


def best_lot(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    lead_time: Positive,
    demand_sd: Positive | None = None,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """Best reorder point and lot together, exactly."""
    demand = lead_time_demand(demand_mean, demand_sd, lead_time, lead_time_sd)
    costs = Costs(demand_mean, fixed_cost, holding_cost, stockout_cost)
    return _lot(continuous_review.optimal(demand, costs), demand, costs)


def _by_rule(rule: Callable[[Distribution, Costs], ReorderLot]) -> Callable[..., Result]:
    """The same for normal demand, by a rule that comes close."""

    def solve(
        *,
        holding_cost: Positive,
        stockout_cost: Positive,
        fixed_cost: Positive,
        demand_mean: Positive,
        demand_sd: Positive,
        lead_time: Positive,
        lead_time_sd: NonNegative = 0.0,
    ) -> Result:
        demand = lead_time_demand(demand_mean, demand_sd, lead_time, lead_time_sd)
        costs = Costs(demand_mean, fixed_cost, holding_cost, stockout_cost)
        return _lot(rule(demand, costs), demand, costs)

    return solve


by_backorder_lot = _by_rule(continuous_review.by_backorder_lot)
"""By the lot for constant demand with backorders."""
by_economic_lot = _by_rule(continuous_review.by_economic_lot)
"""By the economic lot and a safety stock."""
by_loss_function = _by_rule(continuous_review.by_loss_function)
"""By loss functions in turn."""


def by_expected_inventory(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: Positive,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """The same by the expected inventory level, the stockout cost being per unit short."""
    demand = lead_time_demand(demand_mean, demand_sd, lead_time, lead_time_sd)
    costs = Costs(demand_mean, fixed_cost, holding_cost, stockout_cost)
    found, cost = continuous_review.by_expected_inventory(demand, costs)
    return {
        "reorder_point": found.reorder_point_units,
        "order_quantity": found.lot_units,
        "cost_rate": cost,
    }


def reorder_point_for_service(
    *,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: Positive,
    cycle_service_level: Chance,
    lead_time_sd: NonNegative = 0.0,
    order_quantity: Positive | None = None,
) -> Result:
    """Reorder point by cycle service; the fill rate too where the lot is known."""
    demand = lead_time_demand(demand_mean, demand_sd, lead_time, lead_time_sd)
    point = demand.quantile(cycle_service_level)
    found = {"reorder_point": point, "safety_stock": point - demand.mean}
    if order_quantity is not None:
        found["order_quantity"] = order_quantity
        found["fill_rate"] = 1 - demand.loss(point) / order_quantity
    return found
