"""Events for others: written in the transaction that made them true, read in one order.

A reader remembers the `sequence` of the last event it dealt with and asks for what comes after; it
deals with an event at least once, because it may stop between dealing and remembering. Sequences
are given to events that are committed, in the order of their ids: what was given stays, and nothing
slips in before it. Of one position, and so of one SKU, events come in the order in which they
became true, because their ids are taken under the lock of the position.

Events are kept for some days, then the oldest go (`prune`). Who was away for longer is told so.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import EventsExpired

SEQUENCE_LOCK = 8_462_118
"""Advisory lock: one reader at a time numbers what is new."""

PRUNING_LOCK = 8_462_119
"""Advisory lock: one process at a time takes old events away."""

NUMBERED_AT_ONCE_MAX = 10_000
PRUNED_AT_ONCE_MAX = 2_000


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
    ), last as (
        select greatest(max(o.sequence), max(p.through_sequence)) as sequence
        from outbox_pruned p left join outbox o on o.sequence is not null
    )
    update outbox o set sequence = last.sequence + w.place
    from waiting w, last where o.event_id = w.event_id
"""


def read(
    db: psycopg.Connection,
    *,
    after: int | None = None,
    sku: str | None = None,
    kind: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Events after a sequence, in order, of one SKU or kind if so wished; without one, from the
    oldest that is kept.

    Raises `EventsExpired` where some events after that sequence are not kept any more.
    """
    number(db)
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            select sequence, kind, sku, location, created_at as at, payload from outbox
            where sequence > %(after)s and (%(sku)s::text is null or sku = %(sku)s)
                and (%(kind)s::text is null or kind = %(kind)s)
            order by sequence limit %(limit)s
            """,
            {"after": after or 0, "sku": sku, "kind": kind, "limit": limit},
        ).fetchall()
    # Looked up afterwards: what was taken away while we read would be missed otherwise.
    gone = pruned_through(db)
    if after is not None and after < gone:
        raise EventsExpired(after=after, oldest=gone + 1)
    return found


def pruned_through(db: psycopg.Connection) -> int:
    """The sequence of the last event that was taken away; 0 while all are there."""
    row = db.execute("select through_sequence from outbox_pruned").fetchone()
    assert row is not None
    return int(row[0])


def prune(db: psycopg.Connection, *, kept: timedelta, now: datetime, limit: int = 100_000) -> int:
    """Take away the oldest events, `kept` old or older; returns how many, `limit` at most.

    In small batches, each its own transaction, and in the order of sequences: what is kept has no
    gap. Events that have no sequence yet stay, however old.
    """
    count = 0
    while count < limit:
        batch = min(PRUNED_AT_ONCE_MAX, limit - count)
        with db.transaction():
            alone = db.execute("select pg_try_advisory_xact_lock(%s)", [PRUNING_LOCK]).fetchone()
            if alone is None or not alone[0]:
                break
            values = {"before": now - kept, "limit": batch}
            row = db.execute(_PRUNE, values).fetchone()
        gone = 0 if row is None else int(row[0])
        count += gone
        if gone < batch:
            break
    return count


_PRUNE = """
    with oldest as materialized (
        select event_id, sequence, created_at from outbox
        where sequence is not null order by sequence limit %(limit)s
    ), young as (
        select min(sequence) as sequence from oldest where created_at > %(before)s
    ), gone as (
        delete from outbox o using oldest t, young y
        where o.event_id = t.event_id and (y.sequence is null or t.sequence < y.sequence)
        returning o.sequence
    ), noted as (
        update outbox_pruned set through_sequence = (select max(sequence) from gone)
        where exists (select from gone)
    )
    select count(*) from gone
"""
