"""What a daily job needs and a sales file does not say: a vendor, channels, promise buffers.

Only what is missing is added. Every default is in one place, under a name that a planner finds
again and can change.
"""

import polars as pl
import psycopg

from features.frame import LOCATION, SKU
from inventory.store import bulk

DEFAULT_VENDOR = "default-vendor"

NOMINAL_UNIT_COST = 1.0
"""Where a file tells no money: one unit of it per unit of stock, so that shares stay right."""
NOMINAL_PRICE = 1.5
"""A third of the price is margin, an ordinary retail figure."""

STORE_METHODS = "{bopis,same_day,sfs}"

CANCELLATION_COST = 8.0
"""Money lost when a promise is broken, in units of NOMINAL_UNIT_COST: a refund, a call, and the
customer's next basket. Against a margin of 0.5 it withholds the unit at a risk of 6 %."""

BUFFER_LOOKAHEAD_DAYS = 7
"""A week has every weekday in it and the promotions that are near; a peak that is further off must
not freeze the stock of today."""


def add_missing_catalog(
    db: psycopg.Connection, *, skus: pl.DataFrame, locations: list[str]
) -> dict[str, int]:
    """Add SKUs (columns sku, category) and locations that sales name but nobody described.

    Returns what was added, by table; with it go a vendor, two channels and the buffer rules.
    """
    made = {"vendors": _add_vendor(db), "channels": _add_channels(db)}
    made["skus"] = bulk.add_missing(
        db,
        skus.select(
            SKU,
            pl.col(SKU).alias("name"),
            pl.col("category").fill_null(""),
            pl.lit(DEFAULT_VENDOR).alias("vendor"),
            pl.lit(NOMINAL_UNIT_COST).alias("unit_cost"),
            pl.lit(NOMINAL_PRICE).alias("price"),
        ),
        table="skus",
    )
    stores = pl.DataFrame({LOCATION: locations}, schema={LOCATION: pl.String}).with_columns(
        pl.col(LOCATION).alias("name"),
        pl.lit("store").alias("type"),
        pl.lit(STORE_METHODS).alias("methods"),
    )
    made["locations"] = bulk.add_missing(db, stores, table="locations")
    made["buffer rules"] = add_store_buffers(db, cancellation_cost=CANCELLATION_COST)
    return {table: count for table, count in made.items() if count}


def add_store_buffers(db: psycopg.Connection, *, cancellation_cost: float) -> int:
    """Promise buffers from the forecast for whatever is promised out of a store.

    cancellation_cost : money lost when a promise is broken. Returns how many rules were missing.
    """
    exposure_days = {"bopis": 1.0, "same_day": 0.5, "sfs": 1.0}
    rules = pl.DataFrame(
        [
            (
                f"{method}-at-stores",
                "store",
                method,
                f'{{"cancellation_cost": {cancellation_cost:g}, "exposure_days": {days:g}}}',
                BUFFER_LOOKAHEAD_DAYS,
            )
            for method, days in exposure_days.items()
        ],
        schema=["rule_id", "location_type", "method", "forecast", "lookahead_days"],
        orient="row",
    )
    return bulk.add_missing(db, rules, table="buffer_rules")


def _add_vendor(db: psycopg.Connection) -> int:
    vendor = pl.DataFrame({
        "vendor": [DEFAULT_VENDOR], "name": ["Default vendor"], "lead_time_days": [3.0],
        "lead_time_sd_days": [1.0], "review_period_days": [1.0],
    })  # fmt: skip
    return bulk.add_missing(db, vendor, table="vendors")


def _add_channels(db: psycopg.Connection) -> int:
    channels = pl.DataFrame({"channel": ["store", "web"], "name": ["Store", "Web shop"]})
    return bulk.add_missing(db, channels, table="channels")
