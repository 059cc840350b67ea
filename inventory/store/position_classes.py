"""ABC and XYZ classes of positions in PostgreSQL, by what sold."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl
import psycopg
from psycopg import sql

from inventory.classification import CutOffs, abc_classes, variation, xyz_classes
from inventory.store.bulk import copy_in, copy_out

WEEKS = 26
"""Half a year: seasons pass, and most items sell in most weeks."""

WEEKS_MIN = 4
"""Of fewer weeks nobody can tell how much they vary."""

WEEKS_PER_YEAR = 52

SCHEMA = {
    "sku": pl.String, "location": pl.String, "abc": pl.String, "xyz": pl.String,
    "value_per_year": pl.Float64, "variation": pl.Float64, "weekly_units": pl.Float64,
}  # fmt: skip


def refresh(db: psycopg.Connection, *, today: date, cut_offs: CutOffs) -> int:
    """Class every position with sales in the last half year; returns how many, 0 if done today.

    Value is units sold times unit cost. An item without cost has no value that could be told, so
    it has no ABC class.
    """
    row = db.execute("select max(classed_on) from position_classes").fetchone()
    if row is not None and row[0] == today:
        return 0
    first = today - timedelta(weeks=WEEKS)
    weeks = copy_out(
        db,
        sql.SQL(_WEEKS).format(first=sql.Literal(first), today=sql.Literal(today)),
        schema={"sku": pl.String, "location": pl.String, "weeks": pl.Float64,
                "mean": pl.Float64, "sd": pl.Float64, "unit_cost": pl.Float64},
    )  # fmt: skip
    known = pl.col("unit_cost") > 0
    valued = weeks.with_columns(
        pl.when(known)
        .then(pl.col("mean") * pl.col("unit_cost") * WEEKS_PER_YEAR)
        .otherwise(float("nan"))
        .alias("value_per_year"),
        pl.when(pl.col("weeks") >= WEEKS_MIN).then("sd").otherwise(float("nan")).alias("sd"),
    )
    varies = variation(valued["mean"].to_numpy(), valued["sd"].to_numpy())
    classed = valued.with_columns(
        pl.Series("abc", abc_classes(valued["value_per_year"].to_numpy(), cut_offs).tolist(),
                  dtype=pl.String),
        pl.Series("xyz", xyz_classes(varies, cut_offs).tolist(), dtype=pl.String),
        pl.Series("variation", varies),
        pl.col("mean").alias("weekly_units"),
    ).with_columns(
        pl.col("value_per_year", "variation").fill_nan(None),
        pl.lit(today.isoformat()).alias("classed_on"),
    )  # fmt: skip
    with db.transaction():
        db.execute("lock table position_classes in share row exclusive mode")
        db.execute("delete from position_classes")
        return copy_in(db, classed, table="position_classes", columns=(*SCHEMA, "classed_on"))


def read(db: psycopg.Connection, *, skus: Sequence[str] | None = None) -> pl.DataFrame:
    """Classes by position: columns `SCHEMA`."""
    query = sql.SQL(
        "select sku, location, abc, xyz, value_per_year, variation, weekly_units "
        "from position_classes "
        "where {skus}::text[] is null or sku = any({skus})"
    ).format(skus=sql.Literal(None if skus is None else list(skus)))
    return copy_out(db, query, schema=SCHEMA)


# Weeks of seven days back from today; a week without a row sold nothing once the item was known.
_WEEKS = """
with weeks as (
    select sku, location, ({today} - day - 1) / 7 as week, sum(units) as units
    from sales_days
    where day >= {first} and day < {today} and units is not null
    group by sku, location, week
),
totals as (
    select sku, location, max(week) + 1 as weeks, sum(units) as units, sum(units * units) as squares
    from weeks group by sku, location
)
select t.sku, t.location, t.weeks, t.units / t.weeks,
    sqrt(greatest(t.squares / t.weeks - (t.units / t.weeks) ^ 2, 0)), s.unit_cost
from totals t join skus s using (sku)
order by t.sku, t.location
"""
