"""Planning a promotion: what a planner does on a Thursday, and what the next re-forecast reads."""

from datetime import date, datetime

import polars as pl
import psycopg

from inventory.errors import InputRejected, UnknownLocation, UnknownSku
from inventory.store import bulk, history


def plan_promotion(
    db: psycopg.Connection,
    *,
    sku: str,
    starts_on: date,
    ends_on: date,
    discount: float,
    now: datetime,
    location: str | None = None,
) -> str:
    """Write down a promotion and return its id; planned again, it is the same one, changed.

    Parameters
    ----------
    starts_on, ends_on : first and last day.
    discount : share taken off the price, in (0, 1].
    location : where; None means everywhere.

    Raises
    ------
    InputRejected
        The dates or the discount cannot be right. UnknownSku, UnknownLocation: no such thing.
    """
    if not 0 < discount <= 1:
        raise InputRejected("must be a share of the price between 0 and 1", field="discount")
    if ends_on < starts_on:
        raise InputRejected("must not lie before starts_on", field="ends_on")
    if sku not in bulk.known(db, table="skus", column="sku"):
        raise UnknownSku(sku)
    if location and location not in bulk.known(db, table="locations", column="location"):
        raise UnknownLocation(location)
    promotion_id = f"{sku}@{location or '*'}:{starts_on}..{ends_on}"
    row = (promotion_id, sku, location, starts_on, ends_on, discount)
    frame = pl.DataFrame([row], schema=history.PROMOTION_SCHEMA, orient="row")
    history.upsert_promotions(db, frame, now=now)
    return promotion_id
