"""Topics on ordering up to a level: at every review, or when stock is at a minimum."""

import math

from inventory.errors import InputRejected
from inventory.policy import min_max, safety_stock
from inventory.policy.distributions import Listed, NegativeBinomial, Poisson
from pipelines.solve.demands import listed
from pipelines.solve.forms import (
    Chance,
    NonNegative,
    NonNegatives,
    Positive,
    Positives,
    Result,
    Whole,
)


def order_up_to_for_service(
    *,
    demand_mean: Positive,
    demand_sd: Positive,
    cycle_service_level: Chance,
    lead_time: NonNegative = 0.0,
    review_period: Positive = 1.0,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """Order-up-to level by cycle service over lead time and review period."""
    stock = float(
        safety_stock.safety_stock_variable_lead_time_units(
            service_level=cycle_service_level,
            demand_mean_units=demand_mean,
            demand_sd_units=demand_sd,
            lead_time_days=lead_time,
            lead_time_sd_days=lead_time_sd,
            review_period_days=review_period,
        )
    )
    level = demand_mean * (lead_time + review_period) + stock
    return {"base_stock_level": level, "safety_stock": stock}


def order_up_to_poisson(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive | Positives,
    lead_time: NonNegative = 0.0,
) -> Result:
    """Best (s, S) for Poisson demand, or for each of several means."""
    if isinstance(demand_mean, list):
        each = [
            order_up_to_poisson(
                holding_cost=holding_cost,
                stockout_cost=stockout_cost,
                fixed_cost=fixed_cost,
                demand_mean=mean,
                lead_time=lead_time,
            )
            for mean in demand_mean
        ]
        return {key: [one[key] for one in each] for key in each[0]}
    found = min_max.optimal(
        Poisson(demand_mean),
        Poisson(demand_mean * (lead_time + 1)),
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
    )
    return _min_max(found)


def order_up_to_pmf(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_pmf: dict[str, NonNegative] | NonNegatives,
    demand_hi: Whole | None = None,
) -> Result:
    """The same for demand by a table of chances."""
    demand = _whole_table(demand_pmf, demand_hi)
    found = min_max.optimal(
        demand,
        demand,
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
    )
    return _min_max(found)


def _whole_table(pmf: dict[str, float] | list[float], highest: int | None) -> Listed:
    demand = listed(pmf=pmf)
    if not demand.is_whole or demand.lowest < 0:
        raise InputRejected("must be of whole units, 0 or more", field="demand_pmf")
    if highest is not None and demand.highest > highest:
        raise InputRejected(
            f"is {highest}, but the table goes up to {demand.highest:g}; drop it or raise it",
            field="demand_hi",
        )
    return demand


def order_up_to_negative_binomial(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: NonNegative = 0.0,
) -> Result:
    """The same for negative binomial demand."""
    periods = lead_time + 1
    found = min_max.optimal(
        NegativeBinomial.by_moments(mean=demand_mean, sd=demand_sd),
        NegativeBinomial.by_moments(mean=periods * demand_mean, sd=math.sqrt(periods) * demand_sd),
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
    )
    return _min_max(found)


def order_up_to_approximate(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: NonNegative = 0.0,
) -> Result:
    """The same by the power approximation."""
    found = min_max.power_approximation(
        demand_mean_units=demand_mean,
        demand_sd_units=demand_sd,
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
        lead_time_periods=lead_time,
    )
    return {"s": found.reorder_point_units, "S": found.order_up_to_units}


def order_up_to_cost(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    reorder_point: Whole,
    order_up_to_level: Whole,
    lead_time: NonNegative = 0.0,
) -> Result:
    """What a given (s, S) costs per period with Poisson demand."""
    _below(reorder_point, order_up_to_level)
    policy = min_max.MinMax(reorder_point, order_up_to_level)
    cost = min_max.cost_per_period(
        policy,
        Poisson(demand_mean),
        Poisson(demand_mean * (lead_time + 1)),
        order_cost=fixed_cost,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
    )
    return _min_max(min_max.MinMax(reorder_point, order_up_to_level, cost))


def order_up_to_cost_short(
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    fixed_cost: Positive,
    demand_mean: Positive,
    s: Whole,
    S: Whole,
    lead_time: NonNegative = 0.0,
) -> Result:
    """The same, the levels called s and S."""
    return order_up_to_cost(
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        fixed_cost=fixed_cost,
        demand_mean=demand_mean,
        reorder_point=s,
        order_up_to_level=S,
        lead_time=lead_time,
    )


def _below(reorder_point: int, level: int) -> None:
    if level <= reorder_point:
        raise InputRejected(
            f"{level} is not above the reorder point {reorder_point}; raise it",
            field="order_up_to_level",
        )


def _min_max(found: min_max.MinMax) -> Result:
    return {
        "s": found.reorder_point_units,
        "S": found.order_up_to_units,
        "cost_rate": found.cost_per_period,
    }
