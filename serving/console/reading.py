"""What the pages show, read in one go: each page is a value; who draws it reads nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
from psycopg_pool import ConnectionPool

from inventory.availability import Availability
from inventory.demand import DemandForecast
from inventory.errors import NotFound, VouchError
from inventory.store import database, history, overview, sku_overview
from inventory.store.availability import availability
from inventory.store.effective_forecasts import Adjusted, read_adjusted
from inventory.store.policies import read_policy
from pipelines import explanation

HISTORY_DAYS = 119
"""Seventeen weeks: long enough for the rhythm, short enough to see single days."""

BUSY_DAYS = 28
ALERTS_MAX = 200
ORDERS_MAX = 5
DEFAULT_CHANNEL = "web"
HITS_MAX = 8
SKUS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages read from: the server's pool, its clock, and how far ahead it promises."""

    pool: ConnectionPool
    clock: Callable[[], datetime]
    horizon_days: int

    @contextmanager
    def db(self) -> Iterator[psycopg.Connection]:
        """A connection for one page."""
        with self.pool.connection() as db:
            yield db


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """Everything on the first page."""

    now: datetime
    stock: overview.StockTotals
    health: list[overview.HealthCount]
    alerts: list[overview.OpenAlert]
    alert_counts: dict[str, int]
    orders: list[overview.WaitingOrder]
    order_totals: overview.OrderTotals
    run: overview.RunInForce | None
    promises: overview.PromiseTotals


def read_overview(source: Source) -> OverviewPage:
    """The first page as of now; one snapshot, so that its figures agree with each other."""
    now = source.clock()
    with source.db() as db, database.snapshot(db):
        return OverviewPage(
            now=now,
            stock=overview.stock_totals(db),
            health=overview.stock_health(db, now=now),
            alerts=overview.open_alerts(db, now=now, limit=ALERTS_MAX),
            alert_counts=overview.alert_counts(db, now=now),
            orders=overview.waiting_orders(db, limit=ORDERS_MAX),
            order_totals=overview.order_totals(db),
            run=overview.run_in_force(db),
            promises=overview.promise_totals(db, now=now),
        )


@dataclass(frozen=True, slots=True)
class View:
    """Who asks for stock: a sales channel, and how the order reaches its buyer."""

    channel: str | None
    method: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """One SKU at one location, through one view."""

    position: sku_overview.PositionState
    today: date
    view: View
    channels: list[str]
    methods: list[str]
    sales: pl.DataFrame
    promotions: pl.DataFrame
    adjusted: Adjusted | None
    """The forecast in force, before and after what planners stated over it."""
    flows: sku_overview.Flows
    answer: Availability | str
    """What can be promised, or why that cannot be said."""
    policy: dict[str, Any] | None
    order_lines: list[sku_overview.OrderLine]
    explanation: explanation.Explanation | None
    """Why the forecast is what it is; None where there is none, or its run kept no reasons."""

    @property
    def forecast(self) -> DemandForecast | None:
        """The forecast that acts."""
        return self.adjusted.final if self.adjusted else None


@dataclass(frozen=True, slots=True)
class SkuPage:
    """Everything on the page of one SKU; `place` is None where it is nowhere."""

    now: datetime
    horizon_days: int
    details: dict[str, Any]
    positions: list[sku_overview.PositionState]
    place: Place | None


def read_sku(source: Source, sku: str, *, location: str | None, view: View) -> SkuPage | None:
    """The page of one SKU, or None where there is no such SKU.

    Without a location, or with one where the SKU is not, it shows where the SKU sells most.
    """
    now = source.clock()
    with source.db() as db, database.snapshot(db):
        details = sku_overview.sku_details(db, sku)
        if details is None:
            return None
        positions = sku_overview.sku_positions(db, sku, now=now)
        by_location = {position.location: position for position in positions}
        busiest = sku_overview.busiest_location(
            db, sku, since=(now - timedelta(days=BUSY_DAYS)).date()
        )
        chosen = next((by_location[at] for at in (location, busiest) if at in by_location), None)
        chosen = chosen or (positions[0] if positions else None)
        place = _read_place(db, source, chosen, view, now=now) if chosen else None
    return SkuPage(now, source.horizon_days, details, positions, place)


def _read_place(
    db: psycopg.Connection,
    source: Source,
    position: sku_overview.PositionState,
    view: View,
    *,
    now: datetime,
) -> Place:
    sku, location = position.sku, position.location
    today = sku_overview.local_day(db, location, now=now)
    channels, methods = sku_overview.channels(db), sku_overview.methods(db, location)
    view = View(
        _chosen(view.channel, DEFAULT_CHANNEL, among=channels),
        _chosen(view.method, None, among=methods),
    )
    first, last = today - timedelta(days=HISTORY_DAYS), today + timedelta(days=source.horizon_days)
    return Place(
        position=position,
        today=today,
        view=view,
        channels=channels,
        methods=methods,
        sales=history.read_sales_days(db, first=first, last=last, skus=[sku], locations=[location]),
        promotions=_promotions_at(db, sku, location, first=first, last=last),
        adjusted=read_adjusted(db, sku, location, now=now),
        flows=sku_overview.flows(db, sku, location, today=today, now=now),
        answer=_answer(db, sku, location, view, now=now, horizon_days=source.horizon_days),
        policy=_policy(db, sku, location),
        order_lines=sku_overview.open_order_lines(db, sku, location),
        explanation=_explanation(db, sku, location, now=now),
    )


def _chosen(*wanted: str | None, among: list[str]) -> str | None:
    """The first of `wanted` that there is, else the first that there is."""
    return next((code for code in (*wanted, *among) if code in among), None)


def _promotions_at(
    db: psycopg.Connection, sku: str, location: str, *, first: date, last: date
) -> pl.DataFrame:
    found = history.read_promotions(db, first=first, last=last, skus=[sku])
    return found.filter(pl.col("location").is_null() | (pl.col("location") == location))


def _explanation(
    db: psycopg.Connection, sku: str, location: str, *, now: datetime
) -> explanation.Explanation | None:
    try:
        return explanation.read(db, sku, location, now=now)
    except NotFound:
        return None


def _policy(db: psycopg.Connection, sku: str, location: str) -> dict[str, Any] | None:
    try:
        return read_policy(db, sku, location)
    except NotFound:
        return None


def _answer(
    db: psycopg.Connection,
    sku: str,
    location: str,
    view: View,
    *,
    now: datetime,
    horizon_days: int,
) -> Availability | str:
    try:
        return availability(
            db,
            sku=sku,
            location=location,
            channel=view.channel,
            method=view.method,
            now=now,
            horizon_days=horizon_days,
            explain=True,
        )
    except VouchError as refusal:
        return str(refusal)


def read_sku_list(source: Source) -> tuple[list[sku_overview.SkuSummary], int]:
    """The SKUs with most to do, and how many SKUs there are."""
    with source.db() as db:
        return sku_overview.sku_summaries(db, now=source.clock(), limit=SKUS_MAX)


def find(source: Source, text: str) -> list[overview.FoundSku]:
    """What the search offers while somebody types."""
    if not text.strip():
        return []
    with source.db() as db:
        return overview.find_skus(db, text, limit=HITS_MAX)
