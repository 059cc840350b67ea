"""Locking the positions of a decision: whoever holds them decides alone, and on fresh facts.

A decision at one location may depend on others, through promises on groups. Which ones is only
known after reading, so: lock what was named, read, and when more positions turn out to matter start
over with those. Locks go in key order; what was read before the locks is never decided upon.
"""

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeVar

import psycopg

from inventory.ledger import AVAILABLE, Key
from inventory.reservations import Reservation
from inventory.store import ledger
from inventory.store.facts import Facts, Place, read

ROUNDS_MAX = 20
"""A round more is needed only when a promise on a new group came in between."""

Result = TypeVar("Result")


def decide_on(
    db: psycopg.Connection,
    places: Collection[Place],
    decide: Callable[[Facts], Result],
    *,
    channel: str,
    method: str,
    now: datetime,
) -> Result:
    """Run `decide` in a transaction that holds every position that bears on the places.

    Holds that ended are put behind the positions (`lapse`) before `decide` runs, so that nobody
    with an older clock can still confirm what is about to be given to someone else.
    """
    named = {(place.sku, place.location) for place in places if place.location is not None}
    positions = named
    for create in [False] + [True] * (ROUNDS_MAX - 1):
        # Piped: locking and reading go to the server in one trip, writing and commit in another.
        with db.pipeline(), db.transaction():
            lock = _lock(db, positions, create=create, now=now)
            facts = _read(db, places, channel=channel, method=method, now=now)
            locked = {(sku, location) for sku, location in lock}
            positions = _bearing(facts, named)
            if positions <= locked:
                if facts.stale_holds:
                    lapse(db, locked, now=now)
                return decide(facts)
            # Let go, and start over: holding these while waiting for more could deadlock.
            raise psycopg.Rollback
    raise AssertionError("the positions of a decision keep growing")


def _bearing(facts: Facts, named: AbstractSet[tuple[str, str]]) -> set[tuple[str, str]]:
    """The positions that a decision rests on.

    A member of a group that never had the SKU gives nothing, and what comes there meanwhile only
    adds: a pool of a thousand locations does not make a thousand rows. Units below zero could be
    taken anywhere, so an allowance to oversell locks them all.
    """
    oversells = any(channel.oversell_units for channel in facts.channels.values())
    return {
        (sku, location)
        for sku, known in facts.by_sku.items()
        for location, position in known.items()
        if oversells
        or position.on_hand_units
        or position.inbound
        or position.commitments
        or position.pre_sales
        or (sku, location) in named
    }


def lapse(db: psycopg.Connection, positions: Collection[tuple[str, str]], *, now: datetime) -> None:
    """Put all that ended by `now` behind these positions, which the caller holds.

    From here on holds that end at or before `now` cannot be confirmed or extended, by anybody's
    clock. That nobody has written their expiry down yet does not matter. A hold on a group has
    lapsed as soon as one of the group's positions is past its end.
    """
    columns = [[sku for sku, _ in positions], [location for _, location in positions]]
    db.execute("select lapse(%s, %s, %s)", [*columns, now])


def has_lapsed(db: psycopg.Connection, reservation: Reservation) -> bool:
    """Whether a hold that its caller takes for live was ignored by somebody whose clock is ahead.

    Holds the positions of its lines until the transaction ends, so that nobody ignores it later.
    """
    if reservation.expires_at is None:
        return False
    parameters = {"id": reservation.id, "expires_at": reservation.expires_at}
    row = db.execute(_HAS_LAPSED, parameters).fetchone()
    assert row is not None
    return bool(row[0])


_HAS_LAPSED = """
    with places as (
        select distinct l.sku, coalesce(l.location, m.location) as location
        from reservation_lines l
        left join group_members m on l.location is null and m.group_id = l.group_id
        where l.reservation_id = %(id)s and l.open_units > 0
    ), held as (
        select b.lapsed_through from balances b
        join places p on p.sku = b.sku and p.location = b.location
        where b.status = 'available' order by b.sku, b.location for no key update of b
    )
    select coalesce(bool_or(lapsed_through >= %(expires_at)s), false) from held
"""


def _read(
    db: psycopg.Connection,
    places: Collection[Place],
    *,
    channel: str,
    method: str,
    now: datetime,
) -> Facts:
    facts = read(db, places, channels=[channel], methods=[method], now=now)
    for place in places:
        facts.check(place)
    return facts


def _lock(
    db: psycopg.Connection, positions: set[tuple[str, str]], *, create: bool, now: datetime
) -> psycopg.Cursor[tuple[str, str]]:
    """Lock the sellable balances; those that do not exist yet are made when `create` says so."""
    if create:
        ledger.create(db, {Key(sku, at, AVAILABLE) for sku, at in positions}, now=now)
    columns = [[sku for sku, _ in positions], [location for _, location in positions]]
    return db.execute(LOCK_IN_KEY_ORDER, columns)


LOCK_IN_KEY_ORDER = """
    select b.sku, b.location from balances b
    join unnest(%s::text[], %s::text[]) as k (sku, location)
        on b.sku = k.sku and b.location = k.location
    where b.status = 'available'
    order by b.sku, b.location
    for update of b
"""
"""Locks sellable balances: everybody in the same order, so that nobody waits in a circle."""
