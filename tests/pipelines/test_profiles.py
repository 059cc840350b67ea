"""The FreshRetail profile, on rows written by hand and on the real file."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from inventory.errors import InputRejected
from inventory.store import database
from pipelines.history import load_panel
from pipelines.ingest import import_file

NOW = datetime(2024, 6, 12, 6, tzinfo=UTC)

ROW = {
    "store_id": 3, "product_id": 12, "dt": date(2024, 6, 1), "city_id": 0,
    "third_category_id": 40, "sale_amount": 1.2, "stockout_hours_6_22": 4, "discount": 0.75,
    "precpt": 2.5, "avg_temperature": 21.0, "avg_humidity": 70.0, "avg_wind_level": 1.5,
    "holiday_flag": 1, "activity_flag": 1,
}  # fmt: skip


@pytest.fixture
def db(postgres_url):
    with database.connect(postgres_url) as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
def bring(db, tmp_path):
    def bring(*changes, series=None):
        path = tmp_path / "fresh.parquet"
        pl.DataFrame([ROW | change for change in changes]).write_parquet(path)
        return import_file(
            db, kind="sales", path=path, now=NOW, profile="freshretail", series=series
        )

    return bring


def test_a_tenth_is_a_unit_and_hours_from_6_to_22_are_the_share_in_stock(db, bring):
    bring({})
    row = db.execute(
        "select sku, location, day, units, in_stock, promotion, covariates from sales_days"
    ).fetchone()
    # 1.2 -> 12 units; 4 of 16 hours out of stock -> 0.75; a quarter off the price.
    assert row == ("12", "3", date(2024, 6, 1), 12.0, 0.75, 0.25, {"activity": 1.0})


def test_weather_and_holiday_belong_to_the_place(db, bring):
    bring({}, {"product_id": 13})
    assert db.execute("select location, day, covariates from location_days").fetchall() == [
        (
            "3",
            date(2024, 6, 1),
            {
                "precipitation": 2.5, "temperature": 21.0, "humidity": 70.0, "wind": 1.5,
                "holiday": 1.0,
            },
        )
    ]  # fmt: skip


def test_brings_the_catalogue_along(db, bring):
    report = bring({}, {"product_id": 13, "third_category_id": 41})
    assert report.created["skus"] == 2
    assert report.created["locations"] == 1
    assert db.execute("select sku, category from skus order by sku").fetchall() == [
        ("12", "40"),
        ("13", "41"),
    ]
    assert db.execute(
        "select count(*) from buffer_rules where forecast is not null"
    ).fetchone() == (3,)


def test_first_series_come_in_order_of_store_and_product(db, bring):
    report = bring(
        {"store_id": 2, "product_id": 5}, {"store_id": 1, "product_id": 9},
        {"store_id": 1, "product_id": 7}, {"store_id": 10, "product_id": 1}, series=3,
    )  # fmt: skip
    found = db.execute("select location, sku from sales_days order by location, sku").fetchall()
    assert found == [("1", "7"), ("1", "9"), ("2", "5")]
    assert report.rows_read == 3
    assert "the first 3 of 4 series" in report.notes[0]


def test_impossible_hours_are_rejected(bring):
    report = bring({}, {"product_id": 13, "stockout_hours_6_22": 17})
    assert report.problems.row(0, named=True) == {
        "row": 2, "field": "stockout_hours_6_22", "value": "17",
        "problem": "stockout_hours_6_22 is above 16", "remedy": "write at most 16",
    }  # fmt: skip


def test_a_file_of_other_columns_is_refused_by_name(db, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("sku,location,date,units\nA,s1,2024-06-01,3\n")
    with pytest.raises(InputRejected) as refused:
        import_file(db, kind="sales", path=path, now=NOW, profile="freshretail")
    assert refused.value.field == "store_id"


@pytest.mark.data
def test_the_real_file_arrives_whole(db, shared_data):
    source = shared_data / "freshretail" / "daily.parquet"
    report = import_file(db, kind="sales", path=source, now=NOW, profile="freshretail", series=100)
    assert (report.rows_read, report.rejected) == (100 * 76, 0)
    panel = load_panel(db, horizon_days=14)
    first = (
        pl.scan_parquet(source)
        .filter(pl.col("store_id") <= 1)
        .select(
            pl.col("store_id").cast(pl.String).alias("location"),
            pl.col("product_id").cast(pl.String).alias("sku"),
            pl.col("dt").alias("date"),
            (pl.col("sale_amount") * 10).round().cast(pl.Float64).alias("expected"),
            ((16 - pl.col("stockout_hours_6_22")) / 16).alias("hours_share"),
        )
        .collect()
    )
    both = panel.history.join(first, on=["sku", "location", "date"])
    assert len(panel.series) == 100
    assert panel.origin == date(2024, 6, 11)
    assert len(both) == len(panel.history)
    assert (both["units"] == both["expected"]).all()
    # Weighed by demand, so not the share of hours; but full, empty and order are those of hours.
    whole = both["hours_share"] == 1
    assert (both["in_stock"].filter(whole) == 1).all()
    assert (both["in_stock"].filter(~whole) < 1).all()
    assert both["in_stock"].filter(both["hours_share"] == 0).max() < 1e-6
    assert np.corrcoef(both["in_stock"], both["hours_share"])[0, 1] > 0.95


def test_hours_on_sale_count_by_the_demand_they_see(bring, db):
    evening, morning = sum(1 << h for h in range(18, 22)), sum(1 << h for h in range(6, 10))
    bring({"stockout_bits": evening}, {"product_id": 13, "stockout_bits": morning | 1 << 3})
    shares = dict(db.execute("select sku, in_stock from sales_days").fetchall())
    # The first of June 2024 is a Saturday: four of sixteen hours each, by the weekend's profile.
    assert shares["12"] == pytest.approx(1 - (0.046 + 0.036 + 0.031 + 0.021), abs=0.002)
    assert shares["13"] == pytest.approx(1 - (0.024 + 0.055 + 0.092 + 0.117), abs=0.002)


def test_a_file_with_hourly_sales_brings_its_own_profile(bring, db):
    at_noon = [0.0] * 24
    at_noon[12] = 100.0
    sold_out = [0.0] * 24
    bring(
        {"stockout_bits": 0, "hours_sale": at_noon, "stockout_hours_6_22": 0},
        {"product_id": 13, "stockout_bits": 1 << 12, "hours_sale": sold_out},
        {"product_id": 14, "stockout_bits": 1 << 20, "hours_sale": sold_out},
    )
    shares = dict(db.execute("select sku, in_stock from sales_days").fetchall())
    assert shares == pytest.approx({"12": 1, "13": 0, "14": 1})
