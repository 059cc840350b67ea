"""Alerts of stock, orders and feeds as they are now: raised, renewed, and resolved when over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import psycopg

from inventory import alerts, health
from inventory.alerts import Alert, Situation, Thresholds
from inventory.policy.lot_size import round_order
from inventory.shelf import Lot, Supply
from inventory.store import alert_facts, confirmation_alerts
from inventory.store.alerts import replace_alerts
from pipelines import supply_alerts
from pipelines.failing_feeds import failing_feeds

FOLLOWED_AT_ONCE = 1000
"""Events of stock that one transaction follows."""


@dataclass(slots=True)
class AlertReport:
    """What a look changed."""

    raised: int = 0
    resolved: int = 0


def refresh_alerts(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> AlertReport:
    """Make the open alerts say what is true now; run again, it changes nothing.

    skus : only positions of these; orders and feeds are looked at when everything is.
    """
    report = AlertReport()
    table = judged(alert_facts.read_positions(db, now=now, skus=skus, unplanned=True))
    found = alerts.position_alerts(situations(db, table, now=now, skus=skus))
    _replace(db, report, found, kinds=alerts.POSITION_KINDS, now=now, skus=skus)
    if skus is None:
        supply = refresh_supply(db, now=now)
        report.raised += supply.raised
        report.resolved += supply.resolved
        failing = failing_feeds(db, table, now=now)
        _replace(db, report, failing, kinds=[alerts.SYNC_FAILURE], now=now)
    return report


def refresh_supply(db: psycopg.Connection, *, now: datetime) -> AlertReport:
    """Make the open alerts of supply that is late or waits for approval say what is true now: a
    day ends without any event. What vendors confirmed short or dear is closed with its order.
    """
    report = AlertReport(resolved=confirmation_alerts.settle(db, now=now))
    _replace(db, report, supply_alerts.find(db, now=now), kinds=supply_alerts.KINDS, now=now)
    return report


def follow(db: psycopg.Connection, *, now: datetime) -> AlertReport:
    """Look again at what ran low, ran out or came back since the last time.

    So an alert opens and closes with the stock, and not with the daily job.
    """
    report = AlertReport()
    while True:
        with db.transaction():
            skus = alert_facts.take_crossed(db, limit=FOLLOWED_AT_ONCE)
            if not skus:
                return report
            done = refresh_alerts(db, now=now, skus=skus)
            report.raised += done.raised
            report.resolved += done.resolved


def _replace(
    db: psycopg.Connection,
    report: AlertReport,
    found: Sequence[Alert],
    *,
    kinds: Sequence[str],
    now: datetime,
    skus: Sequence[str] | None = None,
) -> None:
    raised, resolved = replace_alerts(db, found, kinds=kinds, now=now, skus=skus)
    report.raised += raised
    report.resolved += resolved


def situations(
    db: psycopg.Connection,
    table: pl.DataFrame,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
) -> list[Situation]:
    """Those of `judged` positions that may deserve an alert, with all that it would say."""
    ageing = alert_facts.read_ageing(db, now=now, skus=skus).with_columns(ageing=True)
    told = table.join(ageing, on=alert_facts.KEY, how="left", maintain_order="left").filter(
        (pl.col("planned") & (pl.col("health") != health.HEALTHY))
        | (pl.col("planned") & (pl.col("sellable") <= pl.col("low_mark")))
        | pl.col("ageing").is_not_null()
    )
    if told.is_empty():
        return []
    supply, lots, out_since = alert_facts.read_details(db, told)
    found = []
    for row in told.iter_rows(named=True):
        place = (row["sku"], row["location"])
        found.append(
            _situation(row, now.date(), supply.get(place, ()), lots.get(place, ()),
                       out_since.get(place))
        )  # fmt: skip
    return found


def judged(table: pl.DataFrame) -> pl.DataFrame:
    """Positions with their health in a word, cover in days, and what an order now would hold."""
    column = {name: table[name].to_numpy() for name in
              ("sellable", "on_order", "reorder_point", "order_up_to", "rate", "over_cover_days",
               "min_order", "pack")}  # fmt: skip
    words = health.stock_health(
        sellable_units=column["sellable"],
        reorder_point_units=column["reorder_point"],
        order_up_to_units=column["order_up_to"],
        demand_per_day_units=column["rate"],
        over_cover_days=column["over_cover_days"],
    )
    cover = health.days_of_cover(
        sellable_units=column["sellable"], demand_per_day_units=column["rate"]
    )
    needed = round_order(
        column["order_up_to"] - column["sellable"] - column["on_order"],
        min_order_units=column["min_order"], pack_units=column["pack"],
        max_units=table["max_order"].fill_null(np.inf).to_numpy(),
    )  # fmt: skip
    return table.with_columns(
        pl.Series("health", words.tolist(), dtype=pl.String),
        pl.Series("cover", cover),
        pl.Series("needed", needed.ordered_units),
    )


def _situation(
    row: Mapping[str, Any],
    today: date,
    supply: Sequence[Supply],
    lots: Sequence[Lot],
    out_since: date | None,
) -> Situation:
    return Situation(
        sku=row["sku"],
        location=row["location"],
        health=row["health"] if row["planned"] else health.HEALTHY,
        planned=row["planned"],
        today=today,
        sellable_units=row["sellable"],
        on_order_units=row["on_order"],
        reorder_point_units=row["reorder_point"],
        order_up_to_units=row["order_up_to"],
        cover_days=row["cover"],
        demand_per_day_units=row["rate"],
        proposed_units=row["proposed"],
        needed_units=row["needed"],
        price=row["price"],
        unit_cost=row["unit_cost"],
        currency=row["currency"],
        purchase_order=row["purchase_order"],
        transfer_in=row["transfer_in"],
        transfer_out=row["transfer_out"],
        obstacle=row["obstacle"],
        low_mark_units=row["low_mark"],
        shelf_life_days=row["shelf_life_days"],
        out_since=out_since,
        lots=lots,
        supply=supply,
        thresholds=Thresholds(
            low_cover_days=row["low_cover_days"],
            over_cover_days=row["over_cover_days"],
            slow_cover_days=row["slow_cover_days"],
            expiring_days=row["expiring_days"],
        ),
    )
