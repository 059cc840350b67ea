"""Topics on suppliers who are closed at times, or deliver something else than ordered."""

from inventory.policy import unreliable_supply
from inventory.policy.distributions import Normal
from pipelines.solve.forms import Chance, NonNegative, Number, Positive, Result


def with_disruptions(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    stockout_cost: Positive,
    demand_rate: Positive,
    disruption_rate: Positive,
    recovery_rate: Positive,
    order_quantity: Positive | None = None,
    approximate: bool = False,
) -> Result:
    """Best lot from a supplier who is closed at times, or the cost of a given one."""
    supply = unreliable_supply.Disruptions(
        demand_rate_units=demand_rate,
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
        disruption_rate=disruption_rate,
        recovery_rate=recovery_rate,
    )
    if order_quantity is None:
        best = supply.approximate_lot_units if approximate else supply.best_lot_units
        order_quantity = best()
    return {
        "order_quantity": order_quantity,
        "cost_rate": supply.cost_per_time(order_quantity, approximate=approximate),
    }


def with_disruptions_approximate(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    stockout_cost: Positive,
    demand_rate: Positive,
    disruption_rate: Positive,
    recovery_rate: Positive,
    order_quantity: Positive | None = None,
) -> Result:
    """The same by the closed formula."""
    return with_disruptions(
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        demand_rate=demand_rate,
        disruption_rate=disruption_rate,
        recovery_rate=recovery_rate,
        order_quantity=order_quantity,
        approximate=True,
    )


def with_share_received(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    demand_rate: Positive,
    yield_mean: Number,
    yield_sd: NonNegative,
    order_quantity: Positive | None = None,
) -> Result:
    """Best lot when a random share of it comes; a mean of zero or less means units added to it."""
    if yield_mean <= 0:
        return with_units_added(
            fixed_cost=fixed_cost,
            holding_cost=holding_cost,
            demand_rate=demand_rate,
            yield_mean=yield_mean,
            yield_sd=yield_sd,
            order_quantity=order_quantity,
        )
    found = unreliable_supply.lot_with_share_received(
        demand_rate_units=demand_rate,
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        yield_mean=yield_mean,
        yield_sd=yield_sd,
        lot_units=order_quantity,
    )
    return {"order_quantity": found.lot_units, "cost_rate": found.cost_per_time}


def with_units_added(
    *,
    fixed_cost: Positive,
    holding_cost: Positive,
    demand_rate: Positive,
    yield_mean: Number,
    yield_sd: NonNegative,
    order_quantity: Positive | None = None,
) -> Result:
    """Best lot when a random number of units is added to it, or lacks."""
    found = unreliable_supply.lot_with_units_added(
        demand_rate_units=demand_rate,
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        yield_mean=yield_mean,
        yield_sd=yield_sd,
        lot_units=order_quantity,
    )
    return {"order_quantity": found.lot_units, "cost_rate": found.cost_per_time}


def target_with_disruptions(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    demand: Positive,
    disruption_prob: Chance,
    recovery_prob: Chance,
    base_stock_level: NonNegative | None = None,
) -> Result:
    """Level to order up to for known demand from a supplier who is closed at times."""
    level, cost = unreliable_supply.newsvendor_with_disruptions(
        demand_units=demand,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
        disruption_chance=disruption_prob,
        recovery_chance=recovery_prob,
        target_units=base_stock_level,
    )
    return {"base_stock_level": level, "cost": cost, "cost_rate": cost}


def target_with_units_added(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    demand: Positive,
    yield_mean: Number,
    yield_sd: Positive,
    base_stock_level: Number | None = None,
) -> Result:
    """Level to order up to for known demand when random units are added to what is ordered."""
    level, cost = unreliable_supply.newsvendor_with_units_added(
        demand,
        Normal(yield_mean, yield_sd),
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
        target_units=base_stock_level,
    )
    return {"base_stock_level": level, "cost": cost, "cost_rate": cost}
