"""What is known of the days to come: planned promotions, prices, holidays, weather forecasts.

A column counts as known ahead only if it is there for (nearly) every day of the horizon: a model
that learned from a value that is always there would misread its absence.
"""

from datetime import date, timedelta

import polars as pl

from features.frame import DATE, IN_STOCK, KEY, LOCATION, PRICE, PROMOTION, SERIES, SKU, UNITS

KNOWN_SHARE_MIN = 0.95
"""Share of series and days for which a covariate must be stored to count as known ahead."""

HABIT_DAYS = 28
"""Where nobody plans promotions here, the usual discount of this many days goes on."""


def promotion_days(promotions: pl.DataFrame) -> pl.DataFrame:
    """Key columns and `planned` (share off), one row per day; location null: any.

    Where two promotions meet, the deeper one holds.
    """
    days = promotions.select(
        SKU, LOCATION, "discount", pl.date_ranges("starts_on", "ends_on").alias(DATE)
    ).explode(DATE)
    return days.group_by(SKU, LOCATION, DATE).agg(pl.col("discount").max().alias("planned"))


def at_every_location(planned: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """The promotion days of each series: its own, and those that hold everywhere."""
    own = planned.filter(pl.col(LOCATION).is_not_null()).join(series, on=SERIES, how="semi")
    anywhere = planned.filter(pl.col(LOCATION).is_null()).drop(LOCATION).join(series, on=SKU)
    both = pl.concat([own.select(*KEY, "planned"), anywhere.select(*KEY, "planned")])
    return both.group_by(KEY).agg(pl.col("planned").max())


def future_frame(
    history: pl.DataFrame,
    stored: pl.DataFrame,
    planned: pl.DataFrame,
    places: pl.DataFrame,
    *,
    origin: date,
    horizon_days: int,
) -> pl.DataFrame:
    """Key, promotion, price and covariates for each living series and day of the horizon.

    history : with columns price and promotion; stored : rows given for days to come;
    planned : key and `planned`, of every series; places : covariates by location and day.
    """
    days = [origin + timedelta(days=1 + h) for h in range(horizon_days)]
    series = history.select(SERIES).unique(maintain_order=True)
    future = series.join(pl.DataFrame({DATE: days}), how="cross")
    stored = stored.drop(UNITS, IN_STOCK).rename({PRICE: "_price", PROMOTION: "_promotion"})
    future = future.join(stored, on=KEY, how="left", maintain_order="left")
    future = future.join(
        _habits(history, planned, origin), on=SERIES, how="left", maintain_order="left"
    ).join(planned, on=KEY, how="left", maintain_order="left")
    promotion = pl.coalesce("planned", "_promotion", "_habit", pl.lit(0.0))
    future = future.with_columns(promotion.alias(PROMOTION)).with_columns(
        pl.coalesce("_price", pl.col("_full_price") * (1 - pl.col(PROMOTION))).alias(PRICE)
    )
    fresh = [c for c in places.columns if c not in future.columns]
    future = future.join(
        places.select(LOCATION, DATE, *fresh), on=[LOCATION, DATE], how="left",
        maintain_order="left",
    )  # fmt: skip
    covariates = [c for c in future.columns if c not in KEY and not c.startswith("_")]
    wanted = KNOWN_SHARE_MIN * len(future)
    known = [c for c in covariates if c != "planned" and future.get_column(c).count() >= wanted]
    return future.select(*KEY, *known)


def _habits(history: pl.DataFrame, planned: pl.DataFrame, origin: date) -> pl.DataFrame:
    """Per series: its full price, and its usual discount where its promotions are not planned."""
    recent = history.filter(pl.col(DATE) > origin - timedelta(days=HABIT_DAYS))
    full = pl.col(PRICE) / (1 - pl.col(PROMOTION).fill_null(0.0).clip(0.0, 0.95))
    habits = recent.group_by(SERIES, maintain_order=True).agg(
        full.drop_nulls().last().alias("_full_price"),
        pl.col(PROMOTION).median().alias("_habit"),
    )
    by_plan = planned.filter(pl.col(DATE) <= origin).select(SERIES).unique().with_columns(on=True)
    habits = habits.join(by_plan, on=SERIES, how="left", maintain_order="left")
    return habits.with_columns(
        pl.when(pl.col("on").is_null()).then(pl.col("_habit")).alias("_habit")
    ).drop("on")
