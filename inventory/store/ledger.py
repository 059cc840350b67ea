"""Balances and entries in PostgreSQL: the only statements that change units on hand.

Every writer does the same four things in its transaction: create the accounts that are missing,
lock all accounts in key order, decide (`inventory.ledger`, pure), then append entries and move
balances. Creating comes before locking and both go in key order, so writers never deadlock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from inventory.ledger import Balance, Fact, Key, Recorded, decide_deltas


def record(db: psycopg.Connection, facts: Sequence[Fact], *, now: datetime) -> list[Recorded]:
    """Append changes (not snapshots) and move their balances; outcomes in the order given.

    Runs inside the caller's transaction, and fails without one: entries and balances must not part.
    SKUs and locations must be in the catalogue (a foreign key says so otherwise).
    """
    if not facts:
        return []
    balances = lock(db, {fact.key for fact in facts}, now=now)
    recorded, after = decide_deltas(balances, facts)
    post(db, recorded, after=after, now=now)
    return recorded


def lock(db: psycopg.Connection, keys: Collection[Key], *, now: datetime) -> dict[Key, Balance]:
    """Balances of the accounts, created where missing and locked until the transaction ends."""
    assert db.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    columns = _columns(keys, 3)
    db.execute(_CREATE_MISSING, [now, *columns])
    rows = db.execute(_LOCK, columns).fetchall()
    assert len(rows) == len(keys)
    return {Key(*row[:3]): Balance(*row[3:]) for row in rows}


_CREATE_MISSING = """
    with made as (
        insert into balances
            (sku, location, status, updated_at, snapshot_at)
        select k.sku, k.location, k.status, %s, f.effective_at
        from unnest(%s::text[], %s::text[], %s::text[]) as k (sku, location, status)
        left join lateral (
            select max(effective_at) as effective_at from full_feeds
            where location = k.location and k.status = any (statuses)
        ) f on true
        where not exists (
            select from balances b
            where b.sku = k.sku and b.location = k.location and b.status = k.status
        )
        order by k.sku, k.location, k.status
        on conflict do nothing
        returning *
    )
    -- An account that a FULL file did not mention was zero at its moment.
    insert into entries (sku, location, status, kind, units, stated_units, outcome,
        effective_at, recorded_at, source, reason)
    select sku, location, status, 'snapshot', 0, 0, 'applied',
        snapshot_at, updated_at, 'full file', 'absent from a full file'
    from made where snapshot_at is not null
"""

_LOCK = """
    select b.sku, b.location, b.status, b.units,
        b.snapshot_at, b.snapshot_sequence, b.snapshot_units, b.snapshot_basis
    from balances b
    join unnest(%s::text[], %s::text[], %s::text[]) as k (sku, location, status)
        on b.sku = k.sku and b.location = k.location and b.status = k.status
    order by b.sku, b.location, b.status
    for update of b
"""


def post(
    db: psycopg.Connection,
    recorded: Sequence[Recorded],
    *,
    after: Mapping[Key, Balance],
    now: datetime,
) -> None:
    """Append the entries and set the balances of the accounts they touched (locked before)."""
    if not recorded:
        return
    db.execute(_APPEND, [now, *_columns((_entry(r) for r in recorded), 16)])
    touched = {r.fact.key for r in recorded if r.outcome == "applied"}
    if touched:
        db.execute(_MOVE, [now, *_columns(((*key, *after[key]) for key in touched), 8)])


def _entry(recorded: Recorded) -> tuple[object, ...]:
    return (*recorded.fact, recorded.outcome, recorded.units)


_APPEND = """
    insert into entries (recorded_at, sku, location, status, kind, stated_units, effective_at,
        source, message_id, actor, reason, reservation_id, inbound_id, sequence, clamped,
        outcome, units)
    select %s, * from unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[],
        %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
        %s::boolean[], %s::text[], %s::bigint[])
"""

_MOVE = """
    update balances b
    set units = a.units, snapshot_at = a.snapshot_at, snapshot_sequence = a.snapshot_sequence,
        snapshot_units = a.snapshot_units, snapshot_basis = a.snapshot_basis, updated_at = %s
    from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[],
        %s::bigint[], %s::bigint[], %s::text[])
        as a (sku, location, status, units, snapshot_at, snapshot_sequence, snapshot_units,
            snapshot_basis)
    where b.sku = a.sku and b.location = a.location and b.status = a.status
"""


def _columns(rows: Iterable[Iterable[object]], width: int) -> list[list[object]]:
    """Rows turned into arrays, one per column: one statement then carries any number of rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]


def later_units(db: psycopg.Connection, moments: Sequence[tuple[Key, datetime]]) -> list[int]:
    """For each account and moment: the sum of the changes that became true after it."""
    rows = [(*key, moment) for key, moment in moments]
    found = db.execute(_LATER, _columns(rows, 4)).fetchall()
    return [int(units) for (units,) in found]


_LATER = """
    select coalesce((
        select sum(e.stated_units) from entries e
        where e.sku = k.sku and e.location = k.location and e.status = k.status
            and e.effective_at > k.moment and e.kind <> 'snapshot'), 0)
    from unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[])
        with ordinality as k (sku, location, status, moment, place)
    order by place
"""


def entries(
    db: psycopg.Connection,
    *,
    sku: str | None = None,
    location: str | None = None,
    before_entry_id: int | None = None,
    limit: int = 100,
) -> list[dict[str, object]]:
    """Entries behind the balances, newest first; page with the last `entry_id` seen."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select * from entries
            where (%(sku)s::text is null or sku = %(sku)s)
                and (%(location)s::text is null or location = %(location)s)
                and (%(before)s::bigint is null or entry_id < %(before)s)
            order by entry_id desc limit %(limit)s
            """,
            {"sku": sku, "location": location, "before": before_entry_id, "limit": limit},
        ).fetchall()
