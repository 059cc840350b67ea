"""Daily sales and what went with them, in PostgreSQL: written and read in bulk.

Nothing here is ever forgotten by a later, poorer file: a column that a file does not have, or a
value it leaves empty, keeps what was known. A row that says the same again is not written again,
so `known_at` stays the moment when we learned it.
"""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
import psycopg
from psycopg import sql

from inventory.errors import UnknownLocation, UnknownSku
from inventory.store.bulk import EPOCH, copy_in, copy_out, known

KEPT = ("units", "in_stock", "price", "promotion", "covariates")
"""Columns of `sales_days` beside its key, in the order of the table."""

SALES_SCHEMA = {
    "sku": pl.String, "location": pl.String, "day": pl.Date, "units": pl.Float64,
    "in_stock": pl.Float64, "price": pl.Float64, "promotion": pl.Float64, "covariates": pl.String,
}  # fmt: skip
LOCATION_SCHEMA = {"location": pl.String, "day": pl.Date, "covariates": pl.String}
PROMOTION_SCHEMA = {
    "promotion_id": pl.String, "sku": pl.String, "location": pl.String,
    "starts_on": pl.Date, "ends_on": pl.Date, "discount": pl.Float64,
}  # fmt: skip


def upsert_sales_days(db: psycopg.Connection, frame: pl.DataFrame, *, now: datetime) -> int:
    """Write days of sales: columns sku, location, day, and any of `KEPT`; covariates as JSON text.

    One row per key. Every SKU and location must be in the catalogue. Returns rows written: new
    ones and those that changed.
    """
    given = [c for c in KEPT if c in frame.columns]
    with db.transaction():
        _refuse_unknown(db, frame)
        # Importers take turns, so that a table found empty is still empty when it is filled.
        db.execute("lock table sales_days in share row exclusive mode")
        if _is_empty(db, "sales_days"):
            whole = frame.with_columns(pl.lit(now.isoformat()).alias("known_at"))
            if "in_stock" in given:
                whole = whole.with_columns(pl.col("in_stock").fill_null(1.0))
            key = ["sku", "location", "day"]
            return copy_in(db, whole, table="sales_days", columns=[*key, *given, "known_at"])
        db.execute(
            "create temp table sales_staged (sku text, location text, day date, units float8, "
            "in_stock real, price float8, promotion real, covariates jsonb) on commit drop"
        )
        copy_in(db, frame, table="sales_staged", columns=["sku", "location", "day", *given])
        written = db.execute(_merge_sales(given), {"now": now}).rowcount
        db.execute("drop table sales_staged")
    return written


def _refuse_unknown(db: psycopg.Connection, frame: pl.DataFrame) -> None:
    """The table itself has no foreign keys: see there."""
    for column, table, unknown in (
        ("sku", "skus", UnknownSku),
        ("location", "locations", UnknownLocation),
    ):
        names = set(frame.get_column(column).unique())
        strange = names - known(db, table=table, column=column)
        if strange:
            raise unknown(min(strange))


def _merge_sales(given: Sequence[str]) -> sql.Composed:
    """Insert what is staged; on rows that are there, what is given and differs replaces."""
    merged = {
        column: sql.SQL("coalesce(excluded.{0}, s.{0})").format(sql.Identifier(column))
        for column in given
    }
    if "covariates" in merged:  # Key by key: another file may have brought other covariates.
        merged["covariates"] = sql.SQL(
            "nullif(coalesce(s.covariates, '{{}}') || "
            "coalesce(excluded.covariates, '{{}}'), '{{}}')"
        ).format()
    changes = [sql.SQL("{} = {}").format(sql.Identifier(c), e) for c, e in merged.items()]
    changes.append(sql.SQL("known_at = excluded.known_at, source = 'file'").format())
    old = sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(c)) for c in merged)
    new = sql.SQL(", ").join(merged.values())
    return sql.SQL(
        "insert into sales_days as s (sku, location, day, units, in_stock, price, promotion, "
        "covariates, known_at) select sku, location, day, units, coalesce(in_stock, 1), price, "
        "promotion, covariates, %(now)s from sales_staged "
        "on conflict (sku, location, day) do update set {changes} "
        "where ({old}) is distinct from ({new})"
    ).format(changes=sql.SQL(", ").join(changes), old=old, new=new)


def upsert_location_days(db: psycopg.Connection, frame: pl.DataFrame, *, now: datetime) -> int:
    """Write what went on at places: columns location, day, covariates (JSON text)."""
    with db.transaction():
        db.execute(
            "create temp table location_days_staged "
            "(location text, day date, covariates jsonb) on commit drop"
        )
        copy_in(db, frame, table="location_days_staged", columns=list(LOCATION_SCHEMA))
        written = db.execute(
            "insert into location_days as d (location, day, covariates, known_at) "
            "select location, day, covariates, %s from location_days_staged "
            "on conflict (location, day) do update set known_at = excluded.known_at, "
            "covariates = d.covariates || excluded.covariates "
            "where d.covariates is distinct from d.covariates || excluded.covariates",
            [now],
        ).rowcount
        db.execute("drop table location_days_staged")
    return written


def upsert_promotions(db: psycopg.Connection, frame: pl.DataFrame, *, now: datetime) -> int:
    """Write promotions, past or planned; columns as `PROMOTION_SCHEMA`, location null: all."""
    with db.transaction():
        db.execute(
            "create temp table promotions_staged (promotion_id text, sku text, location text, "
            "starts_on date, ends_on date, discount real) on commit drop"
        )
        copy_in(db, frame, table="promotions_staged", columns=list(PROMOTION_SCHEMA))
        written = db.execute(
            "insert into promotions as p (promotion_id, sku, location, starts_on, ends_on, "
            "discount, known_at) select *, %s from promotions_staged "
            "on conflict (promotion_id) do update set sku = excluded.sku, "
            "location = excluded.location, starts_on = excluded.starts_on, "
            "ends_on = excluded.ends_on, discount = excluded.discount, "
            "known_at = excluded.known_at where "
            "(p.sku, p.location, p.starts_on, p.ends_on, p.discount) is distinct from "
            "(excluded.sku, excluded.location, excluded.starts_on, excluded.ends_on, "
            "excluded.discount)",
            [now],
        ).rowcount
        db.execute("drop table promotions_staged")
    return written


def read_sales_days(
    db: psycopg.Connection,
    *,
    first: date | None = None,
    last: date | None = None,
    skus: Sequence[str] | None = None,
    locations: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Days of sales as `SALES_SCHEMA`, sorted by key; any of the limits may be left out."""
    query = sql.SQL(
        "select sku, location, day - {epoch}, units, in_stock, price, promotion, covariates "
        "from sales_days where {limits}"
    ).format(
        epoch=sql.SQL(EPOCH),
        limits=_limits(first=first, last=last, skus=skus, locations=locations),
    )
    return copy_out(db, query, schema=SALES_SCHEMA).sort("sku", "location", "day")


def read_location_days(
    db: psycopg.Connection,
    *,
    first: date | None = None,
    last: date | None = None,
    locations: Sequence[str] | None = None,
) -> pl.DataFrame:
    """What went on at places, as `LOCATION_SCHEMA`, sorted by key."""
    query = sql.SQL(
        "select location, day - {epoch}, covariates from location_days where {limits}"
    ).format(epoch=sql.SQL(EPOCH), limits=_limits(first=first, last=last, locations=locations))
    return copy_out(db, query, schema=LOCATION_SCHEMA).sort("location", "day")


def read_promotions(
    db: psycopg.Connection, *, first: date, last: date, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """Promotions that touch any day from `first` to `last`, as `PROMOTION_SCHEMA`."""
    query = sql.SQL(
        "select promotion_id, sku, location, starts_on - {epoch}, ends_on - {epoch}, discount "
        "from promotions where starts_on <= {last} and ends_on >= {first} and {limits}"
    ).format(epoch=sql.SQL(EPOCH), first=first, last=last, limits=_limits(skus=skus))
    return copy_out(db, query, schema=PROMOTION_SCHEMA).sort("promotion_id")


def promoted_before(db: psycopg.Connection, day: date) -> bool:
    """Whether sales of any SKU under a promotion are on record from before that day."""
    row = db.execute(_PROMOTED, {"day": day}).fetchone()
    return row == (True,)


_PROMOTED = """
    select exists (select from sales_days where promotion > 0 and units is not null)
        or exists (select from promotions p join sales_days d using (sku)
            where d.day between p.starts_on and p.ends_on and d.day < %(day)s
                and (p.location is null or p.location = d.location))
"""


def last_sales_day(
    db: psycopg.Connection,
    *,
    skus: Sequence[str] | None = None,
    locations: Sequence[str] | None = None,
) -> date | None:
    """The last day whose sales are recorded, or None where nothing ever sold."""
    query = sql.SQL("select max(day) from sales_days where units is not null and {}")
    row = db.execute(query.format(_limits(skus=skus, locations=locations))).fetchone()
    return row[0] if row else None


def _limits(
    *,
    first: date | None = None,
    last: date | None = None,
    skus: Sequence[str] | None = None,
    locations: Sequence[str] | None = None,
) -> sql.Composable:
    """The given limits as SQL with literals in: COPY takes no parameters."""
    found: list[sql.Composable] = []
    if first is not None:
        found.append(sql.SQL("day >= {}").format(first))
    if last is not None:
        found.append(sql.SQL("day <= {}").format(last))
    if skus is not None:
        found.append(sql.SQL("sku = any({}::text[])").format(list(skus)))
    if locations is not None:
        found.append(sql.SQL("location = any({}::text[])").format(list(locations)))
    return sql.SQL(" and ").join(found) if found else sql.SQL("true")


def _is_empty(db: psycopg.Connection, table: str) -> bool:
    query = sql.SQL("select not exists (select from {})").format(sql.Identifier(table))
    row = db.execute(query).fetchone()
    return bool(row and row[0])
