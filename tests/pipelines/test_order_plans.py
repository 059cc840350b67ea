"""From terms of buying to proposed lines whose terms sum: joint orders, trucks, budgets, ages."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.store import purchase_orders
from inventory.store.buying import read_batches, read_budgets
from inventory.store.forecasts import store_run
from inventory.store.planning_exceptions import list_exceptions
from inventory.store.policies import read_policy
from inventory.store.shared_terms import ordered_together
from pipelines.replenish import replenish
from pipelines.settings import Settings

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
LEVEL = np.array(LEVELS)
MEANS = {"MILK": 6.0, "SOAP": 10.0, "TEA": 5.0}


@pytest.fixture
def shop(db):
    """Three items of one vendor in one store, nothing on hand."""
    db.execute("insert into locations (location, name, type) values ('S1', 'One', 'store')")
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, email) "
        "values ('ACME', 'Acme', 5, 'acme@example.com')"
    )
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price, pack_size) values "
        "('TEA', 'Tea', 'ACME', 4, 9, 12), ('SOAP', 'Soap', 'ACME', 2, 3, 1), "
        "('MILK', 'Milk', 'ACME', 1, 2, 6)"
    )
    mean = np.array(list(MEANS.values()))
    quantiles = mean[:, None] * np.maximum(1 + 0.3 * norm.ppf(LEVEL), 0)
    store_run(db, DemandForecast(
        skus=tuple(MEANS), locations=("S1",) * 3, first_day=date(2026, 3, 2), levels=LEVEL,
        quantiles_units=np.repeat(quantiles[:, None], 28, axis=1),
        mean_units=np.repeat(mean[:, None], 28, axis=1), dependence=np.full((3, 2), 0.1),
        run_id="run-1", model_version="test",
    ), now=NOW)  # fmt: skip
    return db


def stock(db, sku, units):
    db.execute(
        "insert into balances (sku, location, status, units, updated_at) "
        "values (%s, 'S1', 'available', %s, %s)", [sku, units, NOW],
    )  # fmt: skip


def plan(db):
    """Plan; returns what is proposed then."""
    replenish(db, Settings(seed=7), now=NOW)
    return lines(db)


def lines(db):
    """Proposed lines by SKU, after checking that each explains itself to the unit."""
    found = {}
    for order in purchase_orders.list_orders(db, state="proposed")["orders"]:
        for line in order["lines"]:
            terms = line["explanation"]["terms"]
            assert sum(term["quantity"] for term in terms) == line["quantity"], terms
            assert line["explanation"]["marginal_value"] >= 0
            found[line["sku"]] = line
    return found


def term(line, name):
    return next((t for t in line["explanation"]["terms"] if t["term"] == name), None)


def kinds(db):
    return {e["kind"] for e in list_exceptions(db)}


def test_an_order_is_filled_up_to_the_vendors_minimum(shop):
    """TEA is due; SOAP, which lasts ten days, and not MILK, which lasts fifty, fill the order."""
    stock(shop, "SOAP", 200)
    stock(shop, "MILK", 300)
    alone = plan(shop)
    assert set(alone) == {"TEA"}
    worth = alone["TEA"]["quantity"] * 4
    shop.execute("update vendors set min_order_value = %s", [worth + 40])
    filled = plan(shop)
    added = {sku: term(line, "supplier minimum") for sku, line in filled.items()}
    assert sum(line["quantity"] * line["unit_cost"] for line in filled.values()) >= worth + 40
    assert "MILK" not in filled
    assert any(added.values())
    assert kinds(shop) == set()


def test_a_minimum_that_good_sense_cannot_reach_is_told(shop):
    shop.execute("update vendors set min_order_value = 1e6")
    plan(shop)
    assert kinds(shop) == {"below_vendor_minimum"}


def test_trucks_are_filled(shop):
    stock(shop, "MILK", 300)
    before = sum(line["quantity"] for line in plan(shop).values())
    shop.execute("update vendors set truck_units = 500")
    lines = plan(shop)
    total = sum(line["quantity"] for line in lines.values())
    assert total % 500 == 0
    assert total >= before
    assert any(term(line, "full trucks") for line in lines.values())


def test_full_pallets(shop):
    shop.execute("update vendors set full_pallets = true")
    shop.execute("update skus set pallet_size = 40 where sku = 'SOAP'")
    line = plan(shop)["SOAP"]
    assert line["quantity"] % 40 == 0
    assert "pallets" in term(line, "whole packs")["source"]


def test_items_that_share_an_order_are_ordered_together(shop):
    """SOAP lasts a little beyond its reorder point: alone it waits, together it joins."""
    plan(shop)
    point = read_policy(shop, "SOAP", "S1")["reorder_point"]
    stock(shop, "SOAP", int(point) + 15)
    assert "SOAP" not in plan(shop)
    shop.execute("update vendors set order_cost = 60")
    joined = plan(shop)
    assert set(joined) == {"TEA", "SOAP", "MILK"}
    assert "ordered together" in term(joined["SOAP"], "economic lot")["source"]
    policy = read_policy(shop, "TEA", "S1")
    assert "ordered together" in policy["sources"]["lot"]


def test_a_discount_makes_the_lot_and_the_price(shop):
    """From 600 on SOAP costs 1.6 instead of 2: worth a larger lot."""
    usual = plan(shop)["SOAP"]["quantity"]
    shop.execute(
        "insert into price_tables values ('SOAP', 'all_units', "
        """'[{"from": 0, "to": 600, "unit_cost": 2}, {"from": 600, "unit_cost": 1.6}]')"""
    )
    line = plan(shop)["SOAP"]
    assert line["quantity"] >= 600 > usual
    assert line["unit_cost"] == 1.6
    assert "price table" in term(line, "economic lot")["source"]
    shop.execute("""update price_tables set breaks = '[{"from": 0, "to": 500, "unit_cost": 2},
        {"from": 600, "unit_cost": 1.6}]'""")
    assert plan(shop)["SOAP"]["quantity"] == usual
    (told,) = list_exceptions(shop)
    assert told["kind"] == "discount_table"
    assert "500 to 600" in told["message"]


def test_a_budget_buys_what_saves_most(shop):
    everything = sum(line["quantity"] * line["unit_cost"] for line in plan(shop).values())
    shop.execute(
        "insert into budgets (budget_id, amount, starts_on, ends_on) "
        "values ('march', %s, '2026-03-01', '2026-03-31')", [everything / 2],
    )  # fmt: skip
    cut = plan(shop)
    spent = sum(line["quantity"] * line["unit_cost"] for line in cut.values())
    assert 0.4 * everything < spent <= everything / 2
    assert any(term(line, "budget march") for line in cut.values())
    # What an order of this month has bound is gone.
    shop.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
        "updated_at, expected_on) values ('P', 'ACME', 'S1', 'received', %s, %s, '2026-03-09')",
        [NOW, NOW],
    )
    shop.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
        "received_units, unit_cost, explanation, run_id) "
        "values ('P', 1, 'TEA', 1, 1, %s, '{}', 'r')",
        [everything / 2],
    )
    assert plan(shop) == {}
    (told,) = list_exceptions(shop)
    assert (told["kind"], told["subject"]) == ("budget_below_a_pack", "budget march")


@pytest.mark.parametrize(("vendor", "budget"), [("EUR", "USD"), (None, "USD"), ("USD", None)])
def test_a_budget_in_another_currency_is_told(shop, vendor, budget):
    """Where none is named it is the euro, which is the currency of the house."""
    shop.execute("update vendors set currency = %s", [vendor])
    shop.execute("update skus set currency = %s", [vendor])
    shop.execute(
        "insert into budgets (budget_id, amount, currency, starts_on, ends_on) "
        "values ('usd', 10, %s, '2026-03-01', '2026-03-31')", [budget],
    )  # fmt: skip
    assert len(plan(shop)) == 3
    assert kinds(shop) == {"currency_mismatch"}


def test_an_order_keeps_the_currency_of_its_prices(shop):
    (order,) = plan(shop) and purchase_orders.list_orders(shop)["orders"]
    assert order["currency"] == "EUR"
    shop.execute("update purchase_order_lines set firmed = true where sku = 'TEA'")
    shop.execute("update vendors set currency = 'USD'")
    shop.execute("update skus set currency = 'USD', unit_cost = 3 * unit_cost")
    plan(shop)
    (turned,) = purchase_orders.list_orders(shop)["orders"]
    assert (turned["id"], turned["currency"]) == (order["id"], "USD")
    assert turned["version"] > order["version"]
    costs = {line["sku"]: line["unit_cost"] for line in turned["lines"]}
    assert costs == {"MILK": 3, "SOAP": 6, "TEA": 12}
    told = purchase_orders.get_order(shop, order["id"])["events"][-1]
    assert told["changes"] == {"currency": ["EUR", "USD"]}
    plan(shop)
    assert purchase_orders.list_orders(shop)["orders"][0]["version"] == turned["version"]


def test_a_budget_is_spent_in_its_own_currency(shop):
    shop.execute(
        "insert into budgets (budget_id, amount, starts_on, ends_on) "
        "values ('march', 1000000, '2026-03-01', '2026-03-31')"
    )
    for name, currency, units in (("D", "USD", 5), ("E", "EUR", 7), ("N", None, 11)):
        shop.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on, currency) "
            "values (%s, 'ACME', 'S1', 'received', %s, %s, '2026-03-09', %s)",
            [name, NOW, NOW, currency],
        )
        shop.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "received_units, unit_cost, explanation, run_id) "
            "values (%s, 1, 'TEA', %s, 0, 2, '{}', 'r')", [name, units],
        )  # fmt: skip
    (budget,) = read_budgets(shop, today=NOW.date(), currency="EUR")
    assert (budget.currency, budget.spent) == ("EUR", 2 * (7 + 11))


def milk_came(db, units, *, days_ago):
    db.execute(
        "insert into entries (sku, location, status, kind, units, stated_units, outcome, "
        "effective_at, recorded_at, source) "
        "values ('MILK', 'S1', 'available', 'receipt', %s, %s, 'applied', %s, %s, 'test')",
        [units, units, NOW - timedelta(days=days_ago), NOW],
    )


def test_what_will_expire_unsold_is_ordered_anew(shop):
    """100 MILK of two days ago keep three more days: at 6 a day 82 of them will not sell."""
    shop.execute("update skus set shelf_life_days = 5 where sku = 'MILK'")
    stock(shop, "MILK", 100)
    milk_came(shop, 100, days_ago=2)
    line = plan(shop)["MILK"]
    assert term(line, "estimated outdating")["quantity"] == 100 - 6 * 3
    assert term(line, "on hand")["quantity"] == -100


def test_what_has_expired_is_ordered_anew_and_told(shop):
    """Of 60 MILK on hand the 20 of yesterday keep four more days, in which 24 sell."""
    shop.execute("update skus set shelf_life_days = 5 where sku = 'MILK'")
    stock(shop, "MILK", 60)
    milk_came(shop, 500, days_ago=200)
    milk_came(shop, 90, days_ago=12)
    milk_came(shop, 20, days_ago=1)
    assert term(plan(shop)["MILK"], "estimated outdating")["quantity"] == 40
    (told,) = list_exceptions(shop)
    assert (told["kind"], told["sku"], told["location"]) == ("expired_stock", "MILK", "S1")
    assert told["message"].startswith("40 units of MILK at S1 are older than the 5 days")
    # All that ever came is read only as far as it may be there yet.
    assert sorted(read_batches(shop, now=NOW)["units"].to_list()) == [20, 90]


def test_stock_of_unknown_age_is_told(shop):
    shop.execute("update skus set shelf_life_days = 5 where sku = 'MILK'")
    stock(shop, "MILK", 18)
    milk_came(shop, 6, days_ago=1)
    plan(shop)
    (told,) = list_exceptions(shop)
    assert (told["kind"], told["sku"], told["blocks"]) == ("stock_of_unknown_age", "MILK", False)
    assert "12 units of MILK" in told["message"]


def test_planning_again_changes_nothing(shop):
    shop.execute("update vendors set order_cost = 60, min_order_value = 300, truck_units = 50")
    plan(shop)
    report = replenish(shop, Settings(seed=7), now=NOW + timedelta(minutes=5))
    assert (report.policies_changed, report.lines_added, report.lines_changed) == (0, 0, 0)
    assert (report.exceptions_opened, report.exceptions_resolved) == (0, 0)


SHARED = {
    "joint cost": "update vendors set order_cost = 60",
    "minimum": "update vendors set min_order_value = 900",
    "trucks": "update vendors set truck_units = 500",
    "budget": "insert into budgets (budget_id, amount, starts_on, ends_on) "
    "values ('march', 400, '2026-03-01', '2026-03-31')",
}


@pytest.mark.parametrize("shared", SHARED)
def test_planning_one_item_again_says_what_planning_all_said(shop, shared):
    shop.execute(SHARED[shared])
    every = plan(shop)
    policy = read_policy(shop, "TEA", "S1")
    report = replenish(shop, Settings(seed=7), now=NOW, skus=["TEA"])
    assert (report.lines_added, report.lines_changed, report.lines_removed) == (0, 0, 0)
    assert report.policies_changed == 0
    stock(shop, "TEA", 3)
    replenish(shop, Settings(seed=7), now=NOW, skus=["TEA"])
    one_by_one = lines(shop)
    assert one_by_one == plan(shop) != every
    assert read_policy(shop, "TEA", "S1")["order_quantity"] == policy["order_quantity"]


def test_items_that_share_nothing_are_planned_alone(shop):
    assert ordered_together(shop, ["TEA", "new"], today=NOW.date()) == ["TEA", "new"]
    shop.execute(SHARED["budget"])
    assert ordered_together(shop, ["TEA"], today=NOW.date()) == ["MILK", "SOAP", "TEA"]
    assert ordered_together(shop, ["TEA"], today=date(2026, 4, 1)) == ["TEA"]
    shop.execute("update skus set category = 'hot' where sku in ('TEA', 'SOAP')")
    shop.execute("update budgets set category = 'hot'")
    assert ordered_together(shop, ["TEA"], today=NOW.date()) == ["SOAP", "TEA"]
    assert ordered_together(shop, ["MILK"], today=NOW.date()) == ["MILK"]
