"""How long each order has to last: until the next day on which its vendor takes one."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from inventory.order_calendar import OrderCalendar

SCOPES = ((), ("category",), ("location",), ("location", "category"))
"""What a calendar may be limited to, the most specific last: of two that fit, that one holds."""


def with_order_days(
    table: pl.DataFrame, calendars: Sequence[OrderCalendar], *, today: date
) -> pl.DataFrame:
    """Positions with the review period of their vendor's calendar, where it has one for them.

    Adds `calendar`, its id or null, and `order_days`, the review period that it gives: null where
    there is no calendar, or where it takes no order for a year (then nothing can be ordered, and
    the review period stays what the vendor states).

    Parameters
    ----------
    table : positions with vendor, hub, location, category and review_period_days. Those that a hub
        supplies are not ordered by calendars.
    """
    named = pl.DataFrame(
        [(c.vendor, c.location, c.category, c.id, c.review_days(today)) for c in calendars],
        schema={
            "vendor": pl.String, "location": pl.String, "category": pl.String,
            "calendar": pl.String, "order_days": pl.Float64,
        },
        orient="row",
    )  # fmt: skip
    found = table.with_columns(pl.lit(None, dtype=pl.Struct(NAMED)).alias("named"))
    for scope in SCOPES:
        given = named.filter(
            pl.col(name).is_not_null() == (name in scope) for name in ("location", "category")
        ).select("vendor", *scope, pl.struct(*NAMED).alias("closer"))
        found = found.join(given, on=["vendor", *scope], how="left", maintain_order="left").select(
            *found.columns[:-1], pl.coalesce("closer", "named").alias("named")
        )
    return (
        found.unnest("named")
        .with_columns(pl.when(pl.col("hub").is_null()).then(name).alias(name) for name in NAMED)
        .with_columns(pl.coalesce("order_days", "review_period_days").alias("review_period_days"))
    )


NAMED = {"calendar": pl.String, "order_days": pl.Float64}
