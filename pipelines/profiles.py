"""What a sales file may look like: our own columns, or those of a known data set.

A profile turns a raw table into judged rows of `sku, location, date, units, …`, covariates of the
row and of the place, and the catalogue entries that the file itself implies.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from features.frame import DATE, IN_STOCK, KEY, LOCATION, PRICE, PROMOTION, SKU, UNITS
from features.intraday import HOURS, IntradayProfile, from_day_types, learn_profile
from inventory.errors import InputRejected
from pipelines.history import ATTRIBUTES
from pipelines.raw_table import ROW, RawTable
from pipelines.row_checks import Column, Judged, judge

SALES_COLUMNS = (
    Column(SKU, required=True),
    Column(LOCATION, required=True),
    Column(DATE, "date", required=True),
    Column(UNITS, "integer", minimum=0),
    Column(IN_STOCK, "number", minimum=0, maximum=1),
    Column(PRICE, "number", minimum=0),
    Column(PROMOTION, "number", minimum=-1, maximum=1),
)

FRESHRETAIL_UNITS_PER_AMOUNT = 10
"""Amounts are scaled, and 98 % of them lie on a grid of 0.1: one tenth is one unit."""

OPENS_HOUR, CLOSES_HOUR = 6, 22
"""`stockout_hours_6_22` counts the hours among them with an empty shelf."""

FRESHRETAIL_PROFILE = from_day_types(
    weekdays_by_hour=(
        0.029, 0.054, 0.079, 0.087, 0.084, 0.066, 0.056, 0.053,
        0.063, 0.084, 0.097, 0.078, 0.057, 0.046, 0.041, 0.026,
    ),
    weekends_by_hour=(
        0.024, 0.055, 0.092, 0.117, 0.110, 0.076, 0.054, 0.050,
        0.058, 0.076, 0.086, 0.067, 0.046, 0.036, 0.031, 0.021,
    ),
    opens_hour=OPENS_HOUR,
)  # fmt: skip
"""Shares of a day's units from 6 to 22 h, for files without `hours_sale`. Source: `hours_sale` of
every tenth series of FreshRetailNet-50K, days in stock from 6 to 22 h before 2024-05-15; the test
of this profile sums them again."""


@dataclass(slots=True, eq=False)
class SalesRows:
    """Judged rows, and what else the file says.

    covariates : columns of `judged.frame` that belong to the row.
    place_covariates : columns that are the same for all rows of a location and day.
    names : columns sku and category of SKUs the file describes, for those not yet known.
    """

    judged: Judged
    covariates: list[str]
    place_covariates: list[str]
    categories: pl.DataFrame
    creates_missing: bool
    notes: list[str]


def generic(raw: RawTable, *, name: str, series: int | None, today: date) -> SalesRows:
    """`sku, location, date, units[, in_stock, price, promotion, …]`.

    Further columns are covariates. Rows after the last with units may leave units empty: they say
    what is known ahead. A column `category` describes SKUs that are new.
    """
    if UNITS not in raw.columns:
        raise InputRejected(
            f"{name} has no column 'units', which should hold whole numbers; "
            f"it has {', '.join(raw.columns)}",
            field=UNITS,
        )
    raw, notes = _first_series(raw, series, order=(LOCATION, SKU))
    judged = judge(raw, SALES_COLUMNS, name=name, open_ended=True)
    _refuse_weekly(judged.sound)
    recorded = judged.frame.filter(pl.col(UNITS).is_not_null())
    last = recorded.get_column(DATE).max()
    if last is not None:
        judged.reject(
            pl.col(UNITS).is_null() & (pl.col(DATE) <= last) & ~_unread(judged),
            column=UNITS,
            problem="units is empty",
            remedy="write 0 where nothing sold, or leave the row out where nothing was recorded",
        )
    _reject_future(judged, column=DATE, today=today)
    judged.reject_repeats(KEY)
    notes += gap_notes(judged.sound)
    named = {column.name for column in SALES_COLUMNS} | {ROW, *ATTRIBUTES}
    covariates = [c for c in raw.columns if c not in named]
    judged.frame = judged.frame.with_columns(_plain(judged.frame, c) for c in covariates)
    category = pl.col("category") if "category" in raw.columns else pl.lit("")
    categories = judged.frame.group_by(SKU).agg(category.cast(pl.String).first().alias("category"))
    return SalesRows(judged, covariates, [], categories, creates_missing=False, notes=notes)


def freshretail(raw: RawTable, *, name: str, series: int | None, today: date) -> SalesRows:
    """FreshRetailNet-50K: hourly stock-outs of perishables, by store and product.

    One tenth of `sale_amount` is one unit; the share in stock is that of demand which fell into
    hours on sale, or that of the hours where `stockout_bits` is absent; `discount` is a factor on
    the price. `series` takes the first N in order of store and product: whole stores, so that
    neighbours stay together.
    """
    raw, notes = _first_series(raw, series, order=("store_id", "product_id"))
    judged = judge(raw, FRESHRETAIL_COLUMNS, name=name, open_ended=True)
    judged.frame = judged.frame.with_columns(
        pl.col("product_id").cast(pl.Int64).cast(pl.String).alias(SKU),
        pl.col("store_id").cast(pl.Int64).cast(pl.String).alias(LOCATION),
        pl.col("dt").alias(DATE),
        (pl.col("sale_amount") * FRESHRETAIL_UNITS_PER_AMOUNT).round().alias(UNITS),
        _share_on_sale(judged.frame).alias(IN_STOCK),
        (1 - pl.col("discount").cast(pl.Float64)).round(4).alias(PROMOTION),
        pl.col("activity_flag").cast(pl.Float64).alias("activity"),
        *(
            pl.col(old).cast(pl.Float64).round(3).alias(new)
            for old, new in WEATHER.items()
            if old in judged.frame.columns
        ),
    )
    _reject_future(judged, column="dt", today=today)
    judged.reject_repeats(KEY)
    categories = judged.frame.group_by(SKU).agg(
        pl.col("third_category_id").cast(pl.Int64).cast(pl.String).first().alias("category")
    )
    return SalesRows(
        judged,
        ["activity"],
        [new for old, new in WEATHER.items() if old in raw.columns],
        categories,
        creates_missing=True,
        notes=notes,
    )


def _share_on_sale(frame: pl.DataFrame) -> pl.Series:
    """Share of each day's demand from 6 to 22 h that met a filled shelf, in 0..1.

    By the intraday profile: that of the file where it has hourly sales (`hours_sale`, 24 numbers a
    row), else the known one. Without `stockout_bits` every hour counts the same.
    """
    counted = 1 - frame.get_column("stockout_hours_6_22") / (CLOSES_HOUR - OPENS_HOUR)
    if "stockout_bits" not in frame.columns:
        return counted
    bits = frame.get_column("stockout_bits").cast(pl.Int64)
    weekday = frame.get_column("dt").dt.weekday().fill_null(1).to_numpy() - 1
    profile = _profile_in(frame, weekday) or FRESHRETAIL_PROFILE
    seen = pl.Series(profile.seen_share(bits.fill_null(0).to_numpy(), weekday=weekday))
    return seen.zip_with(bits.is_not_null() & (counted < 1), counted)


def _profile_in(frame: pl.DataFrame, weekday: np.ndarray) -> IntradayProfile | None:
    """The profile of a file's own hourly sales; None where it has none, or not 24 a row."""
    if not isinstance(frame.schema.get("hours_sale"), pl.List | pl.Array):
        return None
    hourly = frame.get_column("hours_sale").cast(pl.List(pl.Float64), strict=False)
    if len(hourly) == 0 or not (hourly.list.len() == HOURS).fill_null(value=False).all():
        return None
    bits = frame.get_column("stockout_bits").cast(pl.Int64).fill_null((1 << HOURS) - 1)
    return learn_profile(
        hourly.explode().to_numpy().reshape(-1, HOURS),
        out_of_stock_bits=bits.to_numpy(),
        weekday=weekday,
        opens_hour=OPENS_HOUR,
        closes_hour=CLOSES_HOUR,
    )


FRESHRETAIL_COLUMNS = (
    Column("store_id", "integer", required=True),
    Column("product_id", "integer", required=True),
    Column("dt", "date", required=True),
    Column("sale_amount", "number", required=True, minimum=0),
    Column("stockout_hours_6_22", "integer", required=True, minimum=0, maximum=16),
    Column("stockout_bits", "integer", minimum=0, maximum=(1 << HOURS) - 1),
    Column("discount", "number", required=True, minimum=0, maximum=2),
    Column("third_category_id", "integer", required=True),
    Column("precpt", "number"),
    Column("avg_temperature", "number"),
    Column("avg_humidity", "number"),
    Column("avg_wind_level", "number"),
    Column("holiday_flag", "integer"),
    Column("activity_flag", "integer", required=True),
)

WEATHER = {
    "precpt": "precipitation", "avg_temperature": "temperature", "avg_humidity": "humidity",
    "avg_wind_level": "wind", "holiday_flag": "holiday",
}  # fmt: skip
"""What FreshRetail says of a store and day, and what we call it."""

Profile = Callable[..., SalesRows]
PROFILES: dict[str, Profile] = {"generic": generic, "freshretail": freshretail}


def _first_series(
    raw: RawTable, series: int | None, *, order: tuple[str, ...]
) -> tuple[RawTable, list[str]]:
    """The rows of the first N series in the given order, and a note if that left any out."""
    if series is None or not set(order) <= set(raw.columns):
        return raw, []
    keys = raw.frame.select(order).drop_nulls().unique().sort(order)
    if len(keys) <= series:
        return raw, []
    kept = raw.frame.join(keys.head(series), on=order, how="semi", maintain_order="left")
    note = f"the first {series} of {len(keys)} series, in order of {' and '.join(order)}"
    return replace(raw, frame=kept), [note]


def _reject_future(judged: Judged, *, column: str, today: date) -> None:
    judged.reject(
        pl.col(UNITS).is_not_null() & (pl.col(column) > today),
        column=column,
        problem=f"sold after today, {today}",
        remedy="correct the date; leave units empty for days to come",
    )


def _unread(judged: Judged) -> pl.Expr:
    """Rows whose units were found wrong already: one problem is enough."""
    rows = judged.rejected.filter(pl.col("field") == UNITS).get_column(ROW).unique()
    return pl.col(ROW).is_in(rows.implode())


def _plain(frame: pl.DataFrame, column: str) -> pl.Expr:
    """A covariate as a number where every value is one, else as text."""
    kind = frame.schema[column]
    if kind.is_numeric() or kind == pl.Boolean:
        number = pl.col(column).cast(pl.Float64)
        return pl.when(number.is_finite()).then(number).alias(column)
    if kind.is_nested():
        raise InputRejected(f"should hold numbers or text, not {kind}", field=column)
    text = pl.col(column).cast(pl.String).str.replace_all("\0", "", literal=True)
    text = text.str.strip_chars().replace("", None)
    numbers = frame.select(text.cast(pl.Float64, strict=False).alias("number"), text.alias("text"))
    unread = numbers.select(
        (pl.col("text").is_not_null() & ~pl.col("number").is_finite().fill_null(value=False)).any()
    )
    return text if unread.item() else text.cast(pl.Float64, strict=False)


def gap_notes(frame: pl.DataFrame) -> list[str]:
    """A sentence on days that are missing inside series, with the first place, or nothing."""
    recorded = frame.filter(pl.col(UNITS).is_not_null()).sort(KEY)
    step = pl.col(DATE).diff().over(SKU, LOCATION).dt.total_days()
    gaps = recorded.with_columns((step - 1).alias("missing")).filter(pl.col("missing") > 0)
    if gaps.is_empty():
        return []
    first = gaps.sort(ROW).row(0, named=True)
    silent = not bool((recorded.get_column(UNITS) == 0).any())
    meaning = "no sales, as the file never says 0" if silent else "not recorded"
    return [
        (
            f"row {first[ROW]}, date: {first['missing']} days are missing before {first[DATE]} "
            f"({first[SKU]} at {first[LOCATION]}), {gaps.get_column('missing').sum():,} in all; "
            f"they count as {meaning}; send them if they are known"
        )
    ]


WEEK_DAYS = 7
STEPS_MIN = 4
"""Fewer steps between rows say nothing about the rhythm of a file."""


def _refuse_weekly(frame: pl.DataFrame) -> None:
    """Weekly rows would read as six unrecorded days of seven."""
    steps = frame.sort(KEY).select(pl.col(DATE).diff().over(SKU, LOCATION).dt.total_days())
    typical = steps.to_series().median()
    told = steps.to_series().drop_nulls().len() >= STEPS_MIN
    if told and isinstance(typical, float) and typical >= WEEK_DAYS:
        raise InputRejected(
            f"rows are {typical:g} days apart, and the daily job needs daily sales; "
            "forecast weekly files with `vouch predict`",
            field=DATE,
        )
