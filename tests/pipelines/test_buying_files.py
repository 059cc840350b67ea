"""Files of targets, prices by quantity, budgets and hubs: sound rows go in, others are named."""

from datetime import UTC, date, datetime

import pytest

from inventory.buying import Budget, PriceTableOfSku, SupplyLane
from inventory.catalog import Location, Sku, Vendor
from inventory.policy_rules import PolicyRule
from inventory.store import catalog
from tests.pipelines.importing import importer

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def bring(db, tmp_path):
    catalog.put_many(db, [Location("L1", "x", "store"), Location("HUB", "x", "hub")])
    catalog.put(db, Vendor("ACME", lead_time_days=4))
    catalog.put_many(db, [Sku("A", "x"), Sku("B", "x")])
    return importer(db, tmp_path, now=NOW)


def problems(report):
    return [(row, field) for row, field, *_ in report.problems.iter_rows()]


def test_policy_rules(db, bring):
    report = bring(
        "policy-rules",
        "rule,sku,abc,xyz,cycle_service,fill_rate,max_order_quantity\n"
        "steady,,A,X,0.98,,\nown,A,,,,0.9,40\nboth,,A,,0.9,0.9,\nshare,,A,,95,,\nnone,B,,,,,\n"
        "typo,,D,,0.9,,\n",
    )
    assert {row for row, _ in problems(report)} == {3, 4, 5, 6}
    assert catalog.page(db, PolicyRule) == [
        PolicyRule("own", sku="A", fill_rate=0.9, max_order_quantity=40),
        PolicyRule("steady", abc="A", xyz="X", cycle_service=0.98),
    ]


def test_price_tables_are_made_of_rows(db, bring):
    report = bring(
        "price-tables",
        "sku,discount,from_units,to_units,unit_cost\n"
        "A,all_units,100,,4.5\nA,all_units,0,100,5\nB,incremental,0,,2\nA,,,,3\nC,,0,,1\n",
    )
    assert {row for row, _ in problems(report)} == {4, 5}
    assert catalog.get(db, PriceTableOfSku, "A").breaks == (
        {"from": 0, "to": 100, "unit_cost": 5.0}, {"from": 100, "to": None, "unit_cost": 4.5},
    )  # fmt: skip
    assert catalog.get(db, PriceTableOfSku, "B").discount == "incremental"


def test_budgets_and_supply_lanes(db, bring):
    report = bring(
        "budgets",
        "budget,amount,starts_on,ends_on,vendor\n"
        "june,1000,2026-06-01,2026-06-30,ACME\nodd,5,2026-06-30,2026-06-01,\n",
    )
    assert problems(report) == [(2, "ends_on")]
    june = Budget("june", 1000.0, date(2026, 6, 1), date(2026, 6, 30), vendor="ACME")
    assert catalog.page(db, Budget) == [june]
    bring("supply-lanes", "lane,hub,location,lead_time_days\nl,HUB,L1,2\n")
    assert catalog.page(db, SupplyLane) == [SupplyLane("l", "HUB", "L1", 2.0)]


def test_a_lead_time_that_nobody_stated_is_known_to_be_assumed(db, bring):
    bring("vendors", "vendor,lead_time_days\nBOLT,3\nCOLD,\n")
    bring("vendors", "vendor,name\nACME,Acme\nDUNE,Dune\n")
    assert catalog.assumed_lead_times(db) == {"COLD", "DUNE"}
    bring("vendors", "vendor,lead_time_days\nCOLD,9\n")
    assert catalog.assumed_lead_times(db) == {"DUNE"}
