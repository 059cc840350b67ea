"""From how many free units on a position counts as low: said by a person, or by its policy.

The mark is kept on the sellable balance, where those who change it find it: a person's mark for
the place, else one for the SKU everywhere, else the reorder point of the position's policy.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import UnknownLocation, UnknownSku
from inventory.store import catalog, events
from inventory.store.retry import retrying

BATCH_MAX = 2_000
"""Positions marked in one transaction: promises on them wait for its end."""


def put(
    db: psycopg.Connection, *, sku: str, location: str | None, units: int | None, now: datetime
) -> None:
    """Say from how many units on a SKU is low, at a location or everywhere; None takes it back.

    Raises `UnknownSku`, `UnknownLocation`.
    """
    places = [] if location is None else [location]
    no_skus, no_locations = catalog.unknown(db, skus=[sku], locations=places)
    if no_skus:
        raise UnknownSku(sku)
    if no_locations:
        raise UnknownLocation(str(location))
    if units is None:
        db.execute(
            "delete from low_marks where sku = %s and location is not distinct from %s",
            [sku, location],
        )
    else:
        db.execute(
            "insert into low_marks (sku, location, units) values (%s, %s, %s) "
            "on conflict (sku, coalesce(location, '')) do update set units = excluded.units",
            [sku, location, units],
        )
    refresh(db, skus=[sku], now=now)


def of_sku(db: psycopg.Connection, sku: str) -> list[dict[str, Any]]:
    """What persons said of a SKU, the mark for everywhere first."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select location, units from low_marks where sku = %s "
            "order by location nulls first", [sku],
        ).fetchall()  # fmt: skip


def refresh(db: psycopg.Connection, *, skus: Sequence[str] | None = None, now: datetime) -> int:
    """Make the marks on positions (of `skus`) those that hold; returns how many changed.

    Positions that are low by the new mark, or no longer, are announced.
    """
    stale = db.execute(_STALE, {"skus": None if skus is None else list(skus)}).fetchall()
    batches = [stale[i : i + BATCH_MAX] for i in range(0, len(stale), BATCH_MAX)]
    return sum(retrying(db, lambda batch=batch: _mark(db, batch, now=now)) for batch in batches)  # type: ignore[misc]


def _mark(db: psycopg.Connection, batch: Sequence[tuple[str, str]], *, now: datetime) -> int:
    columns = [[sku for sku, _ in batch], [location for _, location in batch]]
    with db.transaction():
        db.execute(_LOCK, columns)
        changed = db.execute(_MARK, columns).fetchall()
        events.announce(db, changed, now=now, cause="low mark")
    return len(changed)


_STALE = """
    select b.sku, b.location from balances b
    where b.status = 'available' and (%(skus)s::text[] is null or b.sku = any (%(skus)s))
        and b.low_units is distinct from low_mark(b.sku, b.location)
    order by b.sku, b.location
"""

_LOCK = """
    select from balances b
    join unnest(%s::text[], %s::text[]) as k (sku, location)
        on b.sku = k.sku and b.location = k.location
    where b.status = 'available' order by b.sku, b.location for update of b
"""

_MARK = """
    update balances b set low_units = low_mark(b.sku, b.location)
    from unnest(%s::text[], %s::text[]) as k (sku, location)
    where b.sku = k.sku and b.location = k.location and b.status = 'available'
    returning b.sku, b.location
"""
