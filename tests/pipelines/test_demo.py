from datetime import UTC, date, datetime

import polars as pl
import pytest

from inventory.store import database
from pipelines.demo import load_demo
from pipelines.demo.generate import generate
from pipelines.demo.places import PLACES
from pipelines.history import load_panel

TODAY = date(2026, 6, 10)
NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def retailer():
    return generate(seed=7, today=TODAY, skus=64, days=500)


def mean_units(frame):
    return frame.select(pl.col("units").mean()).item()


def test_the_same_seed_and_day_give_the_same_retailer(retailer):
    again = generate(seed=7, today=TODAY, skus=64, days=500)
    assert again.sales.equals(retailer.sales)
    assert again.counts.equals(retailer.counts)
    other = generate(seed=8, today=TODAY, skus=64, days=500)
    assert not other.sales.equals(retailer.sales)


def test_trade_ends_yesterday_and_is_daily(retailer):
    assert retailer.sales["day"].max() == date(2026, 6, 9)
    spans = retailer.sales.group_by("sku", "location").agg(
        pl.len(), ((pl.col("day").max() - pl.col("day").min()).dt.total_days() + 1).alias("days")
    )
    assert (spans["len"] == spans["days"]).all()


def test_the_week_shows(retailer):
    stores = retailer.sales.filter(pl.col("location").str.starts_with("store-"))
    saturday = mean_units(stores.filter(pl.col("day").dt.weekday() == 6))
    tuesday = mean_units(stores.filter(pl.col("day").dt.weekday() == 2))
    assert saturday > 1.3 * tuesday


def test_the_year_shows_in_the_garden(retailer):
    garden = retailer.sales.filter(pl.col("sku").str.starts_with("garden"))
    spring = mean_units(garden.filter(pl.col("day").dt.month() == 5))
    winter = mean_units(garden.filter(pl.col("day").dt.month() == 12))
    assert spring > 2 * winter


def test_promotions_sell_more_the_deeper_they_are(retailer):
    drinks = retailer.sales.filter(pl.col("sku") == "drinks-001")
    by_depth = drinks.group_by("promotion").agg(pl.col("units").mean()).sort("promotion")
    assert by_depth["promotion"][0] == 0
    assert by_depth["units"][-1] > 1.5 * by_depth["units"][0]


def test_an_empty_shelf_sells_nothing_and_says_so(retailer):
    sales = retailer.sales
    censored = sales.select((pl.col("in_stock") < 1).mean()).item()
    assert 0.02 < censored < 0.2
    assert sales.filter(pl.col("in_stock") == 0)["units"].sum() == 0


def test_every_character_of_item_is_there(retailer):
    rates = (
        retailer.sales.filter(pl.col("location") == "dc-east")
        .group_by("sku")
        .agg(
            pl.col("units").mean().alias("mean"),
            (pl.col("units") == 0).mean().alias("zeros"),
            pl.len().alias("days"),
            pl.col("units").max().alias("most"),
        )
    )
    assert rates.filter(pl.col("zeros") > 0.6).height > 3  # slow or lumpy
    assert rates.filter(pl.col("days") < 250).height >= 1  # new
    assert rates.filter((pl.col("zeros") > 0.6) & (pl.col("most") > 20)).height >= 1  # lumpy
    assert rates.filter(pl.col("zeros") < 0.05).height > 20  # steady


def test_what_is_left_is_what_came_less_what_went(retailer):
    assert retailer.counts["quantity"].min() >= 0
    counted = retailer.counts.filter(pl.col("status") == "available")
    moved = retailer.movements.group_by("sku", "location").agg(pl.col("units").sum())
    after = counted.join(moved, on=["sku", "location"], how="left").with_columns(
        left=pl.col("quantity") + pl.col("units").fill_null(0)
    )
    assert after["left"].min() >= 0
    assert retailer.inbound["due_on"].min() >= TODAY


@pytest.fixture
def db(postgres_url):
    with database.connect(postgres_url) as connection, connection.transaction(force_rollback=True):
        yield connection


def test_loads_through_the_ledger_once(db, retailer):
    report = load_demo(db, now=NOW, skus=12, days=120)
    assert not report.already_loaded
    assert report.locations == len(PLACES)
    drift = db.execute(
        "select count(*) from balances b where units <> (select coalesce(sum(units), 0) "
        "from entries e where (e.sku, e.location, e.status) = (b.sku, b.location, b.status))"
    ).fetchone()
    assert drift == (0,)
    assert db.execute("select count(*) from quarantine").fetchone() == (0,)
    kinds = db.execute("select state, count(*) from reservations group by state").fetchall()
    assert dict(kinds)["confirmed"] == 12
    panel = load_panel(db, horizon_days=28)
    assert panel.origin == date(2026, 6, 9)
    assert {"promotion", "price", "temperature", "public_holiday"} <= set(panel.future.columns)

    again = load_demo(db, now=NOW, skus=12, days=120)
    assert again.already_loaded
    assert again.sales_rows == report.sales_rows
    assert again.seconds < 2
