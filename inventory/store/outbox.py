"""Events for others: written in the transaction that made them true, read in one order.

A reader remembers the `sequence` of the last event it dealt with and asks for what comes after; it
deals with an event at least once, because it may stop between dealing and remembering. Sequences
are given to events that are committed, in the order of their ids: what was given stays, and nothing
slips in before it. Of one position, and so of one SKU, events come in the order in which they
became true, because their ids are taken under the lock of the position.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

SEQUENCE_LOCK = 8_462_118
"""Advisory lock: one reader at a time numbers what is new."""

NUMBERED_AT_ONCE_MAX = 10_000


def emit(
    db: psycopg.Connection,
    *,
    kind: str,
    payload: Mapping[str, object],
    now: datetime,
    sku: str | None = None,
    location: str | None = None,
) -> None:
    """Append an event. Runs inside the caller's transaction."""
    db.execute(
        "insert into outbox (kind, sku, location, payload, created_at) values (%s, %s, %s, %s, %s)",
        [kind, sku, location, Jsonb(payload), now],
    )


def look_again(db: psycopg.Connection, skus: Collection[str], *, now: datetime) -> None:
    """Have the positions of these SKUs looked at by `inventory.store.announcements`, all together.

    For changes that promises on groups carry to positions that the writer does not hold.
    """
    if skus:
        db.execute(_LOOK_AGAIN, [now, sorted(skus)])


_LOOK_AGAIN = """
    insert into announcements_due (sku, noted_at)
    select sku, %s from unnest(%s::text[]) as k (sku) order by sku on conflict do nothing
"""


def number(db: psycopg.Connection, *, limit: int = NUMBERED_AT_ONCE_MAX) -> int:
    """Give sequences to events that were committed since the last time; returns how many."""
    if db.execute(_ANY_WAITING).fetchone() is None:
        return 0
    with db.transaction():
        # Alone first, then look: a statement sees what was committed before it began.
        db.execute("select pg_advisory_xact_lock(%s)", [SEQUENCE_LOCK])
        return db.execute(_NUMBER, [limit]).rowcount


_ANY_WAITING = "select from outbox where sequence is null limit 1"

_NUMBER = """
    with waiting as (
        select event_id, row_number() over (order by event_id) as place from (
            select event_id from outbox where sequence is null order by event_id limit %s
        ) w
    ), last as (select coalesce(max(sequence), 0) as sequence from outbox)
    update outbox o set sequence = last.sequence + w.place
    from waiting w, last where o.event_id = w.event_id
"""


def read(
    db: psycopg.Connection,
    *,
    after: int = 0,
    sku: str | None = None,
    kind: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Events after a sequence, in order, of one SKU or kind if so wished."""
    number(db)
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select sequence, kind, sku, location, created_at as at, payload from outbox
            where sequence > %(after)s and (%(sku)s::text is null or sku = %(sku)s)
                and (%(kind)s::text is null or kind = %(kind)s)
            order by sequence limit %(limit)s
            """,
            {"after": after, "sku": sku, "kind": kind, "limit": limit},
        ).fetchall()
