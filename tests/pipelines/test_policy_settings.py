"""Which rule sets which value, and how that is told."""

import json

import polars as pl
import pytest

from inventory.errors import InputRejected
from inventory.policy_rules import PolicyRule
from pipelines.policy_settings import settled
from pipelines.settings import Settings

TABLE = pl.DataFrame({
    "sku": ["TEA", "TEA", "SOAP", "DUST"], "location": ["S1", "S2", "S1", "S1"],
    "category": ["food", "food", "care", "care"], "vendor": ["ACME", "ACME", "BOLT", "BOLT"],
    "location_type": ["store", "hub", "store", "store"],
    "abc": ["A", "A", "C", ""], "xyz": ["X", "Z", "Z", ""],
    "unit_cost": [4.0, 4.0, 1.0, 2.0], "order_cost": [None, None, 7.0, None],
    "holding_cost": [None, None, 0.5, None],
    "full_pallets": ["f", "f", "t", "f"], "pallet_size": [None, None, 40.0, None],
    "calendar": [None, "mondays", None, "shut"], "order_days": [None, 7.0, None, None],
    "lead_time_orders": [None, 4, None, 7], "lead_time_of_vendor": ["t", "f", "t", "t"],
})  # fmt: skip


def settle(*rules):
    return settled(TABLE, rules, Settings()).rows_by_key(
        ["sku", "location"], named=True, unique=True
    )


def said(row):
    return json.loads(row["sources"])


def test_without_rules_the_catalogue_and_the_settings_speak():
    found = settle()
    soap, tea = found["SOAP", "S1"], found["TEA", "S1"]
    assert (tea["target_kind"], tea["level"], tea["order_cost"]) == ("cycle_service", 0.95, 5.0)
    assert tea["holding_cost"] == 1.0  # A quarter of its cost.
    assert (soap["order_cost"], soap["holding_cost"]) == (7.0, 0.5)
    assert said(tea)["target"] == "default VOUCH_SERVICE_LEVEL"
    assert said(soap)["order_cost"] == "catalogue of the SKU"
    assert tea["segment"] == "AX"


def test_an_override_beats_a_segment_rule_beats_a_general_one():
    found = settle(
        PolicyRule("all", cycle_service=0.9),
        PolicyRule("a-items", abc="A", fill_rate=0.97),
        PolicyRule("tea-at-s2", sku="TEA", location="S2", cycle_service=0.99),
    )
    assert (found["TEA", "S1"]["target_kind"], found["TEA", "S1"]["level"]) == ("fill_rate", 0.97)
    assert found["TEA", "S2"]["level"] == 0.99
    assert found["DUST", "S1"]["level"] == 0.9
    assert said(found["TEA", "S2"])["target"] == "override 'tea-at-s2' (sku TEA, location S2)"
    assert said(found["TEA", "S1"])["target"] == "segment rule 'a-items' (abc A)"
    assert said(found["DUST", "S1"])["target"] == "general rule 'all'"


def test_each_value_comes_from_the_strongest_rule_that_gives_it():
    found = settle(
        PolicyRule("costs", category="food", order_cost=20.0, cycle_service=0.9),
        PolicyRule("steady", abc="A", xyz="X", cycle_service=0.98),
    )
    tea = found["TEA", "S1"]
    assert (tea["order_cost"], tea["level"]) == (20.0, 0.98)
    assert said(tea)["order_cost"] == "segment rule 'costs' (category food)"


def test_of_two_alike_the_last_by_id_wins_and_the_order_given_does_not_matter():
    rules = [PolicyRule("b", abc="A", cycle_service=0.8), PolicyRule("a", abc="A", fill_rate=0.9)]
    assert settle(*rules)["TEA", "S1"] == settle(*rules[::-1])["TEA", "S1"]
    assert settle(*rules)["TEA", "S1"]["level"] == 0.8


def test_a_calendar_is_told_where_it_says_how_long_orders_last():
    found = settle()
    assert said(found["TEA", "S2"])["review_period"] == "order calendar 'mondays' of vendor ACME"
    assert "review_period" not in said(found["TEA", "S1"])
    assert "review_period" not in said(found["DUST", "S1"])


def test_the_source_of_the_lead_time_is_told():
    found = settle()
    assert said(found["TEA", "S1"])["lead_time"] == "stated by vendor ACME"
    assert said(found["TEA", "S2"])["lead_time"] == "4 orders received from vendor ACME at S2"
    assert said(found["DUST", "S1"])["lead_time"] == (
        "7 orders received from vendor BOLT on its other lanes"
    )


def test_costs_are_a_target():
    found = settle(PolicyRule("margin", vendor="BOLT", shortage_cost=9.0, overage_cost=1.0))
    assert (found["SOAP", "S1"]["target_kind"], found["SOAP", "S1"]["level"]) == ("cost_ratio", 0.9)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cycle_service": 95.0}, "cycle_service"),
        ({"cycle_service": 0.9, "fill_rate": 0.9}, "cycle_service"),
        ({"shortage_cost": 3.0}, "shortage_cost"),
        ({"shortage_cost": -3.0, "overage_cost": 1.0}, "shortage_cost"),
        ({"order_cost": -1.0}, "order_cost"),
        ({"abc": "D", "fill_rate": 0.9}, "abc"),
        ({"demand_law": "gauss"}, "demand_law"),
        ({"change_factor_max": 1.0}, "change_factor_max"),
        ({"sku": "TEA"}, "id"),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else given,
)
def test_a_rule_that_makes_no_sense_is_refused(given, field):
    with pytest.raises(InputRejected) as refused:
        PolicyRule("r", **given)
    assert refused.value.field == field
