"""What stands in the way of a good plan, as a list that a planner can work through.

Each exception says what is wrong and what to do. One that *blocks* left a policy or line out; any
other was planned with what there is, and the message says with what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl
import psycopg

from inventory.store.planning_exceptions import FOUND_SCHEMA, without_forecast
from pipelines.phrases import phrase

SKU_URL = "PUT /api/v2/skus/{} or `vouch import skus`"
VENDOR_URL = "PUT /api/v2/vendors/{} or `vouch import vendors`"


@dataclass(frozen=True, slots=True)
class Check:
    """What may be wrong, what is said of it, and what to do; braces are filled in order.

    about : columns that name what it is about: it is told once for each.
    """

    kind: str
    about: tuple[str, ...]
    wrong: pl.Expr
    message: tuple[str, ...]
    """The sentence, then the columns that fill it."""
    remedy: tuple[str, ...]
    blocks: bool = False


KNOWN = pl.col("vendor").is_not_null()
MOST = pl.col("max_order_quantity")

POSITIONS = (
    Check("no_vendor", ("sku",), ~KNOWN,
          ("{} has no vendor, so no lead time and no policy", "sku"),
          ("name its vendor with " + SKU_URL, "sku"), blocks=True),
    Check("lead_time_missing", ("vendor",), pl.col("lead_time_assumed") == "t",
          ("nobody said how long {} takes; {} days are assumed", "vendor", "stated_days"),
          ("set lead_time_days with " + VENDOR_URL, "vendor")),
    Check("lead_time_zero", ("vendor",), KNOWN & (pl.col("lead_time_days") <= 0),
          ("{} delivers at once, as it says: safety stock covers the review period only", "vendor"),
          ("if that is not so, set lead_time_days with " + VENDOR_URL, "vendor")),
    Check("no_unit_cost", ("sku",), KNOWN & (pl.col("unit_cost") <= 0),
          ("{} has no unit cost: its orders have no value, and without holding cost no lot", "sku"),
          ("set unit_cost with " + SKU_URL, "sku")),
    Check("no_price", ("sku",), KNOWN & (pl.col("price") <= 0),
          ("{} has no price: what a lost sale costs is not known, its unit cost stands for it",
           "sku"),
          ("set price with " + SKU_URL, "sku")),
    Check("pack_above_maximum", ("sku",), pl.col("pack_size") > MOST,
          ("a pack of {} holds {} units, an order {} at most: it cannot be ordered", "sku",
           "pack_size", "max_order_quantity"),
          ("lower pack_size or raise max_order_quantity with " + SKU_URL, "sku"), blocks=True),
    Check("minimum_above_maximum", ("sku",), pl.col("min_order_quantity") > MOST,
          ("an order of {} holds {} units at least and {} at most: it cannot be ordered", "sku",
           "min_order_quantity", "max_order_quantity"),
          ("change one of them with " + SKU_URL, "sku"), blocks=True),
    Check("currency_mismatch", ("sku", "vendor"),
          KNOWN & (pl.col("currency") != pl.col("vendor_currency")),
          ("{} is priced in {} and its vendor {} in {}: no order of it could be valued", "sku",
           "currency", "vendor", "vendor_currency"),
          ("give both one currency with " + SKU_URL, "sku"), blocks=True),
)  # fmt: skip
"""What positions, their SKUs and vendors may lack."""

NO_ADDRESS = Check(
    "vendor_without_address", ("vendor",), pl.col("addressed") == "f",
    ("orders to {} are proposed, and there is no address to send them to", "vendor"),
    ("set email with " + VENDOR_URL + ", or say how it takes orders", "vendor"),
)  # fmt: skip

CLOSED = Check(
    "vendor_closed", ("vendor", "location"),
    pl.col("calendar").is_not_null() & pl.col("order_days").is_null(),
    ("calendar '{}' of {} takes no order for a year: nothing can be ordered by it", "calendar",
     "vendor"),
    ("open some of its days with PUT /api/v2/order-calendars/{}", "calendar"), blocks=True,
)  # fmt: skip

NO_HISTORY = Check(
    "no_history", ("sku", "location"), pl.lit(value=True),
    ("{} has stock at {} and no sales on record, so no forecast and no policy", "sku", "location"),
    ("import the sales of {} with `vouch import sales`, and run `vouch daily`", "sku"), blocks=True,
)  # fmt: skip


def of_positions(table: pl.DataFrame) -> pl.DataFrame:
    """What rows of `read_positions` lack, also those without a vendor: columns `FOUND_SCHEMA`."""
    return together([seen(table, check) for check in POSITIONS])


def without_address(lines: pl.DataFrame) -> pl.DataFrame:
    """Vendors of proposed lines, rows of `read_positions`, to whom no order could be sent."""
    return seen(lines, NO_ADDRESS)


def of_calendars(planned: pl.DataFrame) -> pl.DataFrame:
    """Calendars without an order day, of positions with the columns of `order_rhythm`."""
    return seen(planned, CLOSED)


def without_history(db: psycopg.Connection, *, skus: Sequence[str] | None) -> pl.DataFrame:
    """Positions with stock that nothing is known to have sold of."""
    rows = without_forecast(db, skus=skus)
    named = {"sku": pl.String, "location": pl.String}
    return seen(pl.DataFrame(rows, schema=named, orient="row"), NO_HISTORY)


def together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All of them."""
    return pl.concat([pl.DataFrame(schema=FOUND_SCHEMA), *frames])


def sentences(found: pl.DataFrame) -> list[str]:
    """One sentence per kind of exception, for a report: the first of its messages."""
    kinds = found.group_by("kind", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("message", "remedy").first()
    )
    return [
        f"{message}; {remedy}" + (f" (and {count - 1} more like this)" if count > 1 else "")
        for _, count, message, remedy in kinds.iter_rows()
    ]


def seen(table: pl.DataFrame, check: Check) -> pl.DataFrame:
    """An exception for each different thing of which the check finds something wrong."""
    found = table.filter(check.wrong).unique([*check.about], keep="first", maintain_order=True)
    message, *filled = check.message
    remedy, *named = check.remedy
    return found.select(
        pl.lit(check.kind).alias("kind"),
        *(
            pl.col(name) if name in check.about else pl.lit(None, dtype=pl.String).alias(name)
            for name in ("sku", "location", "vendor")
        ),
        pl.lit(None, dtype=pl.String).alias("subject"),
        phrase(message, *(_plain(found, name) for name in filled)).alias("message"),
        phrase(remedy, *named).alias("remedy"),
        pl.lit(check.blocks).alias("blocks"),
    ).select(*FOUND_SCHEMA)


def _plain(table: pl.DataFrame, name: str) -> pl.Expr:
    """A figure without needless decimals."""
    column = pl.col(name)
    if not table.schema[name].is_float():
        return column
    whole = pl.when(column == column.round()).then(column.cast(pl.Int64).cast(pl.String))
    return whole.otherwise(column.round(2).cast(pl.String))
