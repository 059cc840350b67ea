"""Topics on the share of demand met from stock, and the stock that a share needs."""

import math

from inventory.policy import fill_rate, safety_stock, service_measures
from inventory.policy.lot_size import WEEKS_PER_YEAR
from pipelines.solve.forms import Chance, NonNegative, Number, Positive, Result


def fill_rate_of_point(
    *,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: Positive,
    order_quantity: Positive,
    reorder_point: Number,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """Share of demand met from stock with a given reorder point."""
    spread = _spread(demand_mean, demand_sd, lead_time, lead_time_sd)
    stock = reorder_point - demand_mean * lead_time
    return _service(stock, spread, order_quantity, demand_mean * lead_time)


def fill_rate_of_stock(
    *,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: Positive,
    order_quantity: Positive,
    safety_stock: Number,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """The same with a given safety stock."""
    spread = _spread(demand_mean, demand_sd, lead_time, lead_time_sd)
    return _service(safety_stock, spread, order_quantity, demand_mean * lead_time)


def fill_rate_of_cycle_service(
    *,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: Positive,
    order_quantity: Positive,
    cycle_service_level: Chance,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """The same with the safety stock of a cycle service level."""
    spread = _spread(demand_mean, demand_sd, lead_time, lead_time_sd)
    stock = service_measures.z_for_cycle_service(cycle_service_level) * spread
    return _service(stock, spread, order_quantity, demand_mean * lead_time)


def stock_for_fill_rate(
    *,
    demand_mean: Positive,
    demand_sd: Positive,
    lead_time: Positive,
    order_quantity: Positive,
    target_fill_rate: Chance,
    lead_time_sd: NonNegative = 0.0,
) -> Result:
    """Safety stock that reaches a fill rate."""
    spread = _spread(demand_mean, demand_sd, lead_time, lead_time_sd)
    stock = fill_rate.safety_stock_for_fill_rate_units(
        target_fill_rate=target_fill_rate,
        lead_time_demand_sd_units=spread,
        lot_units=order_quantity,
    )
    return _service(stock, spread, order_quantity, demand_mean * lead_time)


def _spread(mean: float, sd: float, lead_time: float, lead_time_sd: float) -> float:
    return float(
        safety_stock.demand_over_lead_time_sd_units(
            demand_mean_units=mean,
            demand_sd_units=sd,
            lead_time_days=lead_time,
            lead_time_sd_days=lead_time_sd,
        )
    )


def _service(stock: float, spread: float, lot: float, mean: float) -> Result:
    at = {"safety_stock_units": stock, "lead_time_demand_sd_units": spread}
    return {
        "safety_stock": stock,
        "reorder_point": mean + stock,
        "cycle_service_level": service_measures.STANDARD.chance_of_at_most(stock / spread),
        "expected_shortage_per_cycle": fill_rate.expected_shortage_units(**at),
        "fill_rate": fill_rate.fill_rate(**at, lot_units=lot),
    }


def measures_of_cycle_service(
    *,
    csl: Chance,
    demand: Positive,
    standerddeviation: Positive,
    quantity: Positive,
    leadtime: Positive,
    cost: Positive,
    holdingrate: Positive,
) -> Result:
    """All measures of service of a yearly plan, from cycle service; lead time in weeks."""
    service = _yearly(demand, standerddeviation, quantity, leadtime, holdingrate * cost)
    return _measures(service, service_measures.z_for_cycle_service(csl))


def measures_of_weekly_cycle_service(
    *,
    rate: Chance,
    quantity: Positive,
    demand: Positive,
    standerddeviation: Positive,
    leadtimeinweeks: Positive,
) -> Result:
    """The same without costs."""
    service = _yearly(demand, standerddeviation, quantity, leadtimeinweeks, 1.0)
    found = _measures(service, service_measures.z_for_cycle_service(rate))
    return {key: found[key] for key in ("k", "gk", "eus", "safteystock", "fillrate")} | {
        "Dl": found["DL"],
        "sigmadL": found["sigmadl"],
        "min": found["reorder_point"],
        "cycleservicelevel": rate,
    }


def measures_of_fill_rate(
    *,
    fillrate: Chance,
    demand: Positive,
    standerddeviation: Positive,
    quantity: Positive,
    leadtime: Positive,
    cost: Positive,
    holdingrate: Positive,
) -> Result:
    """The same from the fill rate."""
    service = _yearly(demand, standerddeviation, quantity, leadtime, holdingrate * cost)
    return _measures(service, service_measures.z_for_fill_rate(service, fillrate))


def measures_of_cost_per_unit_short(
    *,
    CIS: Positive,  # noqa: N803 - as planners' spreadsheets call it.
    demand: Positive,
    standerddeviation: Positive,
    quantity: Positive,
    leadtime: Positive,
    cost: Positive,
    holdingrate: Positive,
) -> Result:
    """The same from what a unit short costs."""
    service = _yearly(demand, standerddeviation, quantity, leadtime, holdingrate * cost)
    return _measures(service, service_measures.z_for_cost_per_unit_short(service, CIS))


def measures_of_cost_per_stockout(
    *,
    costSoe: Positive,  # noqa: N803 - as planners' spreadsheets call it.
    demand: Positive,
    standerddeviation: Positive,
    quantity: Positive,
    leadtimeinweeks: Positive,
    cost: Positive,
    holdingrate: Positive,
) -> Result:
    """The same from what a stockout costs."""
    service = _yearly(demand, standerddeviation, quantity, leadtimeinweeks, holdingrate * cost)
    found = _measures(service, service_measures.z_for_cost_per_stockout(service, costSoe))
    return found | {
        "demandleadtime": found["DL"],
        "condition": costSoe / service.cost_per_stockout(0.0),
        "min": found["reorder_point"],
    }


def _yearly(
    demand: float, sd: float, quantity: float, weeks: float, holding: float
) -> service_measures.LotService:
    years = weeks / WEEKS_PER_YEAR
    return service_measures.LotService(
        lead_time_mean_units=demand * years,
        lead_time_sd_units=sd * math.sqrt(years),
        lot_units=quantity,
        demand_rate_units=demand,
        holding_cost=holding,
    )


def _measures(service: service_measures.LotService, z: float) -> Result:
    mean, spread = service.lead_time_mean_units, service.lead_time_sd_units
    short = service.shortage_units(z)
    return {
        "DL": mean,
        "sigmadl": spread,
        "k": z,
        "gk": short / spread,
        "eus": short,
        "csl": service_measures.STANDARD.chance_of_at_most(z),
        "fillrate": service.fill_rate(z),
        "CIS": service.cost_per_unit_short(z),
        "CSOE": service.cost_per_stockout(z),
        "safteystock": z * spread,
        "reorder_point": mean + z * spread,
    }
