"""Balances and entries in PostgreSQL: the only statements that change units on hand.

Every writer does the same four things: create the accounts that are missing, lock all accounts in
key order, decide (`inventory.ledger`, pure), then append entries and move balances. Creating comes
before locking and both go in key order, so writers do not deadlock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple

import psycopg
from psycopg.rows import dict_row

from inventory.ledger import Balance, Fact, Key, Recorded, decide_deltas

COPY_COLUMNS = {
    "recorded_at": "timestamptz",
    "sku": "text",
    "location": "text",
    "status": "text",
    "kind": "text",
    "stated_units": "int8",
    "effective_at": "timestamptz",
    "source": "text",
    "message_id": "text",
    "actor": "text",
    "reason": "text",
    "reservation_id": "text",
    "inbound_id": "text",
    "sequence": "int8",
    "clamped": "bool",
    "outcome": "text",
    "units": "int8",
}
"""An entry: when we recorded it, the fields of its `Fact` in their order, and what it did."""

NESTED_LOOP_ROWS_MIN = 200
"""From this many accounts on, PostgreSQL would rather scan the table than visit each row."""


SEPARATOR = "\x1f"
"""The unit separator of ASCII: a control character."""


class Locked(NamedTuple):
    """Accounts that this transaction holds, and where their rows lie while it does."""

    balances: dict[Key, Balance]
    row_ids: dict[Key, str]


def record(db: psycopg.Connection, facts: Sequence[Fact], *, now: datetime) -> list[Recorded]:
    """Append changes (not snapshots) and move their balances; outcomes in the order given.

    Runs inside the caller's transaction, and fails without one: entries and balances must not part.
    SKUs and locations must be in the catalogue (a foreign key says so otherwise).
    """
    if not facts:
        return []
    keys = {fact.key for fact in facts}
    create(db, keys, now=now)
    locked = lock(db, keys)
    recorded, after = decide_deltas(locked.balances, facts)
    post(db, recorded, locked=locked, after=after, now=now)
    return recorded


def create(db: psycopg.Connection, keys: Collection[Key], *, now: datetime) -> None:
    """Open the accounts that do not exist yet, in key order.

    An account that a FULL file did not mention was zero at the moment of that file, and starts so.
    """
    db.execute(_CREATE, [*joined(keys), now])


_CREATE = """
    with missing as (
        select k.*, f.effective_at, f.sequence, f.basis
        from unnest(string_to_array(%b, e'\x1f'), string_to_array(%b, e'\x1f'),
            string_to_array(%b, e'\x1f')) as k (sku, location, status)
        left join lateral (
            select * from full_feeds
            where location = k.location and status = k.status
            order by effective_at desc, sequence desc, basis desc limit 1
        ) f on true
        where (
            -- One visit to the index per key, however large the table is.
            select count(*) from balances b
            where b.sku = k.sku and b.location = k.location and b.status = k.status
        ) = 0
    ), made as (
        insert into balances
            (sku, location, status, updated_at, snapshot_at, snapshot_sequence, snapshot_basis,
            low_units)
        select sku, location, status, %b, effective_at, coalesce(sequence, 0),
            coalesce(basis, 'physical'),
            case when status = 'available' then low_mark(sku, location) end
        from missing
        order by sku, location, status
        on conflict do nothing
        returning *
    )
    insert into entries (sku, location, status, kind, units, stated_units, outcome,
        effective_at, recorded_at, source, reason, sequence)
    select sku, location, status, 'snapshot', 0, 0, 'applied',
        snapshot_at, updated_at, 'full file', 'absent from a full file', snapshot_sequence
    from made where snapshot_at is not null
"""


def lock(db: psycopg.Connection, keys: Collection[Key]) -> Locked:
    """Balances of the accounts that exist, held until the transaction ends.

    Locked in key order, so that two writers wait for each other and never in a circle.
    """
    assert db.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    locked = Locked({}, {})
    for sku, location, status, row_id, *balance in db.execute(_LOCK, joined(keys)):
        key = Key(sku, location, status)
        locked.balances[key] = Balance(*balance)
        locked.row_ids[key] = row_id
    return locked


_LOCK = """
    select b.* from (
        select * from unnest(string_to_array(%b, e'\x1f'), string_to_array(%b, e'\x1f'),
            string_to_array(%b, e'\x1f')) as k (sku, location, status)
        order by sku, location, status
    ) k, lateral (
        select b.sku, b.location, b.status, b.ctid::text, b.units,
            b.snapshot_at, b.snapshot_sequence, b.snapshot_units, b.snapshot_basis
        from balances b
        where b.sku = k.sku and b.location = k.location and b.status = k.status
        for update
    ) b
"""


def post(
    db: psycopg.Connection,
    recorded: Sequence[Recorded],
    *,
    locked: Locked,
    after: Mapping[Key, Balance],
    now: datetime,
) -> None:
    """Append the entries and set the balances of the accounts they changed."""
    columns = ", ".join(COPY_COLUMNS)
    with (
        db.cursor() as cursor,
        cursor.copy(f"copy entries ({columns}) from stdin (format binary)") as copy,
    ):
        copy.set_types(list(COPY_COLUMNS.values()))
        write = copy.write_row
        for fact, outcome, units in recorded:
            write((now, *fact, outcome, units))
    before = locked.balances
    counted = [k for k, balance in after.items() if balance[1:] != before[k][1:]]
    if counted:
        rows = [(locked.row_ids[key], *after[key]) for key in counted]
        _move(db, _COUNT, [now, *_columns(rows, 6)], accounts=len(rows))
        return
    changed = [k for k, balance in after.items() if balance.units != before[k].units]
    if changed:
        moved = joined([locked.row_ids[key], str(after[key].units)] for key in changed)
        _move(db, _MOVE, [now, *moved], accounts=len(changed))


def _move(
    db: psycopg.Connection, statement: LiteralString, values: list[object], *, accounts: int
) -> None:
    many = accounts >= NESTED_LOOP_ROWS_MIN
    if many:
        db.execute("set local enable_hashjoin = off; set local enable_mergejoin = off")
    db.execute(statement, values)
    if many:
        db.execute("set local enable_hashjoin to default; set local enable_mergejoin to default")


# The rows are locked by us, so they lie where we found them.
_MOVE = """
    update balances b set units = a.units::bigint, updated_at = %b
    from unnest(string_to_array(%b, e'\x1f')::tid[], string_to_array(%b, e'\x1f'))
        as a (row_id, units)
    where b.ctid = a.row_id
"""

_COUNT = """
    update balances b
    set units = a.units, snapshot_at = a.snapshot_at, snapshot_sequence = a.snapshot_sequence,
        snapshot_units = a.snapshot_units, snapshot_basis = a.snapshot_basis, updated_at = %b
    from unnest(%b::tid[], %b::bigint[], %b::timestamptz[], %b::bigint[], %b::bigint[], %b::text[])
        as a (row_id, units, snapshot_at, snapshot_sequence, snapshot_units, snapshot_basis)
    where b.ctid = a.row_id
"""


def joined(rows: Iterable[Sequence[str]]) -> list[object]:
    """Columns of text, each as one text for `string_to_array`: ten times cheaper than an array.

    Ids are printable, so none holds the separator.
    """
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    texts = [SEPARATOR.join(column) for column in columns]
    assert all(
        text.count(SEPARATOR) == max(0, len(column) - 1)
        for text, column in zip(texts, columns, strict=True)
    )
    return list(texts)


def _columns(rows: Iterable[Iterable[object]], width: int) -> list[list[object]]:
    """Rows turned into arrays, one per column: one statement then carries any number of rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]


def later_units(db: psycopg.Connection, moments: Sequence[tuple[Key, datetime]]) -> list[int]:
    """For each account and moment: the sum of the changes that became true after it."""
    rows = [(*key, moment) for key, moment in moments]
    found = db.execute(_LATER, _columns(rows, 4)).fetchall()
    return [units for (units,) in found]


_LATER = """
    select coalesce((
        select sum(e.stated_units)::bigint from entries e
        where position_key(e.sku, e.location) = position_key(k.sku, k.location)
            and e.sku = k.sku and e.location = k.location and e.status = k.status
            and e.effective_at > k.moment and e.kind <> 'snapshot'), 0)
    from unnest(%b::text[], %b::text[], %b::text[], %b::timestamptz[])
        with ordinality as k (sku, location, status, moment, place)
    order by place
"""


def moment(
    db: psycopg.Connection, keys: Collection[Key], told_at: datetime | None, *, now: datetime
) -> datetime:
    """When an act of ours became true: as told, never ahead of our clock; else now.

    An act without a time of its own happens after every count that we hold, also one of this very
    microsecond. The accounts are locked first: a count that comes in between would hold the act
    for something it has counted already, and one side of a move would be lost.
    """
    if told_at is not None:
        return min(told_at, now)
    create(db, keys, now=now)
    held = lock(db, keys).balances.values()
    counted_at = [balance.snapshot_at for balance in held if balance.snapshot_at is not None]
    return max([now, *(at + timedelta(microseconds=1) for at in counted_at)])


def entries(
    db: psycopg.Connection,
    *,
    sku: str | None = None,
    location: str | None = None,
    before_entry_id: int | None = None,
    limit: int = 100,
) -> list[dict[str, object]]:
    """Entries behind the balances, newest first; page with the last `entry_id` seen."""
    query = _OF_SKU if sku is not None else _OF_ANY_SKU
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            query,
            {"sku": sku, "location": location, "before": before_entry_id, "limit": limit},
        ).fetchall()


_OF_ANY_SKU = """
    select * from entries
    where (%(location)s::text is null or location = %(location)s)
        and (%(before)s::bigint is null or entry_id < %(before)s)
    order by entry_id desc limit %(limit)s
"""

# Entries are found by their position, so first comes where the SKU has any.
_OF_SKU = """
    select e.* from (
        select distinct location from balances
        where sku = %(sku)s and (%(location)s::text is null or location = %(location)s)
    ) b cross join lateral (
        select * from entries
        where position_key(sku, location) = position_key(%(sku)s, b.location)
            and sku = %(sku)s and location = b.location
            and (%(before)s::bigint is null or entry_id < %(before)s)
    ) e
    order by e.entry_id desc limit %(limit)s
"""
