"""A hub and two stores: who waits for whom, what the hub orders, and what it says."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.store import history, purchase_orders
from inventory.store.forecasts import store_run
from inventory.store.planning_exceptions import list_exceptions
from inventory.store.policies import read_policy
from pipelines.replenish import replenish
from pipelines.settings import Settings

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
LEVEL = np.array(LEVELS)


@pytest.fixture
def house(db):
    """TEA sells ten a day with a deviation of three at each of two stores; the hub sells none."""
    db.execute(
        "insert into locations (location, name, type) values ('HUB', 'Hub', 'hub'), "
        "('S1', 'One', 'store'), ('S2', 'Two', 'store')"
    )
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, email) "
        "values ('ACME', 'Acme', 8, 'acme@example.com')"
    )
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price) values ('TEA', 'Tea', 'ACME', 4, 9)"
    )
    db.execute("insert into supply_lanes values ('l1', 'HUB', 'S1', 2), ('l2', 'HUB', 'S2', 1)")
    rng = np.random.default_rng(1)
    days = [NOW.date() - timedelta(days=n) for n in range(70, 0, -1)]
    frame = pl.DataFrame({
        "sku": "TEA", "location": ["S1"] * 70 + ["S2"] * 70, "day": days * 2,
        "units": np.maximum(np.round(rng.normal(10, 3, 140)), 0), "in_stock": 1.0,
    })  # fmt: skip
    history.upsert_sales_days(db, frame, now=NOW)
    quantiles = np.maximum(10 + 3 * norm.ppf(LEVEL), 0)
    store_run(db, DemandForecast(
        skus=("TEA", "TEA"), locations=("S1", "S2"), first_day=date(2026, 3, 2), levels=LEVEL,
        quantiles_units=np.tile(quantiles, (2, 28, 1)), mean_units=np.full((2, 28), 10.0),
        dependence=np.zeros((2, 2)), run_id="run-1", model_version="test",
    ), now=NOW)  # fmt: skip
    return db


def plan(db, *places):
    replenish(db, Settings(seed=7), now=NOW)
    return {where: read_policy(db, "TEA", where) for where in places or ("HUB", "S1", "S2")}


def kinds(db):
    return {told["kind"] for told in list_exceptions(db)}


def test_the_hub_pools_and_serves_at_once(house):
    """Eight days of the vendor and one of review: 20 a day, a deviation of 3·√2·√9."""
    found = plan(house)
    assert [found[where]["lead_time"] for where in ("HUB", "S1", "S2")] == [8, 2, 1]
    hub = found["HUB"]
    assert hub["reorder_point"] - hub["safety_stock"] == pytest.approx(180, rel=0.01)
    assert hub["safety_stock"] == pytest.approx(1.645 * 3 * 2**0.5 * 3, rel=0.1)
    assert "serves its places at once" in hub["sources"]["lead_time"]
    assert "supplied by hub HUB" in found["S1"]["sources"]["lead_time"]
    for policy in found.values():
        for figure, told in policy["explanation"].items():
            assert sum(term["quantity"] for term in told["terms"]) == policy[figure], figure


def test_stock_at_a_hub_that_no_place_sells_is_told(house):
    """TEA at the hub is for the stores, which sell it; nobody ever sold JAM."""
    house.execute("insert into skus (sku, name, unit_cost, price) values ('JAM', 'Jam', 2, 5)")
    house.execute(
        "insert into balances (sku, location, status, units, updated_at) select sku, 'HUB', "
        "'available', 20, %s from skus", [NOW],
    )  # fmt: skip
    plan(house)
    (found,) = list_exceptions(house, kind="no_history")
    assert (found["sku"], found["location"]) == ("JAM", "HUB")


def test_where_holding_at_the_hub_is_dear_the_stores_wait_for_the_vendor(house):
    house.execute(
        "insert into policy_rules (rule_id, location, holding_cost) values ('hub', 'HUB', 50)"
    )
    found = plan(house)
    assert [found[where]["lead_time"] for where in ("HUB", "S1", "S2")] == [0, 10, 9]
    assert found["S1"]["safety_stock"] == pytest.approx(1.645 * 3 * 11**0.5, rel=0.15)


@pytest.mark.parametrize("sold", [True, False], ids=["sold", "new"])
def test_a_lane_takes_nothing_from_a_hub_that_sells_itself(house, sold):
    """The hub sells eight a day and a slow place half a unit, however dear holding is there."""
    house.execute("delete from supply_lanes; update vendors set lead_time_days = 5, "
                  "review_period_days = 7")  # fmt: skip
    house.execute("insert into policy_rules (rule_id, location, holding_cost) "
                  "values ('hub', 'HUB', 50)")  # fmt: skip
    if sold:
        house.execute("update sales_days set location = 'HUB' where location = 'S2'")
    mean = np.repeat([8.0, 0.5], 28).reshape(2, 28)
    quantiles = np.maximum(mean[..., None] + np.sqrt(mean)[..., None] * norm.ppf(LEVEL), 0)
    store_run(house, DemandForecast(
        skus=("TEA", "TEA"), locations=("HUB", "S1"), first_day=date(2026, 3, 2), levels=LEVEL,
        quantiles_units=quantiles, mean_units=mean, dependence=np.zeros((2, 2)), run_id="run-2",
        model_version="test",
    ), now=NOW)  # fmt: skip
    alone = plan(house, "HUB")["HUB"]
    house.execute("insert into supply_lanes values ('l1', 'HUB', 'S1', 2)")
    supplies = plan(house, "HUB")["HUB"]
    assert (alone["lead_time"], supplies["lead_time"]) == (5, 5)
    # Half a unit more a day, for five days of the vendor and seven of review.
    assert supplies["reorder_point"] >= alone["reorder_point"] + 0.9 * 0.5 * 12
    assert "serves its places at once" in supplies["sources"]["lead_time"]


def test_only_the_hub_orders_and_for_what_its_stores_need(house):
    plan(house)
    (order,) = purchase_orders.list_orders(house, state="proposed")["orders"]
    assert order["location"] == "HUB"
    (line,) = order["lines"]
    terms = {term["term"]: term["quantity"] for term in line["explanation"]["terms"]}
    assert sum(terms.values()) == line["quantity"]
    stores = [read_policy(house, "TEA", where)["order_up_to"] for where in ("S1", "S2")]
    assert terms["places supplied"] == sum(np.ceil(level) for level in stores)
    assert kinds(house) == {"hub_cannot_send"}


@pytest.fixture
def tree(house):
    """The hub has a hub of its own, three days away; that one buys."""
    house.execute("insert into locations (location, name, type) values ('TOP', 'Top', 'warehouse')")
    house.execute("insert into supply_lanes values ('l3', 'TOP', 'HUB', 3)")
    return house


ALL = ("TOP", "HUB", "S1", "S2")


def holding(db, **costs):
    """Holding costs by place; elsewhere a share of the unit cost, about 1."""
    for where, cost in costs.items():
        db.execute(
            "insert into policy_rules (rule_id, location, holding_cost) values (%s, %s, %s)",
            [where, where, cost],
        )


def test_demand_is_pooled_up_the_tree(tree):
    """The hub waits three days for its lane, the top eight for the vendor; each reviews daily."""
    holding(tree, TOP=0.1)
    found = plan(tree, *ALL)
    assert [found[where]["lead_time"] for where in ALL] == [8, 3, 2, 1]
    for where, days in (("TOP", 9), ("HUB", 4)):
        policy = found[where]
        assert policy["reorder_point"] - policy["safety_stock"] == pytest.approx(
            20 * days, rel=0.01
        )
        assert policy["safety_stock"] == pytest.approx(1.645 * 3 * (2 * days) ** 0.5, rel=0.1)
    assert kinds(tree) == {"hub_cannot_send"}


VENDOR = "which passes on what vendor ACME takes"
WAIT = "its places wait for the hub themselves"


@pytest.mark.parametrize(
    ("costs", "days", "told"),
    [
        ({}, [0, 11, 2, 1], f"{VENDOR}; it serves its places at once"),
        ({"TOP": 0.1}, [8, 3, 2, 1], "which serves at once; it serves its places at once"),
        ({"TOP": 0.1, "HUB": 50}, [8, 0, 5, 4], f"which serves at once; {WAIT}"),
        ({"TOP": 50, "HUB": 50}, [0, 0, 13, 12], f"{VENDOR}; {WAIT}"),
    ],
    ids=["one pool", "cheap top", "dear hub", "dear both"],
)
def test_stock_lies_where_holding_it_costs_least(tree, costs, days, told):
    """Hubs of one demand and one cost hold one stock: √1 + √12 < √9 + √4, with their reviews."""
    holding(tree, **costs)
    found = plan(tree, *ALL)
    assert [found[where]["lead_time"] for where in ALL] == days
    assert found["HUB"]["sources"]["lead_time"] == (
        f"supplied by hub TOP, {told} (guaranteed service)"
    )


def test_needs_pass_up_the_tree(tree):
    """Only the top buys: what the hub needs to be full after it served its places."""
    plan(tree)
    (order,) = purchase_orders.list_orders(tree, state="proposed")["orders"]
    assert order["location"] == "TOP"
    (line,) = order["lines"]
    terms = {term["term"]: term["quantity"] for term in line["explanation"]["terms"]}
    up_to = {where: read_policy(tree, "TEA", where)["order_up_to"] for where in ALL}
    stores = sum(np.ceil(up_to[where]) for where in ("S1", "S2"))
    assert terms["places supplied"] == np.ceil(up_to["HUB"] + stores)
    assert line["quantity"] == np.ceil(up_to["TOP"] + terms["places supplied"])


def test_where_goods_wait_for_nobody_they_still_travel(tree):
    """The top keeps no safety stock, so that it counts on no lead time: its vendor takes eight."""
    holding(tree, TOP=50)
    assert plan(tree, "TOP")["TOP"]["lead_time"] == 0
    (order,) = purchase_orders.list_orders(tree, state="proposed")["orders"]
    assert order["expected_on"] == NOW.date() + timedelta(days=8)


def test_places_that_supply_each_other_are_told_and_bought_for(tree):
    tree.execute("insert into supply_lanes values ('l4', 'S1', 'TOP', 1)")
    replenish(tree, Settings(seed=7), now=NOW)
    told = list_exceptions(tree, kind="supply_circle")
    assert {(e["location"], e["blocks"]) for e in told} == {
        (where, False) for where in ("TOP", "HUB", "S1")
    }
    places = {o["location"] for o in purchase_orders.list_orders(tree, state="proposed")["orders"]}
    assert places == {"HUB", "S1"}  # Nobody asks the top any more; the hub has S2.


def test_a_place_whose_lane_goes_is_supplied_by_the_vendor_again(house):
    plan(house)
    house.execute("delete from supply_lanes")
    replenish(house, Settings(seed=7), now=NOW)
    assert read_policy(house, "TEA", "S1")["lead_time"] == 8
    places = {o["location"] for o in purchase_orders.list_orders(house, state="proposed")["orders"]}
    assert places == {"S1", "S2"}


def test_planning_again_changes_nothing(house):
    plan(house)
    report = replenish(house, Settings(seed=7), now=NOW + timedelta(minutes=5))
    assert (report.policies, report.policies_changed, report.lines_changed) == (3, 0, 0)
