"""What stands in the way of a good plan, as a list that a planner can work through.

Each exception says what is wrong and what to do. One that *blocks* left a policy or line out; any
other was planned with what there is, and the message says with what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import psycopg

from inventory.order_plan import Constraints
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
    Check("price_below_cost", ("sku",),
          (pl.col("price") > 0) & (pl.col("price") < pl.col("unit_cost")),
          ("{} costs {} and sells at {}: a sale loses money, and what a lost one costs is nothing",
           "sku", "unit_cost", "price"),
          ("correct one of them with " + SKU_URL, "sku")),
    Check("lead_time_unsteady", ("vendor",),
          KNOWN & (pl.col("lead_time_sd_days") > pl.col("lead_time_days")),
          ("{} takes {} days with a deviation of {}: most safety stock is for that", "vendor",
           "lead_time_days", "lead_time_sd_days"),
          ("if that is not so, set lead_time_sd_days with " + VENDOR_URL, "vendor")),
    Check("shelf_life_zero", ("sku",), pl.col("shelf_life_days") <= 0,
          ("{} has a shelf life of 0 days, so none could be sold: it is planned as if it kept",
           "sku"),
          ("set shelf_life_days, or leave it empty where it keeps, with " + SKU_URL, "sku")),
    Check("currency_mismatch", ("sku", "vendor"),
          KNOWN & (pl.col("currency") != pl.col("vendor_currency")),
          ("{} is priced in {} and its vendor {} in {}: no order of it could be valued", "sku",
           "currency", "vendor", "vendor_currency"),
          ("give both one currency with " + SKU_URL, "sku"), blocks=True),
)  # fmt: skip
"""What positions, their SKUs and vendors may lack."""

LEAST, MULTIPLE, MOST = pl.col("least_units"), pl.col("multiple_units"), pl.col("most_units")
FITS = (MOST / MULTIPLE).floor() * MULTIPLE >= pl.max_horizontal(LEAST, MULTIPLE)
"""Whether some whole multiple is at least the minimum and at most the maximum."""

SETTLED = (
    Check("maximum_zero", ("sku",), MOST < 1,
          ("an order of {} may hold {} units at most: it is never ordered", "sku", "most_units"),
          ("raise max_order_quantity or leave it empty with " + SKU_URL + ", or in the policy rule "
           "that sets it", "sku"), blocks=True),
    Check("pack_above_maximum", ("sku",), (MOST >= 1) & (MULTIPLE > MOST),
          ("{} comes in multiples of {} units, and an order holds {} at most: it cannot be ordered",
           "sku", "multiple_units", "most_units"),
          ("lower pack_size or pallet_size, or raise max_order_quantity, with " + SKU_URL, "sku"),
          blocks=True),
    Check("minimum_above_maximum", ("sku",), (MOST >= 1) & (MULTIPLE <= MOST) & ~FITS,
          ("an order of {} holds {} units at least, {} at most, in multiples of {}: none can be",
           "sku", "least_units", "most_units", "multiple_units"),
          ("change min_order_quantity, max_order_quantity or pack_size with " + SKU_URL, "sku"),
          blocks=True),
    Check("shelf_life_below_review", ("sku",),
          pl.col("shelf_life_days") < pl.col("review_period_days"),
          ("{} keeps for {} days and is ordered every {}: the last has expired when more comes",
           "sku", "shelf_life_days", "review_period_days"),
          ("correct shelf_life_days with " + SKU_URL + ", or order from {} more often", "sku",
           "vendor")),
    Check("window_beyond_forecast", ("vendor",), pl.col("window_days") > pl.col("forecast_days"),
          ("{} takes {} days with its review, and forecasts reach {}: their last week is repeated",
           "vendor", "window_days", "forecast_days"),
          ("if it does not take that long, correct lead_time_days with " + VENDOR_URL, "vendor")),
)  # fmt: skip
"""What settled terms of positions contradict: see `of_settled`."""

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
    ("open some of its days with PUT /api/v2/order-calendars/{} or `vouch orders calendars set`",
     "calendar"), blocks=True,
)  # fmt: skip

NO_HISTORY = Check(
    "no_history", ("sku", "location"), pl.col("location").is_not_null(),
    ("{} has stock at {} and no sales on record, so no forecast and no policy", "sku", "location"),
    ("import the sales of {} with `vouch import sales`, and run `vouch daily`", "sku"), blocks=True,
)  # fmt: skip

NEVER_STOCKED = Check(
    "no_history", ("sku",), pl.col("location").is_null(),
    ("{} has a vendor and neither sales nor stock anywhere: nothing of it is planned", "sku"),
    ("order its first stock by hand; or import its sales with `vouch import sales` and run `vouch "
     "daily`; or take its vendor away with " + SKU_URL + " where it is not bought", "sku"),
    blocks=True,
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


def of_settled(
    table: pl.DataFrame, limits: Constraints, *, forecast_until: date, today: date
) -> pl.DataFrame:
    """What the settled terms of planned positions contradict.

    table : positions as `Decided.table`. limits : of each, shape (N,). forecast_until : the last
        day that a forecast tells of.
    """
    told = table.with_columns(
        pl.Series("least_units", limits.min_order_units),
        pl.Series("multiple_units", limits.pack_units),
        pl.Series("most_units", limits.max_units),
        (pl.col("lead_time_days") + pl.col("review_period_days")).alias("window_days"),
        pl.lit(max((forecast_until - today).days + 1, 0)).alias("forecast_days"),
    )
    return together([seen(told, check) for check in SETTLED])


def without_history(db: psycopg.Connection, *, skus: Sequence[str] | None) -> pl.DataFrame:
    """Positions with stock, and SKUs with a vendor, that nothing is known to have sold of."""
    rows = without_forecast(db, skus=skus)
    named = {"sku": pl.String, "location": pl.String}
    table = pl.DataFrame(rows, schema=named, orient="row")
    return together([seen(table, NO_HISTORY), seen(table, NEVER_STOCKED)])


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
