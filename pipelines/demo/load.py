"""The synthetic retailer into the database, through the same doors as a real one's data."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import Any

import polars as pl
import psycopg

from inventory.feeds import ROWS_MAX
from inventory.reservations import AskedLine, Basket
from inventory.store import bulk, feeds, history, reservations, transfer_lanes
from pipelines.defaults import add_store_buffers
from pipelines.demo.generate import LEDGER_DAYS, DemoHero, Retailer, generate
from pipelines.demo.places import CHANNELS, GROUPS, PLACES, TIMEZONE, VENDORS, lanes
from pipelines.phrases import phrase

SOURCE = "demo"
CANCELLATION_COST = 12.0
"""Money lost on a broken promise: against margins of a few euros it calls for caution."""

ORDERS = 12
"""Open orders and carts that the demo starts with."""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo put in, or that it was in already."""

    already_loaded: bool
    skus: int
    locations: int
    series: int
    sales_rows: int
    stock_entries: int
    seconds: float
    hero: DemoHero

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def load_demo(
    db: psycopg.Connection,
    *,
    now: datetime,
    seed: int = 7,
    skus: int = 200,
    days: int = 730,
    progress: Callable[[str], None] = lambda _: None,
) -> DemoReport:
    """Generate the retailer as of the evening before `now` and load it, all or nothing.

    A database that holds a demo already is left as it is, whatever its day and size were.
    """
    started = time.perf_counter()
    progress("generating the retailer")
    hero = DemoHero("drinks-001", "store-berlin", "ship-to-home", "web")
    if bulk.was_imported(db, kind=SOURCE, digest=SOURCE):
        counts = bulk.sizes(db)
        return DemoReport(True, *counts, seconds=time.perf_counter() - started, hero=hero)
    retailer = generate(seed=seed, today=now.date(), skus=skus, days=days)
    with db.transaction():
        _load_catalogue(db, retailer)
        progress(f"loading {len(retailer.sales):,} days of sales")
        history.upsert_sales_days(
            db, retailer.sales.with_columns(covariates=pl.lit(None, dtype=pl.String)), now=now
        )
        history.upsert_location_days(db, retailer.around.location_days(), now=now)
        history.upsert_promotions(db, retailer.around.promotions, now=now)
        progress("counting stock and replaying its last movements")
        _load_stock(db, retailer, now=now)
        _load_orders(db, retailer, now=now)
        bulk.note_import(
            db, kind=SOURCE, name=f"seed {seed}, {skus} SKUs, {days} days", digest=SOURCE,
            rows_read=len(retailer.sales), accepted=len(retailer.sales), now=now,
        )  # fmt: skip
        bulk.analyse(db)
    return DemoReport(
        False, *bulk.sizes(db), seconds=time.perf_counter() - started, hero=retailer.hero
    )


def _load_catalogue(db: psycopg.Connection, retailer: Retailer) -> None:
    vendor_columns = ("vendor", "name", "lead_time_days", "lead_time_sd_days",
                      "review_period_days", "min_order_value")  # fmt: skip
    _add(db, "vendors", vendor_columns, VENDORS)
    _add(
        db,
        "locations",
        ("location", "name", "type", "latitude", "longitude", "timezone", "methods", "cutoff"),
        [
            (p.location, p.name, p.type, p.latitude, p.longitude, TIMEZONE,
             "{" + ",".join(p.methods) + "}", p.cutoff)
            for p in PLACES
        ],
    )  # fmt: skip
    channels = [(channel, name, ttl) for channel, (name, ttl) in CHANNELS.items()]
    _add(db, "channels", ("channel", "name", "soft_ttl_seconds"), channels)
    _add(db, "groups", ("group_id", "name"), [(g, name) for g, (name, _) in GROUPS.items()])
    members = [(g, location) for g, (_, locations) in GROUPS.items() for location in locations]
    _add(db, "group_members", ("group_id", "location"), members)
    bulk.add_missing(db, retailer.assortment.table, table="skus")
    bulk.add_missing(db, retailer.bundles, table="skus")
    bulk.add_missing(db, retailer.components, table="bundles")
    add_store_buffers(db, cancellation_cost=CANCELLATION_COST)
    for lane in lanes():
        transfer_lanes.put(db, lane)


def _add(
    db: psycopg.Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    frame = pl.DataFrame(list(rows), schema=list(columns), orient="row")
    bulk.add_missing(db, frame, table=table)


def _load_stock(db: psycopg.Connection, retailer: Retailer, *, now: datetime) -> None:
    """A count two mornings ago, then every sale and receipt since, then what is on its way."""
    days = sorted(retailer.movements.get_column("day").unique())
    counted_at = datetime.combine(days[0], time_of_day(3), UTC)
    counts = [
        {**row, "id": f"count-{i}", "effective_at": counted_at.isoformat()}
        for i, row in enumerate(retailer.counts.iter_rows(named=True))
    ]
    _sync(db, "snapshot", counts, now)
    hours = {"restock": time_of_day(4), "sale": time_of_day(15, 30)}
    moves = [
        {
            "id": f"move-{i}", "sku": sku, "location": location, "quantity": units,
            "status": "available", "reason": reason,
            "effective_at": datetime.combine(day, hours[reason], UTC).isoformat(),
        }
        for i, (sku, location, day, units, reason) in enumerate(retailer.movements.iter_rows())
    ]  # fmt: skip
    _sync(db, "delta", moves, now)
    assert len(days) == LEDGER_DAYS
    inbound = retailer.inbound.with_row_index("n").select(
        phrase("demo-{}", "n").alias("inbound_id"),
        "sku", "location", "quantity",
        phrase("{}T05:00:00Z", "due_on").alias("expected_at"),
        pl.when(pl.col("n") % 3 == 0).then(pl.lit("shipped")).otherwise(pl.lit("confirmed"))
        .alias("state"),
        pl.lit("transfer").alias("source"),
        pl.lit(now.isoformat()).alias("updated_at"),
    )  # fmt: skip
    bulk.add_missing(db, inbound, table="inbound")


def _sync(db: psycopg.Connection, mode: Any, rows: list[dict[str, Any]], now: datetime) -> None:  # noqa: ANN401
    for start in range(0, len(rows), ROWS_MAX):
        result = feeds.sync(
            db, mode=mode, rows=rows[start : start + ROWS_MAX], now=now, source=SOURCE, feed=SOURCE,
            actor=SOURCE,
        )  # fmt: skip
        assert result.counts["quarantined"] == 0, result.results[:3]


def _load_orders(db: psycopg.Connection, retailer: Retailer, *, now: datetime) -> None:
    """A few open orders from the warehouses' pool, and two carts at the till of the app."""
    skus = retailer.assortment.skus
    for n in range(ORDERS):
        pair = tuple(
            AskedLine(sku, 1 + n % 3) for sku in (skus[n % len(skus)], skus[(n + 1) % len(skus)])
        )
        basket = Basket(
            kind="hard", channel="marketplace" if n % 3 else "web", method="ship", lines=pair,
            group="ship-to-home", order_id=f"demo-order-{n + 1}", allow_partial=True,
        )  # fmt: skip
        reservations.place(db, basket, reservation_id=f"demo-order-{n + 1}", now=now, actor=SOURCE)
    for n in range(2):
        basket = Basket(
            kind="soft", channel="app", method="bopis", location="store-berlin",
            lines=(AskedLine(skus[n % len(skus)], 2),), allow_partial=True,
        )  # fmt: skip
        reservations.place(db, basket, reservation_id=f"demo-cart-{n + 1}", now=now, actor=SOURCE)
