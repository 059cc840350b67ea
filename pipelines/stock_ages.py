"""What lies on shelves past its shelf life, or of an age that nobody knows, for planners to see."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from inventory.demand import Floats
from inventory.policy.perishables import ages_first_in_first_out
from pipelines.planning_exceptions import SKU_URL, Check, seen, together

EXPIRED = Check(
    "expired_stock", ("sku", "location"), pl.col("expired") > 0,
    ("{} units of {} at {} are older than the {} days that it keeps: they count as gone",
     "expired", "sku", "location", "shelf_life_days"),
    ("take them off the shelf with POST /api/v2/inventory/sync or `vouch import stock`, or correct "
     "shelf_life_days with " + SKU_URL, "sku"),
)  # fmt: skip

OF_UNKNOWN_AGE = Check(
    "stock_of_unknown_age", ("sku",), pl.col("undated") > 0,
    ("nobody knows the age of {} units of {}, which keeps {} days, in {} places: they count as new",
     "undated", "sku", "shelf_life_days", "places"),
    ("tell of {} when it comes, by receiving its orders or with POST /api/v2/inventory/sync",
     "sku"),
)  # fmt: skip


def expired_units(
    keeps_days: Floats,
    rows: NDArray[np.intp],
    on_hand: Floats,
    *,
    age_days: Floats,
    received_units: Floats,
) -> Floats:
    """Units on hand past their shelf life, the oldest sold first: shape (N,).

    Parameters
    ----------
    keeps_days, on_hand : shape (N,); days that an item keeps, infinite or no number where it does.
    rows, age_days, received_units : shape (B,), receipts by the row of their position.
    """
    left = ages_first_in_first_out(rows, age_days, received_units, on_hand)
    past = age_days >= keeps_days[rows]
    expired = np.zeros(len(on_hand))
    np.add.at(expired, rows[past], left[past])
    return expired


def age_exceptions(
    table: pl.DataFrame,
    rows: NDArray[np.intp],
    on_hand: Floats,
    *,
    age_days: Floats,
    received_units: Floats,
) -> pl.DataFrame:
    """What is wrong with the ages of stock on hand: columns `FOUND_SCHEMA`.

    Parameters
    ----------
    table : N positions with sku, location and shelf_life_days, null where an item keeps.
    rows, age_days, received_units : shape (B,), receipts by the row of their position.
    on_hand : shape (N,), units.
    """
    left = ages_first_in_first_out(rows, age_days, received_units, on_hand)
    keeps = table["shelf_life_days"].to_numpy()
    expired = expired_units(keeps, rows, on_hand, age_days=age_days, received_units=received_units)
    dated = np.zeros(len(table))
    np.add.at(dated, rows, left)
    aged = table.select("sku", "location", "shelf_life_days").with_columns(
        pl.Series("expired", expired), pl.Series("undated", np.maximum(on_hand - dated, 0.0))
    ).filter(pl.col("shelf_life_days").is_not_null())  # fmt: skip
    of_skus = (
        aged.filter(pl.col("undated") > 0)
        .group_by("sku", maintain_order=True)
        .agg(pl.col("undated").sum(), pl.col("shelf_life_days").first(), pl.len().alias("places"))
    )
    return together([seen(aged, EXPIRED), seen(of_skus, OF_UNKNOWN_AGE)])
