"""A case that cannot be solved says which input is wrong and what to do, and stops no other."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.solve import solve_case
from serving.cli import cli

LOT = {"fixed_cost": 8, "holding_cost": 0.2, "demand_rate": 10}
TABLE = {"fixed_cost": 8, "holding_cost_rate": 0.3, "demand_rate": 1300}
RQ = {"holding_cost": 1, "stockout_cost": 9, "fixed_cost": 8, "demand_mean": 20, "lead_time": 1}
FLOW = {"start": [0], "end": [1], "capacity": [9], "unit_cost": [1], "supply": [5, -5]}
PERIODS = {"num_periods": 3, "holding_cost": 1, "fixed_cost": 9, "demand": [1, 2, 3]}
TREE = {"1": {"processing_time": 1, "local_holding_cost": 1},
        "2": {"processing_time": 1, "local_holding_cost": 1}}  # fmt: skip
WALKER = {"begining_inventory": 1000, "weeks": 16, "current_week": 2, "inventory_at_week": 825,
          "expected_at_season_end": 150}  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "inputs", "field", "says"),
    [
        ("eoq", LOT | {"fixed_cost": -8}, "fixed_cost", "above 0"),
        ("eoq", LOT | {"demand_rate": 0}, "demand_rate", "above 0"),
        ("eoq", LOT | {"fixed_cost": "8"}, "fixed_cost", "a number"),
        ("eoq", LOT | {"fixed_cost": True}, "fixed_cost", "a number"),
        ("eoq", LOT | {"fixed_cost": None}, "fixed_cost", "a number"),
        ("eoq", LOT | {"fixed_cost": float("nan")}, "fixed_cost", "finite"),
        ("eoq", {"fixed_cost": 8, "demand_rate": 10}, "holding_cost", "is missing"),
        ("eoq", LOT | {"colour": 1}, "colour", "drop it"),
        ("eoq", {}, "fixed_cost", "is missing"),
        ("eoq", LOT | {"method": "magic"}, "method", "drop it"),
        ("s_Q", RQ | {"method": "magic"}, "method", "choose from: exact, eoqb"),
        ("eoq_quantity_discount", TABLE | {"breakpoints": [0, 800, 400], "unit_costs": [3, 2, 1]},
         "breakpoints", "must rise"),
        ("eoq_quantity_discount", TABLE | {"breakpoints": [0, 400], "unit_costs": [3]},
         "unit_costs", "one cost for each"),
        ("eoq_backorders", LOT | {"stockout_cost": 5, "order_quantity": 9}, "stockout_fraction",
         "give both"),
        ("epq", LOT | {"production_rate": 9}, "production_rate", "never build up"),
        ("joint_replenishment",
         {"shared_fixed_cost": 1, "individual_fixed_costs": [1, 2], "holding_costs": [1],
          "demand_rates": [1, 2]}, "holding_costs", "one each"),
        ("dynamic_lot_sizing", PERIODS | {"fixed_cost": [1]}, "fixed_cost", "one each"),
        ("dynamic_lot_sizing", PERIODS | {"demand": [1, -2, 3]}, "demand.1", "0 or more"),
        ("dynamic_lot_sizing", {"holding_cost": 1, "fixed_cost": 9, "demand": 4}, "num_periods",
         "no list"),
        ("newsvendor_discrete",
         {"holding_cost": 1, "stockout_cost": 2, "demand_pmf": {"1": 0.4}}, "demand_pmf",
         "not to 1"),
        ("newsvendor_discrete", {"holding_cost": 1, "stockout_cost": 2, "demand_pmf": {"a": 1}},
         "demand_pmf", "write e.g."),
        ("newsvendor_profit",
         {"revenue": 1, "purchase_cost": 2, "demand_mean": 50, "demand_sd": 8}, "revenue",
         "never pays"),
        ("newsvendor_profit",
         {"p": 3, "c": 2, "g": 2, "b": 0, "mean": 50, "standerddeviation": 8}, "g",
         "any quantity pays"),
        ("loss_function", {"x": "abc", "mean": 3}, "x", "a number"),
        ("loss_function", {"x": 5, "low": 9, "high": 3}, "high", "raise it"),
        ("loss_function_intermittent", {"x": 3, "mean": 5, "sd": 1}, "sd", "normal"),
        ("s_Q", RQ | {"reorder_point": 6.5, "order_quantity": 7}, "reorder_point", "round it"),
        ("s_S", {"holding_cost": 1, "stockout_cost": 9, "fixed_cost": 8, "demand_mean": 6,
                 "s": 8, "S": 8}, "order_up_to_level", "raise it"),
        ("fill_rate_type2",
         {"demand_mean": 9, "demand_sd": 3, "lead_time": 2, "order_quantity": 20,
          "target_fill_rate": 1.2}, "target_fill_rate", "below 1"),
        ("multi_echelon_guaranteed_service", {"nodes": TREE, "arcs": []}, "arcs", "one tree"),
        ("multi_echelon_guaranteed_service",
         {"nodes": {"1": {"processing_time": 1.5, "local_holding_cost": 1}}, "arcs": []},
         "nodes.1.processing_time", "whole"),
        ("multi_echelon_stochastic_service",
         {"num_nodes": 2, "echelon_holding_cost": [1], "lead_time": [1, 1], "stockout_cost": 9,
          "demand_mean": 5, "demand_sd": 1}, "echelon_holding_cost", "one each"),
        ("transfers_lp", FLOW | {"supply": [5, -4]}, "supply", "sum to 1"),
        ("transfers_lp", FLOW | {"capacity": [3]}, "capacity", "cannot carry"),
        ("transfers_lp", FLOW | {"end": [7]}, "end", "node 7"),
        ("min_max_case_pack", {"need": 5, "multiple": 12, "max_qty": 6}, "max_qty", "raise it"),
        ("min_max_case_pack", {"need": 25, "moq": 30, "multiple": 12, "max_qty": 30}, "max_qty",
         "at least 30 and at most 30 in multiples of 12"),
        ("min_max_case_pack", {"need": 25, "moq": 30, "max_qty": 29}, "max_qty", "lower moq"),
        ("markdown_clearance", WALKER | {"inventory_at_week": 1200}, "inventory_at_week", "above"),
        ("markdown_clearance", WALKER | {"current_week": 20}, "current_week", "after"),
        ("intermittent", {"y": [0, 0]}, "y", "never sells"),
        ("intermittent", {"y": []}, "y", "1 or more"),
        ("demand_classification", {"y": [0, 0]}, "y", "never sells"),
        ("safety_stock_rop",
         {"avg_daily_sales": 9, "lead_time_days": 5, "max_daily_sales": 8,
          "max_lead_time_days": 7}, "max_daily_sales", "raise it"),
    ],
)  # fmt: skip
def test_the_error_names_case_and_field_and_says_what_to_do(topic, inputs, field, says):
    solved = solve_case({"name": "this one", "topic": topic, "inputs": inputs})
    assert solved.result is None
    assert solved.error.startswith(f"case 'this one': field '{field}': "), solved.error
    assert says in solved.error


def test_of_several_forms_the_nearest_is_explained():
    inputs = {"demand_mean": 9, "demand_sd": 3, "lead_time": 2, "target_fill_rate": 0.9}
    solved = solve_case({"name": "a", "topic": "fill_rate_type2", "inputs": inputs})
    assert "field 'order_quantity': is missing" in solved.error
    assert "target_fill_rate" in solved.error


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ({"name": "a", "topic": "astrology", "inputs": {}}, "choose from: demand_classification"),
        ({"name": "a", "inputs": {}}, "'None' is no topic"),
        ({"topic": "eoq"}, "case 'case 7': field 'inputs'"),
        (5, "case 'case 7': is no object"),
    ],
)
def test_what_is_no_case(case, says):
    assert says in solve_case(case, number=7).error


def test_numbers_beyond_all_bounds_are_an_error_of_the_case():
    inputs = {"holding_cost": 1, "stockout_cost": 2, "mu": 1000, "sigma": 30}
    solved = solve_case({"name": "a", "topic": "newsvendor_nonnormal", "inputs": inputs})
    assert "no finite answer" in solved.error


def test_what_is_expected_is_never_read(tmp_path):
    case = {"name": "a", "topic": "eoq", "inputs": LOT}
    told = solve_case(case | {"expected": {"order_quantity": 1}, "tolerance": 1e-6})
    assert told == solve_case(case)


def test_exit_codes(tmp_path):
    good = {"name": "good", "topic": "eoq", "inputs": LOT}
    bad = {"name": "bad", "topic": "eoq", "inputs": LOT | {"demand_rate": 0}}
    file = tmp_path / "cases.json"
    for cases, code in (([good], 0), ([good, bad], 1)):
        file.write_text(json.dumps({"cases": cases}))
        done = CliRunner().invoke(cli, ["solve", str(file), "--json"])
        assert done.exit_code == code
        results = json.loads(done.stdout)["results"]
        assert "order_quantity" in results[0]["result"]
