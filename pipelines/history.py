"""From the database to a `Panel`: what sold, day by day without a gap, and what is known ahead.

A day that is missing was not recorded, unless the history never says zero: a source that records
only sales means zero where it says nothing. Series that stopped long ago are left out.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl
import psycopg
from psycopg import sql

from features.frame import (
    DATE,
    IN_STOCK,
    KEY,
    LOCATION,
    PRICE,
    PROMOTION,
    SERIES,
    SKU,
    UNITS,
    Panel,
    check,
)
from inventory.errors import InputRejected
from inventory.store import history as store
from inventory.store.bulk import copy_out
from pipelines.known_ahead import at_every_location, future_frame, promotion_days

HISTORY_DAYS = 1096
"""Days of history that are read: three years show a yearly season three times."""

SILENT_DAYS_MAX = 56
"""A series without a record for this long has ended: nobody needs its forecast."""

NO_SALES = "no sales are on record; import some with `vouch import sales FILE`"

OF_SKU = {
    "category": pl.String, "brand": pl.String, "vendor": pl.String, "pack_size": pl.Float64,
    "shelf_life_days": pl.Float64, "lead_time_days": pl.Float64, "review_period_days": pl.Float64,
}  # fmt: skip
"""What the catalogue says of a SKU and of the vendor that brings it."""

ATTRIBUTES = OF_SKU | {"location_type": pl.String}


def load_panel(
    db: psycopg.Connection,
    *,
    origin: date | None = None,
    as_of: date | None = None,
    horizon_days: int,
    skus: Sequence[str] | None = None,
) -> Panel:
    """Every series that is alive at `origin` (default: the last day on record).

    as_of : the morning on which one stands: what sold on that day or later is not yet known.

    History columns: key, units, in_stock, price and promotion where there are any, covariates of
    the row and of the place, and those `ATTRIBUTES` that tell series apart. The future holds
    what is known of each of the `horizon_days` days after the origin.

    Raises
    ------
    InputRejected
        No sales on record, or none by the origin; says how to bring some.
    """
    origin = origin or store.last_sales_day(db, skus=skus)
    if origin is None:
        raise InputRejected(NO_SALES)
    if as_of is not None:
        origin = min(origin, as_of - timedelta(days=1))
    first, last = origin - timedelta(days=HISTORY_DAYS - 1), origin + timedelta(days=horizon_days)
    rows = store.read_sales_days(db, first=first, last=last, skus=skus).rename({"day": DATE})
    history = gap_free(rows, origin=origin)
    if history.is_empty():
        raise InputRejected(f"{NO_SALES}; nothing sold by {origin}")
    series = history.select(SERIES).unique(maintain_order=True)
    promotions = store.read_promotions(db, first=first, last=last, skus=skus)
    planned = at_every_location(promotion_days(promotions), series)
    places = unpacked(store.read_location_days(db, first=first, last=last).rename({"day": DATE}))
    future = future_frame(
        history, unpacked(rows.filter(pl.col(DATE) > origin)), planned, places,
        origin=origin, horizon_days=horizon_days,
    )  # fmt: skip
    history = with_promotions(unpacked(history), planned)
    history = _with_places(history, places.filter(pl.col(DATE) <= origin))
    history = _with_attributes(history, _attributes(db, series))
    known = [c for c in future.columns if c in history.columns]
    return Panel(history=check(history, period_days=1), future=future.select(known))


def gap_free(rows: pl.DataFrame, *, origin: date) -> pl.DataFrame:
    """One row per day from each living series' first recorded day to the origin, sorted."""
    recorded = rows.filter(pl.col(DATE) <= origin)
    spans = (
        recorded.filter(pl.col(UNITS).is_not_null())
        .group_by(SERIES)
        .agg(pl.col(DATE).min().alias("first"), pl.col(DATE).max().alias("last"))
        .filter(pl.col("last") > origin - timedelta(days=SILENT_DAYS_MAX))
        .sort(SERIES)
    )
    wanted = spans.select((origin - pl.col("first")).dt.total_days().sum() + len(spans)).item()
    alive = recorded.join(spans.select(*SERIES, "first"), on=SERIES, maintain_order="left")
    alive = alive.filter(pl.col(DATE) >= pl.col("first")).drop("first")
    if len(alive) == wanted:
        return alive
    days = spans.select(*SERIES, pl.date_ranges("first", origin).alias(DATE)).explode(DATE)
    filled = days.join(alive, on=KEY, how="left", maintain_order="left")
    filled = filled.with_columns(pl.col(IN_STOCK).fill_null(1.0))
    says_zero = bool((alive.get_column(UNITS) == 0).any())
    return filled if says_zero else filled.with_columns(pl.col(UNITS).fill_null(0.0))


def unpacked(frame: pl.DataFrame) -> pl.DataFrame:
    """The JSON text in `covariates` as columns: numbers as Float64, the rest as text."""
    texts = frame.select(pl.col("covariates").drop_nulls().unique())
    frame = frame.rename({"covariates": "_text"})
    if texts.is_empty():
        return frame.drop("_text")
    lines = "\n".join(texts.get_column("covariates")).encode()
    values = pl.read_ndjson(lines, infer_schema_length=None)
    values = values.select(
        pl.col(name).cast(pl.Float64 if kind.is_numeric() or kind == pl.Boolean else pl.String)
        for name, kind in values.schema.items()
        if name not in (*frame.columns, *ATTRIBUTES)
    )
    table = pl.concat([texts.rename({"covariates": "_text"}), values], how="horizontal")
    return frame.join(table, on="_text", how="left", maintain_order="left").drop("_text")


def with_promotions(history: pl.DataFrame, planned: pl.DataFrame) -> pl.DataFrame:
    """Promotion of each day: as recorded with the sale, else as planned, else none.

    Columns `price` and `promotion` are dropped where nobody ever gave one.
    """
    if len(planned):
        history = history.join(planned, on=KEY, how="left", maintain_order="left")
        history = history.with_columns(pl.coalesce(PROMOTION, "planned").alias(PROMOTION))
        history = history.drop("planned")
    if history.get_column(PRICE).is_null().all():
        history = history.drop(PRICE)
    if history.get_column(PROMOTION).is_null().all():
        return history.drop(PROMOTION)
    return history.with_columns(pl.col(PROMOTION).fill_null(0.0))


def _with_places(history: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    fresh = [c for c in places.columns if c not in history.columns]
    if not fresh:
        return history
    return history.join(
        places.select(LOCATION, DATE, *fresh),
        on=[LOCATION, DATE],
        how="left",
        maintain_order="left",
    )


def _with_attributes(history: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Attributes that tell at least two series apart."""
    telling = [a for a in ATTRIBUTES if series.get_column(a).n_unique() > 1]
    return history.join(
        series.select(*SERIES, *telling), on=SERIES, how="left", maintain_order="left"
    )


def _attributes(db: psycopg.Connection, series: pl.DataFrame) -> pl.DataFrame:
    """The attributes of each series' SKU and place."""
    things = copy_out(
        db,
        sql.SQL(
            "select sku, category, brand, vendor, pack_size, shelf_life_days, lead_time_days, "
            "review_period_days from skus left join vendors using (vendor)"
        ),
        schema={SKU: pl.String, **OF_SKU},
    )
    places = copy_out(
        db,
        sql.SQL("select location, type from locations"),
        schema={LOCATION: pl.String, "location_type": pl.String},
    )
    series = series.join(things, on=SKU, how="left", maintain_order="left")
    return series.join(places, on=LOCATION, how="left", maintain_order="left")
