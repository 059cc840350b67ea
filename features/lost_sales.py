"""Lost sales: what empty shelves are estimated to have cost, in units and money, and how surely."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.special import gammaincinv

from features.demand import CENSORED, censored_expr
from features.expected import expected
from features.frame import KEY, PRICE, SERIES, UNITS
from inventory.demand import Floats

LEVEL = 0.9
"""Chance that the interval is meant to hold the units lost."""

CLUMPING = 3.0
METHOD_ERROR_SHARE = 0.15
"""Shoppers take several at a time, so unseen units vary more than the estimate's own variance says:
by this factor; and the method errs by itself, by this share of a total. Of FreshRetail days in
stock that a test cuts short, intervals with these two hold 92 % of the totals per location, 87 %
per SKU and 93 % per series, where 90 % are wanted (tests/features/test_demand.py)."""


def lost_rows(history: pl.DataFrame) -> pl.DataFrame:
    """Of each recorded row: key, other columns, and what it lost.

    Columns added: sold_units; lost_units and lost_variance, zero on rows in stock, null on censored
    rows before a series has any past; lost_value, null without a price; censored.
    """
    found = expected(history)
    price = pl.col(PRICE).forward_fill().over(SERIES) if PRICE in history.columns else pl.lit(None)
    return (
        history.with_columns(
            censored_expr(),
            sold_units=pl.col(UNITS).cast(pl.Float64),
            lost_units=pl.Series(found.unseen_units).fill_nan(None),
            lost_variance=pl.Series(found.unseen_variance).fill_nan(None),
        )
        .filter(pl.col(UNITS).is_not_null())
        .with_columns(
            pl.when(CENSORED).then(c).otherwise(0.0).alias(c)
            for c in ("lost_units", "lost_variance")
        )
        .with_columns(lost_value=pl.col("lost_units") * price.cast(pl.Float64))
    )


def summed(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Totals of `lost_rows` per value of the columns `by`, or of all rows, most lost first.

    Columns: by, sold_units, lost_units, lost_low_units, lost_high_units (interval of `LEVEL`),
    lost_value (null where no row has a price), censored_share, periods, periods_not_estimated.
    """
    lost = pl.col("lost_units")
    totals = [
        pl.col("sold_units").sum(),
        lost.sum(),
        pl.col("lost_variance").sum(),
        pl.when(pl.col("lost_value").is_not_null().any()).then(pl.col("lost_value").sum()),
        pl.col(CENSORED).mean().alias("censored_share"),
        pl.len().alias("periods"),
        lost.is_null().sum().alias("periods_not_estimated"),
    ]
    table = rows.group_by(by).agg(totals) if by else rows.select(totals)
    low, high = interval(table["lost_units"].to_numpy(), table["lost_variance"].to_numpy())
    return (
        table.with_columns(lost_low_units=pl.Series(low), lost_high_units=pl.Series(high))
        .sort("lost_units", *by, descending=[True, *(False for _ in by)])
        .select(*by, "sold_units", "lost_units", "lost_low_units", "lost_high_units", "lost_value",
                "censored_share", "periods", "periods_not_estimated")
    )  # fmt: skip


def interval(units: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Bounds that hold with chance `LEVEL`: of a gamma with this mean and variance.

    The variance is what the estimate says; see `CLUMPING` and `METHOD_ERROR_SHARE` for the rest.
    """
    mean = np.maximum(units, 0.0)
    spread = CLUMPING * variance + (METHOD_ERROR_SHARE * mean) ** 2
    some = mean > 0
    shape = np.divide(mean**2, spread, out=np.ones_like(mean), where=some)
    scale = np.divide(spread, mean, out=np.ones_like(mean), where=some)
    tail = (1 - LEVEL) / 2
    low, high = (np.where(some, scale * gammaincinv(shape, q), 0.0) for q in (tail, 1 - tail))
    return low, high


BY = {"total": (), "sku": ("sku",), "location": ("location",), "category": ("category",),
      "series": SERIES, "day": KEY[2:]}  # fmt: skip
"""What totals may be asked by."""
