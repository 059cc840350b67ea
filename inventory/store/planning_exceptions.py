"""Planning exceptions in PostgreSQL: opened once, kept while a run sees them, resolved when not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import polars as pl
import psycopg
from psycopg.rows import dict_row

from inventory.store.bulk import copy_in

FOUND_SCHEMA = {
    "kind": pl.String, "sku": pl.String, "location": pl.String, "vendor": pl.String,
    "subject": pl.String, "message": pl.String, "remedy": pl.String, "blocks": pl.Boolean,
}  # fmt: skip
"""Columns of what a run found; what it is not about is null."""

REJECTED_ROW = "rejected_row"
"""Kind of what imports find: no run of planning resolves it."""


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file that was imported: its kind, as `skus`, and its name."""

    kind: str
    name: str


def replace_exceptions(
    db: psycopg.Connection,
    found: pl.DataFrame,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
) -> tuple[int, int]:
    """Make the open exceptions those found, columns `FOUND_SCHEMA`; returns opened and resolved.

    With `skus` only exceptions of these SKUs are compared: what is about a vendor or budget is
    judged where everything is planned.
    """
    given = {"now": now, "skus": None if skus is None else list(skus)}
    with db.transaction():
        _stage(db, found)
        if skus is not None:
            db.execute("delete from exceptions_found where sku is null or sku <> all(%(skus)s)",
                       given)  # fmt: skip
        resolved = db.execute(_RESOLVE + _NOT_FOUND, given).rowcount
        db.execute(_RENEW, given)
        opened = db.execute(_OPEN, given).rowcount
        db.execute("drop table exceptions_found")
    return opened, resolved


def keep_rejected(
    db: psycopg.Connection,
    found: pl.DataFrame,
    *,
    file: RejectedFile,
    settled: Sequence[str],
    now: datetime,
) -> None:
    """Open the exceptions of a file's rejected rows, and resolve what it settles.

    Parameters
    ----------
    found : columns `FOUND_SCHEMA`; subjects begin with the file's kind and name.
    settled : SKUs or vendors that the file speaks of: of them only what is found stays open.
    """
    given = {"now": now, "of": f"{file.kind} ", "file": f"{file.kind} {file.name} ",
             "settled": list(settled)}  # fmt: skip
    with db.transaction():
        _stage(db, found)
        db.execute(_SETTLED + _NOT_FOUND, given)
        db.execute(_RENEW, given)
        db.execute(_OPEN, given)
        db.execute("drop table exceptions_found")


def mend_rejected(db: psycopg.Connection, *, kind: str, key: str, now: datetime) -> None:
    """A SKU or vendor was written as it should be: rows of this kind of file settle for it."""
    given = {"now": now, "of": f"{kind} ", "file": None, "settled": [key]}
    db.execute(_SETTLED, given)


def _stage(db: psycopg.Connection, found: pl.DataFrame) -> None:
    """Copy what was found beside the table, which nobody else changes until the end."""
    db.execute("lock table planning_exceptions in share row exclusive mode")
    db.execute(
        "create temp table exceptions_found (kind text, sku text, location text, vendor text, "
        "subject text, message text, remedy text, blocks boolean) on commit drop"
    )
    columns = tuple(FOUND_SCHEMA)
    copy_in(db, found.select(columns), table="exceptions_found", columns=columns)


def list_exceptions(
    db: psycopg.Connection,
    *,
    kind: str | None = None,
    sku: str | None = None,
    vendor: str | None = None,
    open_only: bool = True,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Exceptions, the newest first, from the one before the id `before` on."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select exception_id as id, kind, sku, location, vendor, subject, message, remedy, "
            "blocks, first_seen_at, last_seen_at, resolved_at from planning_exceptions "
            "where (%(kind)s::text is null or kind = %(kind)s) "
            "and (%(sku)s::text is null or sku = %(sku)s) "
            "and (%(vendor)s::text is null or vendor = %(vendor)s) "
            "and (not %(open)s or resolved_at is null) "
            "and (%(before)s::bigint is null or exception_id < %(before)s) "
            "order by exception_id desc limit %(limit)s",
            {"kind": kind, "sku": sku, "vendor": vendor, "open": open_only, "before": before,
             "limit": limit},
        ).fetchall()  # fmt: skip


def without_forecast(
    db: psycopg.Connection, *, skus: Sequence[str] | None = None
) -> list[tuple[str, str | None]]:
    """What nobody plans, because nothing of it ever sold: SKU and location, in order.

    Positions that hold or owe stock and have no forecast, but for hubs of places that have one; and
    SKUs with a vendor that have neither stock nor a forecast anywhere, without a location.
    """
    given = {"skus": None if skus is None else list(skus)}
    return db.execute(_WITHOUT_FORECAST, given).fetchall()


_WITHOUT_FORECAST: LiteralString = """
    with stocked as (
        select b.sku, b.location from balances b join locations l using (location)
        where b.status = 'available' and b.units <> 0 and l.type <> 'vendor'
    )
    select b.sku, b.location from stocked b
    where (%(skus)s::text[] is null or b.sku = any(%(skus)s))
        and not exists (select from current_forecasts f
            where f.sku = b.sku and f.location = b.location)
        and not exists (select from supply_lanes h join current_forecasts f using (location)
            where h.hub = b.location and f.sku = b.sku)
        and exists (select from current_forecasts)
    union all
    select s.sku, null from skus s
    where s.vendor is not null and (%(skus)s::text[] is null or s.sku = any(%(skus)s))
        and not exists (select from current_forecasts f where f.sku = s.sku)
        and not exists (select from stocked b where b.sku = s.sku)
        and not exists (select from bundles u where u.sku = s.sku)
        and exists (select from current_forecasts)
    order by 1, 2
"""

_NOT_FOUND: LiteralString = """
        and not exists (
            select from exceptions_found f
            where (f.kind, f.sku, f.location, f.vendor, f.subject)
                is not distinct from (e.kind, e.sku, e.location, e.vendor, e.subject))
"""

_RESOLVE: LiteralString = """
    update planning_exceptions e set resolved_at = %(now)s
    where resolved_at is null and kind <> 'rejected_row'
        and (%(skus)s::text[] is null or sku = any(%(skus)s))
"""

# A row without a key is settled by whatever the same file says now.
_SETTLED: LiteralString = """
    update planning_exceptions e set resolved_at = %(now)s
    where resolved_at is null and kind = 'rejected_row' and starts_with(subject, %(of)s)
        and (coalesce(sku, vendor) = any(%(settled)s)
            or (coalesce(sku, vendor) is null and starts_with(subject, %(file)s::text)))
"""

_RENEW: LiteralString = """
    update planning_exceptions e
    set last_seen_at = %(now)s, message = f.message, remedy = f.remedy, blocks = f.blocks
    from exceptions_found f
    where e.resolved_at is null
        and (f.kind, f.sku, f.location, f.vendor, f.subject)
            is not distinct from (e.kind, e.sku, e.location, e.vendor, e.subject)
        and (e.message, e.remedy, e.blocks) is distinct from (f.message, f.remedy, f.blocks)
"""

_OPEN: LiteralString = """
    insert into planning_exceptions (kind, sku, location, vendor, subject, message, remedy, blocks,
        first_seen_at, last_seen_at)
    select distinct on (kind, sku, location, vendor, subject) f.*, %(now)s, %(now)s
    from exceptions_found f
    where not exists (
        select from planning_exceptions e
        where e.resolved_at is null and (f.kind, f.sku, f.location, f.vendor, f.subject)
            is not distinct from (e.kind, e.sku, e.location, e.vendor, e.subject))
    order by kind, sku, location, vendor, subject
"""
