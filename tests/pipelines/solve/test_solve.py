"""The calculator: which form is meant, and what comes of a file."""

import json
import math

import pytest

from inventory.errors import InputRejected
from pipelines.solve import solve_case, solve_file
from pipelines.solve.topics import TOPICS

ICE = {
    "holding_cost": 0.225, "stockout_cost": 7.5, "fixed_cost": 8, "demand_mean": 1300,
    "demand_sd": 150, "lead_time": 1 / 12,
}  # fmt: skip
SERIES = [0, 2, 0, 1, 0, 11, 0, 0, 0, 0, 2, 0, 6, 3, 0, 0, 0, 0, 0, 7]


def solve(topic, inputs, **told):
    solved = solve_case({"name": "one", "topic": topic, "inputs": inputs, **told})
    assert solved.error is None, solved.error
    return solved.result


@pytest.mark.parametrize(
    ("told", "reorder_point"),
    [
        ({"name": "rq_eoqb_ex_5_4"}, 128.63781442427097),
        ({"name": "rq_loss_fn_ex_5_6"}, 126.8670634479628),
        ({"notes": "by the EOQB approximation"}, 128.63781442427097),
        ({"name": "eoqb", "notes": "the loss function method costs less"}, 128.63781442427097),
    ],
)
def test_where_inputs_fit_several_methods_the_words_of_the_case_choose(told, reorder_point):
    assert solve("s_Q", ICE, **told)["reorder_point"] == pytest.approx(reorder_point, abs=1e-4)


def test_a_method_among_the_inputs_is_believed_before_a_name():
    found = solve("s_Q", ICE | {"method": "eoqb"}, name="rq_loss_fn")
    assert found["reorder_point"] == pytest.approx(128.63781442427097, abs=1e-4)


def test_without_a_word_the_exact_method_is_taken():
    exact = solve("s_Q", ICE)
    for method in ("eoqb", "eoqss", "loss function"):
        assert exact["cost_rate"] <= solve("s_Q", ICE | {"method": method})["cost_rate"] + 1e-9


@pytest.mark.parametrize(
    ("method", "forecast"), [("croston", 1.0), ("sba", 0.95), ("croston_sba", 0.95)]
)
def test_the_longest_name_that_is_mentioned_is_meant(method, forecast):
    got = solve("intermittent", {"y": [0, 2, 0, 2]}, name=f"{method}_of_one_item")
    assert got["forecast"] == pytest.approx(forecast)


@pytest.mark.parametrize("topic", ["loss_function", "loss_function_intermittent"])
def test_what_a_mean_and_a_deviation_are_of_depends_on_the_topic(topic):
    at = {"x": 10, "mean": 15, "sd": 37.5**0.5}
    normal = solve("loss_function", at | {"distribution": "normal"})
    counted = solve("loss_function", at | {"distribution": "negative binomial"})
    assert counted["loss"] == pytest.approx(5.533809274627817)  # stockpyl's tests.
    assert solve(topic, at) == (counted if topic.endswith("intermittent") else normal)


def test_lists_give_lists():
    found = solve("loss_function", {"x": [0, 1, 2], "mean": 1.25})
    assert found["loss"] == pytest.approx([1.25, 0.5365, 0.18114], abs=1.6e-5)
    many = {"holding_cost": 1, "stockout_cost": 9, "fixed_cost": 64, "demand_mean": [10, 25]}
    assert solve("s_S", many)["S"] == [40, 56]


def test_other_names_of_an_input_are_understood():
    usual = {"setup_cost": 8, "holding_cost": 0.225, "demand_rate": 1300}
    assert solve("eoq", usual)["order_quantity"] == pytest.approx(304.0467800264368)
    ends = {"x": 18.0, "lo": 12, "hi": 20}
    assert solve("loss_function", ends)["loss"] == pytest.approx(0.25)  # 2² / (2 · 8)
    usual = {"demand_standard_deviation": 3.0, "demand_mean": 15, "x": 15}
    assert solve("loss_function", usual)["loss"] == pytest.approx(3 / math.sqrt(2 * math.pi))


@pytest.mark.parametrize(
    ("topic", "inputs", "given"),
    [
        ("eoq", {"fixed_cost": 8, "holding_cost": 0.2, "demand_rate": 1300}, "order_quantity"),
        ("newsvendor", {"holding_cost": 1, "stockout_cost": 4, "demand_mean": 50, "demand_sd": 9},
         "base_stock_level"),
        ("newsvendor_discrete", {"holding_cost": 1, "stockout_cost": 4, "demand_mean": 6},
         "base_stock_level"),
        ("newsvendor_nonnormal", {"holding_cost": 1, "stockout_cost": 4, "shape": 2, "scale": 9},
         "base_stock_level"),
        ("newsvendor_profit",
         {"revenue": 5, "purchase_cost": 2, "demand_mean": 50, "demand_sd": 9},
         "base_stock_level"),
        ("epq", {"fixed_cost": 8, "holding_cost": 0.2, "demand_rate": 13, "production_rate": 20},
         "order_quantity"),
        ("supply_uncertainty",
         {"fixed_cost": 8, "holding_cost": 0.2, "stockout_cost": 5, "demand_rate": 13,
          "disruption_rate": 1, "recovery_rate": 9}, "order_quantity"),
    ],
)  # fmt: skip
def test_a_decision_may_be_given_and_costs_no_less(topic, inputs, given):
    best = solve(topic, inputs)
    figure = next(key for key in ("cost_rate", "cost", "profit") if key in best)
    again = solve(topic, inputs | {given: best[given]})
    assert again[figure] == pytest.approx(best[figure], rel=1e-9)
    other = solve(topic, inputs | {given: math.ceil(best[given]) + 5})
    assert (other[figure] < best[figure]) == (figure == "profit")


def test_periods_of_lead_time_and_review_add_up():
    at = {"holding_cost": 0.18, "stockout_cost": 0.7, "demand_mean": 50, "demand_sd": 8}
    found = solve("periodic_review_R_S", at | {"lead_time": 4, "review_period": 1})
    assert found["base_stock_level"] == pytest.approx(264.76689437415484)  # Snyder & Shen 4.4.
    service = {"demand_mean": 50, "demand_sd": 8, "lead_time": 4, "service_level": 0.7 / 0.88}
    assert solve("periodic_review_R_S", service)["base_stock_level"] == pytest.approx(
        264.76689437415484
    )


def test_min_max_orders_only_below_the_minimum():
    """Odoo's rule; its printed example is the first."""
    odoo = {"min_qty": 10, "max_qty": 40, "multiple": 6}
    got = [solve("min_max_case_pack", odoo | {"forecast": f})["qty_to_order"] for f in (8, 10, -2)]
    assert got == [36, 0, 42]
    assert solve("min_max_case_pack", {"need": 25.5})["qty_to_order"] == 25.5
    assert solve("min_max_case_pack", {"need": 3, "moq": 20, "multiple": 12})["qty_to_order"] == 24


def test_classes_of_demand():
    """Syntetos, Boylan & Croston (2005): the four corners around 1.32 and 0.49."""
    histories = {
        "smooth": [3, 4, 3, 4],
        "erratic": [1, 9, 1, 1, 12, 1],
        "intermittent": [0, 3, 0, 4, 0, 3],
        "lumpy": [0, 1, 0, 12, 0, 1],
    }
    for word, y in histories.items():
        assert solve("demand_classification", {"y": y})["class"] == word


def test_forecasts_of_intermittent_demand():
    croston = solve("intermittent", {"y": SERIES, "alpha": 0.1})
    assert croston["demand_sizes"] == [2, 1, 11, 2, 6, 3, 7]
    assert croston["intervals"] == [2, 2, 2, 5, 2, 1, 6]
    for name in ("tsb", "adida", "imapa", "croston_optimized"):
        assert 0 < solve("intermittent", {"y": SERIES}, name=name)["forecast"] < 3


def test_nodes_may_be_listed_in_any_order():
    """stockpyl's README: node 1 is next to the customer."""
    by_node = {
        "echelon_holding_cost": {"1": 4, "2": 3, "3": 1}, "lead_time": {"1": 1, "2": 1, "3": 2},
        "stockout_cost": 40, "demand_mean": 10, "demand_sd": 2,
    }  # fmt: skip
    listed = by_node | {
        "echelon_holding_cost": [4, 3, 1], "lead_time": [1, 1, 2],
        "node_order_in_system": [3, 2, 1], "node_order_in_lists": [1, 2, 3],
    }  # fmt: skip
    upstream_first = by_node | {"echelon_holding_cost": [1, 3, 4], "lead_time": [2, 1, 1]}
    found = solve("multi_echelon_stochastic_service", by_node)
    assert found["cost"] == pytest.approx(86.02, abs=0.01)
    assert solve("multi_echelon_stochastic_service", listed) == found
    assert solve("multi_echelon_stochastic_service", upstream_first) == found
    assert solve("multi_echelon_stochastic_service", by_node | {"method": "heuristic"})[
        "cost"
    ] == pytest.approx(found["cost"], rel=0.01)


def test_transport_by_a_table_of_costs():
    found = solve(
        "transfers_lp", {"supply": [5, 5], "demand": [4, 3], "unit_cost": [[1, 2], [3, 1]]}
    )
    assert found == {"min_cost": 7, "flows": [[4, 0], [0, 3]]}


def test_words_tell_the_forms_of_a_topic_apart():
    """Two forms of the same inputs would hide one another unless a word tells them apart."""
    for topic, forms in TOPICS.items():
        first = {}
        for form in forms:
            same = frozenset(form.parameters), frozenset(form.required)
            assert form.words != first.get(same, ("",)), (topic, form)
            first.setdefault(same, form.words)


def test_a_file_is_solved_in_its_order(tmp_path):
    file = tmp_path / "cases.json"
    good = {"topic": "safety_stock_rop",
            "inputs": {"avg_daily_sales": 50, "lead_time_days": 10, "safety_days": 2}}  # fmt: skip
    bad = {"name": "bad", "topic": "safety_stock_rop", "inputs": {}}
    file.write_text(json.dumps({"cases": [{"name": "a", **good}, bad, {"name": "b", **good}]}))
    report = solve_file(file)
    assert [case.name for case in report.cases] == ["a", "bad", "b"]
    assert report.failed == 1
    results = report.as_dict()["results"]
    assert results[0] == {"name": "a", "result": {"reorder_point": 600, "safety_stock": 100}}
    assert set(results[1]) == {"name", "error"}
    assert "reorder_point" in "\n".join(report.lines())
    assert report.lines()[-1] == "2 of 3 cases solved"


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not JSON"), ("[]", "no list of cases"), ('{"cases": 3}', "no list of cases")],
)
def test_what_is_no_file_of_cases_is_refused(tmp_path, text, says):
    file = tmp_path / "cases.json"
    file.write_text(text)
    with pytest.raises(InputRejected, match=says):
        solve_file(file)
    with pytest.raises(InputRejected, match="check the path"):
        solve_file(tmp_path / "missing.json")
