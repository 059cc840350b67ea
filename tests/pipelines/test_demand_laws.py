"""Demand laws from stored forecasts and from history, and what they do to a policy."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.store import history
from inventory.store.forecasts import store_run
from inventory.store.policies import read_policy
from pipelines.replenish import replenish
from pipelines.settings import Settings

LEVEL = np.array(LEVELS)
TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


def put_forecast(db, first_day, *, mean=10.0, sd=1.0):
    """Daily normal demand with far too little spread, put in force on the morning of its day."""
    quantiles = np.maximum(mean + sd * norm.ppf(LEVEL), 0)
    store_run(db, DemandForecast(
        skus=("TEA",), locations=("S1",), first_day=first_day, levels=LEVEL,
        quantiles_units=np.tile(quantiles, (1, 28, 1)), mean_units=np.full((1, 28), mean),
        dependence=np.zeros((1, 2)), run_id=f"run-{first_day}", model_version="test",
    ), now=datetime.combine(first_day, NOW.timetz()))  # fmt: skip


def sell(db, days, *, spread, seed=5):
    """Sales until yesterday of ten a day on average; windows of six days vary by `spread`."""
    rng = np.random.default_rng(seed)
    dates = [TODAY - timedelta(days=n) for n in range(days, 0, -1)]
    shared = np.repeat(rng.normal(0, spread, days // 6 + 1), 6)[-days:]
    frame = pl.DataFrame({
        "sku": "TEA", "location": "S1", "day": dates,
        "units": np.maximum(np.round(10 + shared / 6 + rng.normal(0, 1, days)), 0),
        "in_stock": 1.0,
    })  # fmt: skip
    history.upsert_sales_days(db, frame, now=NOW)


@pytest.fixture
def shop(db):
    db.execute("insert into locations (location, name, type) values ('S1', 'One', 'store')")
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, lead_time_sd_days) "
        "values ('ACME', 'Acme', 5, 0)"
    )
    db.execute("insert into skus (sku, name, vendor, unit_cost, price) "
               "values ('TEA', 'Tea', 'ACME', 4, 9)")  # fmt: skip
    return db


def plan(db, *, now=NOW):
    replenish(db, Settings(seed=7), now=now)
    return read_policy(db, "TEA", "S1")


def test_without_a_past_sample_paths_are_taken_and_that_is_told(shop):
    put_forecast(shop, TODAY)
    policy = plan(shop)
    assert policy["demand_law"] == "path"
    assert policy["law_choice"]["judged_by"] == "none"
    assert "8 are needed" in policy["law_choice"]["reason"]


def test_forecasts_that_were_too_sure_give_way_to_what_their_errors_show(shop):
    """Sixteen weekly runs promised a deviation of 2.4 over six days; it was about 15."""
    sell(shop, 150, spread=15)
    put_forecast(shop, TODAY)
    sure = plan(shop)
    for week in range(17, 0, -1):
        put_forecast(shop, TODAY - timedelta(weeks=week))
    put_forecast(shop, TODAY)
    shop.execute("delete from demand_laws")
    policy = plan(shop)
    choice = policy["law_choice"]
    assert choice["judged_by"] == "stored forecasts"
    assert choice["windows"] == 12  # The last sixteen, four of them to learn from.
    assert policy["demand_law"] != "path"
    assert choice["misfit"]["path"] > 2.492
    assert policy["safety_stock"] > 3 * sure["safety_stock"]
    for figure, told in policy["explanation"].items():
        assert sum(term["quantity"] for term in told["terms"]) == policy[figure], figure


def test_a_history_alone_judges_the_shape_and_leaves_the_spread(shop):
    sell(shop, 150, spread=15)
    put_forecast(shop, TODAY)
    policy = plan(shop)
    assert policy["law_choice"]["judged_by"] == "backtest"
    assert policy["law_choice"]["windows"] >= 8
    # A deviation of 1 a day over six independent days, 95 %.
    assert policy["safety_stock"] == pytest.approx(1.645 * 6**0.5, rel=0.25)


def test_a_law_is_chosen_once_a_week(shop):
    sell(shop, 150, spread=15)
    put_forecast(shop, TODAY)
    chosen = [plan(shop, now=NOW + timedelta(days=n))["law_choice"]["chosen_on"] for n in (0, 3, 7)]
    assert chosen == [TODAY, TODAY, TODAY + timedelta(days=7)]


def test_a_rule_may_name_the_law(shop):
    put_forecast(shop, TODAY)
    plain = plan(shop)
    shop.execute("insert into policy_rules (rule_id, sku, demand_law) "
                 "values ('counts', 'TEA', 'negative_binomial')")  # fmt: skip
    policy = plan(shop)
    assert policy["demand_law"] == "negative_binomial"
    assert policy["sources"]["demand_law"] == "override 'counts' (sku TEA)"
    assert policy["safety_stock"] >= plain["safety_stock"]  # Never less spread than Poisson's.


def test_days_out_of_stock_do_not_speak(shop):
    sell(shop, 150, spread=15)
    shop.execute("update sales_days set in_stock = 0.5")
    put_forecast(shop, TODAY)
    assert plan(shop)["law_choice"]["judged_by"] == "none"
