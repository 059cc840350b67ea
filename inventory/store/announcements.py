"""Announcing what became of positions that are held together, and what time alone changed.

Nobody writes when supply becomes overdue or a day ends, so somebody has to look: `announce_due`,
run by the server now and then. Expired holds are announced by whoever writes the expiry down.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import psycopg

from inventory.errors import Unavailable
from inventory.store import events, ordered_goods, pegs, shortages
from inventory.store.facts import COUNTED_INBOUND_STATES, Place
from inventory.store.positions import LOCK_IN_KEY_ORDER
from inventory.store.retry import retrying

Positions = Collection[tuple[str, str]]

ROUNDS_MAX = 20
"""A round more is needed only when a promise on a new group came in between."""

BATCH_MAX = 500
"""Positions looked at in one transaction: promises on them wait for its end."""

DAYS_NEAR = timedelta(days=3)
"""No two places are further apart than this in what day it is for goods that arrive."""


def hold(db: psycopg.Connection, places: Collection[Place]) -> Sequence[tuple[str, str]]:
    """Lock every position that a change at these places bears on; in a transaction, in key order.

    Those are the locations and the members of the groups named, and the members of every group
    that has open promises on one of the SKUs. Positions without a sellable balance are left out:
    there is nothing there to announce.
    """
    assert db.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    for _ in range(ROUNDS_MAX):
        # Let go in between: holding some while waiting for more could deadlock.
        with db.transaction():
            locked = db.execute(LOCK_IN_KEY_ORDER, _near(db, places)).fetchall()
            missed = db.execute(_MISSED, [*_columns(locked), *_near(db, places)]).fetchone()
            if missed is None:
                return locked
            raise psycopg.Rollback
    raise Unavailable("promises on ever more groups came in; try again")


def _near(db: psycopg.Connection, places: Collection[Place]) -> list[list[str]]:
    asked = [
        [place.sku for place in places],
        [place.location for place in places],
        [place.group for place in places],
    ]
    return _columns(db.execute(_NEAR, [*asked, sorted({place.sku for place in places})]).fetchall())


_NEAR = """
    with asked as (
        select * from unnest(%s::text[], %s::text[], %s::text[]) as k (sku, location, group_id)
    )
    select sku, location from asked where location is not null
    union
    select a.sku, m.location from asked a join group_members m on m.group_id = a.group_id
        where a.location is null
    union
    select h.sku, m.location from (
        select distinct l.sku, l.group_id from reservation_lines l
        where l.sku = any (%s) and l.open_units > 0 and l.location is null
    ) h join group_members m on m.group_id = h.group_id
"""

_MISSED = """
    with held as (select * from unnest(%s::text[], %s::text[]) as k (sku, location))
    select from unnest(%s::text[], %s::text[]) as near (sku, location)
    join balances b on b.sku = near.sku and b.location = near.location and b.status = 'available'
    where (near.sku, near.location) not in (select sku, location from held)
    limit 1
"""


def _columns(positions: Collection[tuple[str, str]]) -> list[list[str]]:
    return [[sku for sku, _ in positions], [location for _, location in positions]]


def announce_due(db: psycopg.Connection, *, now: datetime, limit: int = 10_000) -> int:
    """Say what became true by time alone; returns how many events that made.

    Supply that is overdue since its day ended: the shortages it leaves, once per expected date, and
    positions that run low or out without it. Positions that come back because the dip before a
    delivery is behind them. What `settle_noted` does. `limit` positions of each kind at most: the
    next run takes the rest.
    """
    overdue = _overdue_in_batches(db, now=now, limit=limit)
    risen = db.execute(
        _RISING, {"now": now, "near": DAYS_NEAR, "states": list(COUNTED_INBOUND_STATES),
                  "limit": limit},
    ).fetchall()  # fmt: skip
    count = overdue + _announce_held(db, [Place(*row) for row in risen], now=now)
    return count + settle_noted(db, now=now, limit=limit)


def settle_noted(db: psycopg.Connection, *, now: datetime, limit: int = 1_000) -> int:
    """Fill and announce where a writer held fewer positions than it takes; returns how many.

    A change at one position may reach others through promises on groups, which it does not lock.
    """
    noted = db.execute(_NOTED, [limit]).fetchall()
    return sum(_settle_noted(db, sku, now=now) for (sku,) in noted)


_RISING = """
    with due as (
        select distinct i.sku, i.location from inbound i
        join locations lo on lo.location = i.location
        join balances b on b.sku = i.sku and b.location = i.location and b.status = 'available'
        where i.state in ('planned', 'confirmed', 'shipped') and i.state = any (%(states)s)
            and i.quantity > 0 and i.expected_at <= %(now)s + %(near)s
            and i.expected_at > %(now)s - %(near)s - make_interval(days => lo.put_away_lag_days)
            and b.announced <> 'in'
        limit %(limit)s
    ), known as (select array_agg(sku) as skus, array_agg(location) as locations from due)
    select c.sku, c.location
    from known, announced_crossings(skus, locations, %(states)s, %(now)s) c
"""

_NOTED = "select sku from announcements_due order by noted_at limit %s"


def _announce_held(db: psycopg.Connection, places: Sequence[Place], *, now: datetime) -> int:
    def attempt(batch: Sequence[Place]) -> int:
        with db.transaction():
            return events.announce(db, hold(db, batch), now=now, cause="time")

    batches = [places[i : i + BATCH_MAX] for i in range(0, len(places), BATCH_MAX)]
    return sum(retrying(db, lambda batch=batch: attempt(batch)) for batch in batches)  # type: ignore[misc]


def _settle_noted(db: psycopg.Connection, sku: str, *, now: datetime) -> int:
    """All positions of a SKU that promises on groups connect."""

    def attempt() -> int:
        with db.transaction():
            held = hold(db, [Place(sku, None)])
            # Forgotten only once all is held: who changes it later finds it gone, and notes it.
            db.execute("delete from announcements_due where sku = %s", [sku])
            count = pegs.fill(db, held, now=now)
            return count + events.announce(db, held, now=now, cause="group promises")

    return retrying(db, attempt)


def _overdue_in_batches(db: psycopg.Connection, *, now: datetime, limit: int) -> int:
    count = 0
    for _ in range(0, limit, BATCH_MAX):
        found, told = retrying(db, lambda: _overdue(db, now=now))
        count += told
        if found < BATCH_MAX:
            break
    return count


def _overdue(db: psycopg.Connection, *, now: datetime) -> tuple[int, int]:
    """One batch of supply that became overdue: how many there were, and the events they made."""
    with db.transaction():
        late = db.execute(
            _OVERDUE, {"now": now, "states": list(COUNTED_INBOUND_STATES), "limit": BATCH_MAX}
        ).fetchall()
        if not late:
            return 0, 0
        places = sorted({(sku, location) for _, sku, location in late})
        held = hold(db, [Place(*place) for place in places])
        told = shortages.report(db, places, now=now)
        told += events.announce(db, held, now=now, cause="overdue supply")
        ids = [inbound_id for inbound_id, _, _ in late]
        ordered_goods.note_late(db, ids, now=now)
        db.execute(_REPORTED, [ids])
        return len(late), told


_OVERDUE = """
    select i.inbound_id, i.sku, i.location
    from inbound i join locations lo on lo.location = i.location
    where i.state in ('planned', 'confirmed', 'shipped') and i.state = any (%(states)s)
        and i.quantity > 0 and i.expected_at <= %(now)s
        and i.overdue_reported_for is distinct from i.expected_at
        and location_day(lo.timezone, lo.cutoff, i.expected_at)
            < location_day(lo.timezone, lo.cutoff, %(now)s)
    order by i.inbound_id limit %(limit)s
    for update of i skip locked
"""

_REPORTED = """
    update inbound set overdue_reported_for = expected_at where inbound_id = any (%s)
"""
