"""The list of what stands in the way of a plan: opened once, resolved when mended."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.store import purchase_orders
from inventory.store.forecasts import store_run
from inventory.store.planning_exceptions import list_exceptions
from pipelines.replenish import replenish
from pipelines.settings import Settings

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
LEVEL = np.array(LEVELS)


@pytest.fixture
def shop(db):
    """One SKU of everything right, which each test breaks."""
    db.execute(
        "insert into locations (location, name, type) values ('S1', 'One', 'store'), "
        "('S2', 'Two', 'store')"
    )
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, email) "
        "values ('ACME', 'Acme', 5, 'acme@example.com')"
    )
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price, pack_size) "
        "values ('TEA', 'Tea', 'ACME', 4, 9, 12), ('SOAP', 'Soap', 'ACME', 2, 3, 1)"
    )
    mean = np.array([10.0, 5.0])
    quantiles = mean[:, None] * np.maximum(1 + 0.3 * norm.ppf(LEVEL), 0)
    store_run(db, DemandForecast(
        skus=("SOAP", "TEA"), locations=("S1", "S1"), first_day=date(2026, 3, 2), levels=LEVEL,
        quantiles_units=np.repeat(quantiles[:, None], 28, axis=1),
        mean_units=np.repeat(mean[:, None], 28, axis=1), dependence=np.full((2, 2), 0.1),
        run_id="run-1", model_version="test",
    ), now=NOW)  # fmt: skip
    return db


def plan(db, *, now=NOW, **more):
    return replenish(db, Settings(seed=7), now=now, **more)


def open_ones(db):
    return {(e["kind"], e["sku"], e["vendor"]): e for e in list_exceptions(db)}


def ordered(db):
    orders = purchase_orders.list_orders(db, state="proposed")["orders"]
    return {line["sku"] for order in orders for line in order["lines"]}


def test_where_all_is_right_there_is_none(shop):
    plan(shop)
    assert open_ones(shop) == {}
    assert ordered(shop) == {"TEA", "SOAP"}


SHUT = """
    update skus set category = 'hot' where sku = 'TEA';
    insert into order_calendars values ('c', 'ACME', null, 'hot', '{1}',
        array(select date '2026-03-02' + 7 * n from generate_series(0, 60) n))
"""
FIFTEEN_IN_TENS = """
    update skus set min_order_quantity = 15, pack_size = 10, max_order_quantity = 18
    where sku = 'TEA'
"""
PALLETS = """
    update vendors set full_pallets = true;
    update skus set pack_size = 12, pallet_size = 40, max_order_quantity = 100 where sku = 'TEA'
"""
"""Multiples of 120."""
WEEKLY = """
    update skus set shelf_life_days = 5 where sku = 'TEA';
    update vendors set review_period_days = 7
"""


@pytest.mark.parametrize(
    ("broken", "key", "blocked"),
    [
        ("update skus set vendor = null where sku = 'TEA'", ("no_vendor", "TEA", None), True),
        ("update vendors set lead_time_days = 0",
         ("lead_time_zero", None, "ACME"), False),
        ("update vendors set lead_time_assumed = true",
         ("lead_time_missing", None, "ACME"), False),
        ("update skus set unit_cost = 0 where sku = 'TEA'", ("no_unit_cost", "TEA", None), False),
        ("update skus set price = 0 where sku = 'TEA'", ("no_price", "TEA", None), False),
        ("update skus set max_order_quantity = 10 where sku = 'TEA'",
         ("pack_above_maximum", "TEA", None), True),
        ("update skus set min_order_quantity = 80, max_order_quantity = 40 where sku = 'TEA'",
         ("minimum_above_maximum", "TEA", None), True),
        ("update skus set max_order_quantity = 0 where sku = 'TEA'",
         ("maximum_zero", "TEA", None), True),
        (FIFTEEN_IN_TENS, ("minimum_above_maximum", "TEA", None), True),
        (PALLETS,
         ("pack_above_maximum", "TEA", None), True),
        ("update skus set price = 3 where sku = 'TEA'", ("price_below_cost", "TEA", None), False),
        ("update vendors set lead_time_sd_days = 6", ("lead_time_unsteady", None, "ACME"), False),
        ("update vendors set lead_time_days = 28", ("window_beyond_forecast", None, "ACME"), False),
        ("update skus set shelf_life_days = 0 where sku = 'TEA'",
         ("shelf_life_zero", "TEA", None), False),
        (WEEKLY,
         ("shelf_life_below_review", "TEA", None), False),
        (SHUT, ("vendor_closed", None, "ACME"), True),
        ("update skus set currency = 'USD' where sku = 'TEA'; update vendors set currency = 'EUR'",
         ("currency_mismatch", "TEA", "ACME"), True),
        ("update skus set currency = 'USD' where sku = 'TEA'",
         ("currency_mismatch", "TEA", "ACME"), True),
        ("update vendors set currency = 'USD'; update skus set currency = 'USD' where sku = 'SOAP'",
         ("currency_mismatch", "TEA", "ACME"), True),
        ("update vendors set email = null", ("vendor_without_address", None, "ACME"), False),
    ],
    ids=["vendor", "lead-time-zero", "lead-time-missing", "cost", "price", "pack", "minimum",
         "maximum-zero", "minimum-in-packs", "pallets", "price-below-cost", "lead-time-spread",
         "lead-time-beyond", "shelf-life-zero", "shelf-life-short", "calendar",
         "currency", "currency-of-sku", "currency-of-vendor", "address"],
)  # fmt: skip
def test_bad_data_is_an_exception_and_the_run_goes_on(shop, broken, key, blocked):
    shop.execute(broken)
    report = plan(shop)
    assert set(open_ones(shop)) == {key}
    found = open_ones(shop)[key]
    assert found["blocks"] == blocked
    assert found["remedy"]
    assert ("TEA" in ordered(shop)) == (not blocked)
    assert "SOAP" in ordered(shop)
    assert any(found["message"] in problem for problem in report.problems)


def test_stock_without_a_history_is_told(shop):
    shop.execute(
        "insert into balances (sku, location, status, units, updated_at) "
        "values ('TEA', 'S2', 'available', 5, %s)", [NOW],
    )  # fmt: skip
    plan(shop)
    (found,) = list_exceptions(shop)
    assert (found["kind"], found["sku"], found["location"]) == ("no_history", "TEA", "S2")


def test_the_least_quantity_that_fits_is_no_exception(shop):
    """18 is too little for two packs of 10, and 20 is not."""
    shop.execute(
        "update skus set min_order_quantity = 15, pack_size = 10, max_order_quantity = 20 "
        "where sku = 'TEA'"
    )
    plan(shop)
    assert open_ones(shop) == {}
    assert "TEA" in ordered(shop)


def test_a_lead_time_within_the_forecast_is_no_exception(shop):
    """Of 28 days, 27 are lead time and one is review."""
    shop.execute("update vendors set lead_time_days = 27")
    plan(shop)
    assert open_ones(shop) == {}


def test_a_new_item_without_stock_is_told_once(shop):
    shop.execute(
        "insert into skus (sku, name, vendor, unit_cost, price) values ('NEW', 'x', 'ACME', 1, 2), "
        "('OTHER', 'x', null, 1, 2), ('PAIR', 'x', 'ACME', 1, 2)"
    )
    shop.execute("insert into bundles (sku, component, units) values ('PAIR', 'TEA', 2)")
    plan(shop)
    (found,) = list_exceptions(shop)
    assert (found["kind"], found["sku"], found["location"]) == ("no_history", "NEW", None)
    assert found["blocks"]


def test_it_is_opened_once_and_resolved_when_mended(shop):
    shop.execute("update skus set price = 0 where sku = 'TEA'")
    plan(shop)
    plan(shop, now=NOW + timedelta(hours=1))
    (found,) = list_exceptions(shop)
    assert found["first_seen_at"] == NOW
    plan(shop, skus=["SOAP"])
    assert len(list_exceptions(shop)) == 1  # A run over another SKU did not look.
    shop.execute("update skus set price = 9 where sku = 'TEA'")
    mended = NOW + timedelta(hours=2)
    plan(shop, now=mended)
    assert list_exceptions(shop) == []
    (closed,) = list_exceptions(shop, open_only=False)
    assert closed["resolved_at"] == mended
