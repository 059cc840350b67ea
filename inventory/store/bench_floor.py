"""The least that PostgreSQL itself must do for a promise, a read and a sync: what ours is held to.

Bare tables of the same size, no rules, no ledger, no idempotency: one guarded update and one insert
in one statement. Nothing that keeps stock and promises in PostgreSQL can be faster.
"""

from collections.abc import Sequence
from datetime import datetime

import psycopg

Pair = tuple[str, str]
"""A position: (SKU, location)."""


def prepare(db: psycopg.Connection) -> None:
    """Make the bare tables, as large as the stock that is loaded."""
    for statement in _TABLES:
        db.execute(statement)


def reserve(
    db: psycopg.Connection, pair: Pair, *, reservation_id: str, expires_at: datetime
) -> int:
    """Take one unit of a position if it is there; returns the lines written."""
    return db.execute(_RESERVE, (*pair, reservation_id, expires_at)).rowcount


def reserve_many(
    db: psycopg.Connection, pairs: Sequence[Pair], *, reservation_id: str, expires_at: datetime
) -> int:
    """Take one unit of each position that has it; pairs are in the order of their key."""
    skus, locations = _columns(pairs)
    return db.execute(_RESERVE_MANY, (skus, locations, reservation_id, expires_at)).rowcount


def read_one(db: psycopg.Connection, pair: Pair) -> object:
    """The free units of one position."""
    return db.execute(_READ_ONE, pair).fetchone()


def read_many(db: psycopg.Connection, pairs: Sequence[Pair]) -> Sequence[object]:
    """The free units of many positions."""
    return db.execute(_READ_MANY, _columns(pairs)).fetchall()


def upsert(db: psycopg.Connection, pairs: Sequence[Pair], units: Sequence[int]) -> int:
    """Add units to many positions, which may be new."""
    return db.execute(_UPSERT, (*_columns(pairs), list(units))).rowcount


def _columns(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    return [sku for sku, _ in pairs], [location for _, location in pairs]


_TABLES = (
    """
    create table floor_balances (
        sku text not null,
        location text not null,
        units bigint not null,
        held bigint not null default 0,
        primary key (sku, location)
    ) with (fillfactor = 80)
    """,
    """
    create table floor_lines (
        reservation_id text not null,
        line_no integer not null,
        sku text not null,
        location text not null,
        units bigint not null,
        expires_at timestamptz not null,
        primary key (reservation_id, line_no)
    )
    """,
    """
    insert into floor_balances (sku, location, units)
    select sku, location, units from balances where status = 'available'
    """,
    "vacuum analyze floor_balances",
    "checkpoint",
)

_RESERVE = """
    with taken as (
        update floor_balances set held = held + 1
        where sku = %s and location = %s and units - held >= 1
        returning sku, location
    )
    insert into floor_lines (reservation_id, line_no, sku, location, units, expires_at)
    select %s, 1, sku, location, 1, %s from taken
"""

# Locked in the order of the key first: two baskets that overlap would deadlock otherwise.
_RESERVE_MANY = """
    with asked as (
        select b.sku, b.location, k.line_no from unnest(%s::text[], %s::text[]) with ordinality
            as k (sku, location, line_no)
        join floor_balances b on b.sku = k.sku and b.location = k.location
        where b.units - b.held >= 1
        order by b.sku, b.location
        for update of b
    ), taken as (
        update floor_balances b set held = held + 1
        from asked k where b.sku = k.sku and b.location = k.location
        returning k.line_no, b.sku, b.location
    )
    insert into floor_lines (reservation_id, line_no, sku, location, units, expires_at)
    select %s, line_no, sku, location, 1, %s from taken
"""

_READ_ONE = "select units - held from floor_balances where sku = %s and location = %s"

_READ_MANY = """
    select b.sku, b.location, b.units - b.held
    from unnest(%s::text[], %s::text[]) as k (sku, location)
        join floor_balances b on b.sku = k.sku and b.location = k.location
"""

_UPSERT = """
    insert into floor_balances as b (sku, location, units)
    select * from unnest(%s::text[], %s::text[], %s::bigint[]) as k (sku, location, units)
    order by 1, 2
    on conflict (sku, location) do update set units = b.units + excluded.units
"""
