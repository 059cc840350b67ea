"""Topics on safety stock, and the reorder point that it makes."""

import math

from inventory.errors import InputRejected
from inventory.policy import safety_stock, service_measures
from inventory.policy.lot_size import DAYS_PER_YEAR, WEEKS_PER_YEAR
from inventory.policy.reorder_point import reorder_point_units
from pipelines.solve.forms import Chance, NonNegative, Positive, Result


def safety_stock_both_vary(
    *,
    demand_mean: NonNegative,
    demand_sd: NonNegative,
    lead_time_mean: Positive,
    cycle_service_level: Chance,
    lead_time_sd: NonNegative = 0.0,
    review_period: NonNegative = 0.0,
) -> Result:
    """Safety stock and reorder point when demand and lead time vary."""
    usual = {
        "demand_mean_units": demand_mean,
        "demand_sd_units": demand_sd,
        "lead_time_days": lead_time_mean + review_period,
        "lead_time_sd_days": lead_time_sd,
    }
    stock = float(
        safety_stock.safety_stock_variable_lead_time_units(
            service_level=cycle_service_level, **usual
        )
    )
    return {
        "sigma_dl": float(safety_stock.demand_over_lead_time_sd_units(**usual)),
        "safety_stock": stock,
        "reorder_point": demand_mean * (lead_time_mean + review_period) + stock,
    }


def safety_stock_daily(
    *,
    dailydemand: NonNegative,
    dailystandarddeviation: NonNegative,
    leadtimein_days: Positive,
    csl: Chance,
    sd_leadtime_days: NonNegative = 0.0,
) -> Result:
    """The same in days."""
    found = safety_stock_both_vary(
        demand_mean=dailydemand,
        demand_sd=dailystandarddeviation,
        lead_time_mean=leadtimein_days,
        lead_time_sd=sd_leadtime_days,
        cycle_service_level=csl,
    )
    return {
        "demandleadtime": dailydemand * leadtimein_days,
        "sigmadl": found["sigma_dl"],
        "safteyfactor": service_measures.z_for_cycle_service(csl),
        "safteystock": found["safety_stock"],
        "reorder_point": found["reorder_point"],
    }


def safety_stock_weeks(
    *,
    annualdemand: NonNegative,
    annualstandarddeviation: NonNegative,
    leadtimeinweeks: Positive,
    csl: Chance,
) -> Result:
    """The same of a yearly plan; lead time in weeks."""
    found = safety_stock_both_vary(
        demand_mean=annualdemand / WEEKS_PER_YEAR,
        demand_sd=annualstandarddeviation / math.sqrt(WEEKS_PER_YEAR),
        lead_time_mean=leadtimeinweeks,
        cycle_service_level=csl,
    )
    return {
        "demandleadtime": annualdemand * leadtimeinweeks / WEEKS_PER_YEAR,
        "sigmadl": found["sigma_dl"],
        "safteyfactor": service_measures.z_for_cycle_service(csl),
        "safteystock": found["safety_stock"],
        "cyclestock+safteystock": found["reorder_point"],
    }


def lead_time_spread(
    *,
    expected_demand: NonNegative,
    sd_demand: NonNegative,
    expected_leadtime: Positive,
    sd_leadtime: NonNegative,
) -> Result:
    """Mean and deviation of demand over a lead time that varies."""
    spread = safety_stock.demand_over_lead_time_sd_units(
        demand_mean_units=expected_demand,
        demand_sd_units=sd_demand,
        lead_time_days=expected_leadtime,
        lead_time_sd_days=sd_leadtime,
    )
    return {"DL": expected_demand * expected_leadtime, "sigmadl": float(spread)}


def logistics_cost(
    *,
    quantity: Positive,
    expected_annual_demand: Positive,
    sd_annual_demand: NonNegative,
    expected_leadtimeindays: Positive,
    sd_leadtime: NonNegative,
    costperunit: Positive,
    transportcost: NonNegative,
    holdingrate: Positive,
    ordering_cost: NonNegative,
    csl: Chance,
) -> Result:
    """What supplying an item costs in a year: buying, moving, ordering, holding, safety stock."""
    daily = expected_annual_demand / DAYS_PER_YEAR
    found = safety_stock_both_vary(
        demand_mean=daily,
        demand_sd=sd_annual_demand / math.sqrt(DAYS_PER_YEAR),
        lead_time_mean=expected_leadtimeindays,
        lead_time_sd=sd_leadtime,
        cycle_service_level=csl,
    )
    landed = costperunit + transportcost
    held = holdingrate * landed
    parts = {
        "purchase_cost": expected_annual_demand * costperunit,
        "transport_cost": expected_annual_demand * transportcost,
        "ordering_cost": expected_annual_demand / quantity * ordering_cost,
        "cyclestock_cost": held * quantity / 2,
        "saftey_stock_cost": held * found["safety_stock"],
    }
    total = sum(parts.values())
    return parts | {
        "quantity": quantity,
        "leadtime": expected_leadtimeindays,
        "landed_cost": expected_annual_demand * landed,
        "dl": daily * expected_leadtimeindays,
        "sigmadl": found["sigma_dl"],
        "saftey_stock": found["safety_stock"],
        "total_cost": total,
        "costperunit": total / expected_annual_demand,
    }


def reorder_point_given(
    *, avg_daily_sales: NonNegative, lead_time_days: NonNegative, safety_stock: NonNegative
) -> Result:
    """Reorder point from a safety stock that is set."""
    return _reorder_point(avg_daily_sales, lead_time_days, safety_stock)


def reorder_point_days(
    *, avg_daily_sales: NonNegative, lead_time_days: NonNegative, safety_days: NonNegative
) -> Result:
    """The same from days of cover."""
    return _reorder_point(avg_daily_sales, lead_time_days, avg_daily_sales * safety_days)


def reorder_point_extremes(
    *,
    avg_daily_sales: NonNegative,
    lead_time_days: NonNegative,
    max_daily_sales: NonNegative,
    max_lead_time_days: NonNegative,
) -> Result:
    """The same from the worst day and the longest lead time: max · max − mean · mean."""
    if max_daily_sales < avg_daily_sales:
        raise InputRejected("is below the average; raise it", field="max_daily_sales")
    if max_lead_time_days < lead_time_days:
        raise InputRejected("is below the average; raise it", field="max_lead_time_days")
    stock = max_daily_sales * max_lead_time_days - avg_daily_sales * lead_time_days
    return _reorder_point(avg_daily_sales, lead_time_days, stock)


def reorder_point_daily_service(
    *,
    avg_daily_sales: NonNegative,
    lead_time_days: Positive,
    demand_sd: NonNegative,
    cycle_service_level: Chance,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """The same from a cycle service level."""
    found = safety_stock_both_vary(
        demand_mean=avg_daily_sales,
        demand_sd=demand_sd,
        lead_time_mean=lead_time_days,
        lead_time_sd=lead_time_sd,
        cycle_service_level=cycle_service_level,
    )
    return _reorder_point(avg_daily_sales, lead_time_days, found["safety_stock"])


def _reorder_point(daily: float, days: float, stock: float) -> Result:
    point = reorder_point_units(
        demand_per_day_units=daily, lead_time_days=days, safety_stock_units=stock
    )
    return {"reorder_point": float(point), "safety_stock": stock}
