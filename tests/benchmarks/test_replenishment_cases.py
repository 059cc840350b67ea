"""Cases that nobody on this project wrote: textbooks and other libraries, by topic.

Each topic that exists here has a solver: inputs in, the expected keys out. Of a case, the keys that
its solver knows are compared; a count of the cases solved keeps that from becoming none.
"""

import json

import numpy as np
import pytest
from scipy.stats import norm

from inventory.policy import fill_rate as filled
from inventory.policy import lot_size, newsvendor, safety_stock
from inventory.policy.reorder_point import reorder_point_units

pytestmark = pytest.mark.data


def eoq(given):
    lot = lot_size.economic_order_quantity_units(
        demand_rate_units=given["demand_rate"],
        order_cost=given["fixed_cost"],
        holding_cost=given["holding_cost"],
    )
    cost = lot_size.cost_per_time(
        lot_units=lot,
        demand_rate_units=given["demand_rate"],
        order_cost=given["fixed_cost"],
        holding_cost=given["holding_cost"],
    )
    return {"order_quantity": lot, "cost_rate": cost}


def newsvendor_normal(given):
    ratio = newsvendor.critical_ratio(
        shortage_cost=given["stockout_cost"], holding_cost=given["holding_cost"]
    )
    periods = given.get("lead_time", 0) + given.get("review_period", 1)
    mean, sd = given["demand_mean"] * periods, given.get("demand_sd", 0) * np.sqrt(periods)
    if not sd:
        return {"base_stock_level": newsvendor.poisson_target_units(ratio=ratio, mean_units=mean)}
    target = float(newsvendor.normal_target_units(ratio=ratio, mean_units=mean, sd_units=sd))
    cost = newsvendor.normal_cost(
        holding_cost=given["holding_cost"], shortage_cost=given["stockout_cost"],
        mean_units=mean, sd_units=sd, target_units=target,
    )  # fmt: skip
    return {"base_stock_level": target, "cost": cost}


def newsvendor_discrete(given):
    if "demand_pmf" not in given:
        return newsvendor_normal(given)
    chances = np.zeros(1 + max(map(int, given["demand_pmf"])))
    for units, chance in given["demand_pmf"].items():
        chances[int(units)] = chance
    ratio = newsvendor.critical_ratio(
        shortage_cost=given["stockout_cost"], holding_cost=given["holding_cost"]
    )
    return {"base_stock_level": newsvendor.discrete_target_units(chances, ratio=float(ratio))}


def unit_normal_loss(given):
    if "z" not in given:
        return {}
    loss = newsvendor.unit_normal_loss(given["z"])
    return {"loss": loss, "complementary_loss": given["z"] + loss}


def safety_stock_and_lead_time(given):
    if "demand_mean" not in given:
        return {}
    usual = {
        "demand_mean_units": given["demand_mean"], "demand_sd_units": given["demand_sd"],
        "lead_time_days": given["lead_time_mean"], "lead_time_sd_days": given["lead_time_sd"],
    }  # fmt: skip
    stock = safety_stock.safety_stock_variable_lead_time_units(
        service_level=given["cycle_service_level"], **usual
    )
    return {
        "sigma_dl": safety_stock.demand_over_lead_time_sd_units(**usual),
        "safety_stock": stock,
        "reorder_point": reorder_point_units(
            demand_per_day_units=given["demand_mean"],
            lead_time_days=given["lead_time_mean"],
            safety_stock_units=stock,
        ),
    }


def fill_rate(given):
    if "demand_sd" not in given:
        return {}
    sigma = given["demand_sd"] * np.sqrt(given["lead_time"])
    lot = given["order_quantity"]
    if "target_fill_rate" in given:
        stock = filled.safety_stock_for_fill_rate_units(
            target_fill_rate=given["target_fill_rate"], lead_time_demand_sd_units=sigma,
            lot_units=lot,
        )  # fmt: skip
    else:
        stock = given["reorder_point"] - given["demand_mean"] * given["lead_time"]
    at = {"safety_stock_units": stock, "lead_time_demand_sd_units": sigma}
    return {
        "safety_stock": stock,
        "cycle_service_level": norm.cdf(stock / sigma),
        "expected_shortage_per_cycle": filled.expected_shortage_units(**at),
        "fill_rate": filled.fill_rate(**at, lot_units=lot),
    }


def min_max(given):
    """Odoo rounds up past the maximum, so the maximum is the target and no cap."""
    need = given.get("need", given.get("max_qty", 0) - given.get("forecast", 0))
    order = lot_size.round_order(
        need, min_order_units=given.get("moq", 0), pack_units=given["multiple"]
    )
    return {"qty_to_order": order.ordered_units[0]}


def reorder_point(given):
    return {
        "reorder_point": reorder_point_units(
            demand_per_day_units=given["avg_daily_sales"],
            lead_time_days=given["lead_time_days"],
            safety_stock_units=given["safety_stock"],
        )
    }


SOLVERS = {
    "eoq": eoq,
    "newsvendor": newsvendor_normal,
    "newsvendor_discrete": newsvendor_discrete,
    "periodic_review_R_S": newsvendor_normal,
    "loss_function": unit_normal_loss,
    "safety_stock_demand_and_lead_time": safety_stock_and_lead_time,
    "fill_rate_type2": fill_rate,
    "min_max_case_pack": min_max,
    "safety_stock_rop": reorder_point,
}

CASES_SOLVED_MIN = 16
"""Fewer means that a solver quietly stopped to understand its cases."""


def test_every_case_of_a_topic_that_exists_here(shared_data):
    cases = json.loads((shared_data / "cases" / "replenishment_cases.json").read_text())["cases"]
    wrong, solved = [], 0
    for case in cases:
        got = SOLVERS[case["topic"]](case["inputs"]) if case["topic"] in SOLVERS else {}
        keys = set(got) & set(case["expected"])
        solved += bool(keys)
        for key in keys:
            near = pytest.approx(case["expected"][key], rel=max(case["tolerance"], 1e-12))
            if float(got[key]) != near:
                wrong.append(f"{case['name']}: {key} is {got[key]}, not {case['expected'][key]}")
    assert wrong == []
    assert solved >= CASES_SOLVED_MIN
