"""Events as others read them: in one order, none missed.

A reader remembers the `sequence` of the last event it dealt with and asks for what comes after; it
deals with an event at least once, because it may stop between dealing and remembering. Sequences
are given to events that are committed, in the order of their ids: what was given stays, and nothing
slips in before it. Of one position, and so of one SKU, events come in the order in which they
became true, because their ids are taken under the lock of the position.
"""

from typing import Any

import psycopg
from psycopg.rows import dict_row

SEQUENCE_LOCK = 8_462_118
"""Advisory lock: one reader at a time numbers what is new."""

NUMBERED_AT_ONCE_MAX = 10_000


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
