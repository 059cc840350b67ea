"""What a SKU sold at which price in PostgreSQL, day by day."""

from datetime import date

import polars as pl
import psycopg
from psycopg import sql

from inventory.store.bulk import EPOCH, copy_out

SCHEMA = {
    "location": pl.String, "date": pl.Date, "units": pl.Float64, "price": pl.Float64,
    "in_stock": pl.Float64, "promotion": pl.Float64,
}  # fmt: skip


def read_price_history(
    db: psycopg.Connection, sku: str, *, since: date, until: date
) -> pl.DataFrame:
    """Days of a SKU with a price, at all locations, from `since` to before `until`."""
    query = sql.SQL(
        "select location, day - {epoch}, units, price, in_stock, promotion from sales_days "
        "where sku = {sku} and day >= {since} and day < {until} and units is not null "
        "and price is not null order by location, day"
    ).format(
        epoch=sql.SQL(EPOCH), sku=sql.Literal(sku), since=sql.Literal(since),
        until=sql.Literal(until),
    )  # fmt: skip
    return copy_out(db, query, schema=SCHEMA)
