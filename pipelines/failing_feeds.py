"""Feeds with rows that could not go in, or that fell silent, and the stock they leave unseen."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg

from inventory import health
from inventory.alerts import Alert
from inventory.feed_alerts import Unseen, UnseenLine, sync_alert
from inventory.shelf import ENDLESS_DAYS
from inventory.store import feed_facts
from inventory.store.alert_facts import KEY

SILENT_AFTER = timedelta(hours=26)
"""A feed that came on most days and has not come for so long has failed: a day, and some grace."""

REGULAR_DAYS = 7
"""A feed is missed that came on so many of the fourteen days up to its last entry."""

LINES_TOLD = 10
"""Positions of a feed in its alert: those that run out first."""


def failing_feeds(db: psycopg.Connection, table: pl.DataFrame, *, now: datetime) -> list[Alert]:
    """One alert for each feed that fails.

    table : positions as `pipelines.stock_alerts.judged` tells them.
    """
    failing = {}
    for feed in feed_facts.read_feeds(db, now=now):
        since = feed["last_at"] if _is_silent(feed, now=now) else None
        if feed["rows"] or since is not None:
            failing[feed["feed"]] = (feed, since)
    if not failing:
        return []
    told = feed_facts.read_feed_positions(db, {name: since for name, (_, since) in failing.items()})
    return [
        sync_alert(
            feed=name,
            quarantined_rows=feed["rows"],
            problem=feed["problem"],
            last_entry_at=feed["last_at"],
            silent_since=since,
            unseen=_unseen(told.filter(pl.col("feed") == name), table, now=now),
        )
        for name, (feed, since) in failing.items()
    ]


def _is_silent(feed: Mapping[str, Any], *, now: datetime) -> bool:
    """Once told, it is until the feed is heard again or a person closes the alert."""
    if feed["closed"] or feed["last_at"] is None:
        return False
    regular: bool = feed["told_silent"] or feed["days"] >= REGULAR_DAYS
    quiet: timedelta = now - feed["last_at"]
    return regular and quiet > SILENT_AFTER


def _unseen(told: pl.DataFrame, table: pl.DataFrame, *, now: datetime) -> Unseen:
    """Stock of the positions that the feed told of, as it was known last."""
    known = told.join(table, on=KEY, how="inner").with_columns(
        at_risk=pl.col("planned") & pl.col("health").is_in([health.OUT, health.LOW]),
        recommended=pl.when(pl.col("proposed") > 0)
        .then(pl.col("proposed"))
        .when(pl.col("sellable") + pl.col("on_order") <= pl.col("reorder_point"))
        .then(pl.col("needed"))
        .otherwise(0.0),
    )
    first = known.sort("cover", *KEY).head(LINES_TOLD)
    lines = [
        UnseenLine(
            sku=row["sku"],
            location=row["location"],
            current_stock_units=row["sellable"],
            reorder_point_units=row["reorder_point"],
            recommended_units=row["recommended"],
            stock_out_on=_after(row["cover"], now=now),
        )
        for row in first.iter_rows(named=True)
    ]
    return Unseen(
        positions=told.select(KEY).drop_nulls().height,
        positions_at_risk=int(known["at_risk"].sum()),
        locations=sorted(told["location"].drop_nulls().unique()),
        current_stock_units=float(known["sellable"].sum()),
        reorder_point_units=float(known["reorder_point"].sum()),
        recommended_units=float(known["recommended"].sum()),
        lines=lines,
    )


def _after(cover_days: float, *, now: datetime) -> date | None:
    return now.date() + timedelta(days=int(cover_days)) if cover_days < ENDLESS_DAYS else None
