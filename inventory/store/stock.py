"""Stock as a person sees and changes it: one SKU everywhere, one position, one move."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, UnknownSku
from inventory.feeds import REASONS
from inventory.ledger import (
    AVAILABLE,
    SNAPSHOT,
    STATUSES,
    Balance,
    Fact,
    Key,
    Recorded,
    decide_deltas,
)
from inventory.store import catalog, counts, idempotency, ledger, supply_shocks
from inventory.store.retry import retrying

STATES = ("in_stock", "low", "out_of_stock", "negative")
"""Of a position's available units: above its reorder point, not above it, none, less than that."""

Row = dict[str, Any]


def correct(
    db: psycopg.Connection,
    *,
    sku: str,
    location: str,
    reason: str,
    now: datetime,
    quantity: int | None = None,
    delta: int | None = None,
    status: str = AVAILABLE,
    effective_at: datetime | None = None,
    message_id: str | None = None,
    actor: str = "",
    source: str = "correction",
) -> Row:
    """A person counted a position (`quantity`) or changes it (`delta`). Returns what it did.

    With a `message_id`, a repeat gets the first answer again and changes nothing.

    Raises
    ------
    UnknownSku, UnknownLocation, InputRejected
        A reason or status that there is not; or a change that would leave less than nothing, which
        a person can see and correct, unlike a feed.
    """
    if (quantity is None) == (delta is None):
        raise InputRejected("give exactly one of 'quantity' and 'delta'", field="quantity")
    if quantity is not None and quantity < 0:
        raise InputRejected(f"a count cannot be {quantity}; send 0 or more", field="quantity")
    _one_of("reason", reason, REASONS)
    _one_of("status", status, STATUSES)
    catalog.check_position(db, sku=sku, location=location)
    key = Key(sku, location, status)

    def act() -> Row:
        with db.transaction():
            ledger.create(db, [key], now=now)
            fact = Fact(
                *key,
                kind="correction" if quantity is None else SNAPSHOT,
                stated_units=quantity if delta is None else delta,  # type: ignore[arg-type]
                effective_at=ledger.moment(db, [key], effective_at, now=now),
                source=source,
                message_id=message_id,
                actor=actor,
                reason=reason,
            )
            return _take(db, [fact], now=now)[0]

    body = {**key._asdict(), "quantity": quantity, "delta": delta, "reason": reason,
            "effective_at": None if effective_at is None else effective_at.isoformat()}  # fmt: skip
    return _once(db, "correction", message_id, body, act, now=now)


def move(
    db: psycopg.Connection,
    *,
    message_id: str,
    sku: str,
    location: str,
    units: int,
    from_status: str,
    to_status: str,
    now: datetime,
    actor: str = "",
) -> Row:
    """Units change status at their position: both sides in one event. A repeat changes nothing.

    Raises
    ------
    UnknownSku, UnknownLocation, InputRejected
        Fewer units in `from_status` than are to be moved, or a move to where they are.
    """
    if units <= 0:
        raise InputRejected(f"{units} units cannot be moved; send 1 or more", field="quantity")
    _one_of("from_status", from_status, STATUSES)
    _one_of("to_status", to_status, STATUSES)
    if from_status == to_status:
        raise InputRejected("the units are there already; name another status", field="to_status")
    catalog.check_position(db, sku=sku, location=location)
    ends = {Key(sku, location, from_status): -units, Key(sku, location, to_status): units}

    def act() -> Row:
        with db.transaction():
            ledger.create(db, ends.keys(), now=now)
            at = ledger.moment(db, ends.keys(), None, now=now)
            facts = [
                Fact(*key, "move", change, at, "move", message_id=message_id, actor=actor)
                for key, change in ends.items()
            ]
            sides = _take(db, facts, now=now)
            return {
                "sku": sku,
                "location": location,
                "statuses": {side["status"]: side["units"] for side in sides},
            }

    body = {"sku": sku, "location": location, "units": units, "from": from_status, "to": to_status}
    return _once(db, "move", message_id, body, act, now=now)


def _once(
    db: psycopg.Connection,
    scope: str,
    message_id: str | None,
    body: Row,
    act: Callable[[], Row],
    *,
    now: datetime,
) -> Row:
    if message_id is None:
        return retrying(db, act)
    outcome = idempotency.once(db, scope=scope, key=message_id, body=body, now=now, act=act)
    answer: Row = outcome.response
    return answer


def _one_of(field: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InputRejected(f"'{value}' is not one of {', '.join(allowed)}", field=field)


def _take(db: psycopg.Connection, facts: Sequence[Fact], *, now: datetime) -> list[Row]:
    """Record facts that a person stated, unless one would leave less than nothing."""
    locked = ledger.lock(db, {fact.key for fact in facts})
    recorded, after = _decide(db, facts, locked.balances)
    for entry in recorded:
        left = after[entry.fact.key].units
        if entry.units < 0 and left < 0:
            raise InputRejected(
                f"{left - entry.units} units are {entry.fact.status} at {entry.fact.location}, "
                f"{-entry.units} cannot leave; count the position and send the count",
                field="quantity" if entry.fact.kind == "move" else "delta",
            )
    ledger.post(db, recorded, locked=locked, after=after, now=now)
    supply_shocks.follow_up(db, before=locked.balances, after=after, now=now, cause=facts[0].source)
    return [_told(entry, after[entry.fact.key]) for entry in recorded]


def _decide(
    db: psycopg.Connection, facts: Sequence[Fact], balances: dict[Key, Balance]
) -> tuple[list[Recorded], dict[Key, Balance]]:
    if facts[0].kind == SNAPSHOT:
        return counts.decide_counts(db, facts, balances=balances, basis="physical")
    return decide_deltas(balances, facts)


def _told(entry: Recorded, balance: Balance) -> Row:
    fact = entry.fact
    return {
        "sku": fact.sku,
        "location": fact.location,
        "status": fact.status,
        "outcome": entry.outcome,
        "change": entry.units,
        "units": balance.units,
        "effective_at": fact.effective_at.isoformat(),
    }


def of_sku(db: psycopg.Connection, sku: str, *, now: datetime) -> Row:
    """One SKU everywhere: statuses, commitments by class, and supply on its way. `UnknownSku`."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_OF_SKU, {"sku": sku, "now": now}).fetchone()
    if row is None:
        raise UnknownSku(sku)
    row["locations"] = [_place(place) for place in row["locations"]]
    row["totals"] = {
        status: sum(place["statuses"].get(status, 0) for place in row["locations"])
        for status in STATUSES
    }
    return row


def _place(place: Row) -> Row:
    statuses = place["statuses"] or {}
    held = place["commitments"] or {}
    return {
        "location": place["location"],
        "statuses": {status: statuses.get(status, 0) for status in STATUSES},
        "commitments": {name: held.get(name, 0) for name in ("soft", "hard", "peg")},
        "inbound": place["inbound"] or [],
        "counted_at": place["counted_at"],
    }


_OF_SKU = """
    with places as (
        select location from balances where sku = %(sku)s
        union select location from inbound
            where sku = %(sku)s and state in ('planned', 'confirmed', 'shipped')
        union select location from reservation_lines
            where sku = %(sku)s and open_units > 0 and location is not null
    ), described as (
        select p.location,
            (select jsonb_object_agg(status, units) from balances b
                where b.sku = %(sku)s and b.location = p.location) as statuses,
            (select max(snapshot_at) from balances b
                where b.sku = %(sku)s and b.location = p.location) as counted_at,
            (select jsonb_object_agg(class, units) from (
                select class, sum(open_units) as units from reservation_lines l
                where l.sku = %(sku)s and l.location = p.location and l.open_units > 0
                    and (l.expires_at is null or l.expires_at > %(now)s)
                group by class) held) as commitments,
            (select jsonb_agg(jsonb_build_object('id', inbound_id, 'quantity', quantity,
                    'received', received_units, 'expected_at', expected_at, 'state', state,
                    'source', source) order by expected_at, inbound_id)
                from inbound i where i.sku = %(sku)s and i.location = p.location
                    and i.state in ('planned', 'confirmed', 'shipped')) as inbound
        from places p
    )
    select s.sku, s.name, s.category, coalesce(
        (select jsonb_agg(to_jsonb(d) order by d.location) from described d), '[]') as locations
    from skus s where s.sku = %(sku)s
"""


def page(
    db: psycopg.Connection,
    *,
    location: str | None = None,
    category: str | None = None,
    state: str | None = None,
    vendor: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[Row]:
    """Positions in the order of (SKU, location), from the one after `after` on.

    Each has its units by status and its commitments to date. `vendor`: only that vendor's SKUs.
    """
    if state is not None:
        _one_of("state", state, STATES)
    values = {
        "location": location,
        "category": category,
        "state": state,
        "vendor": vendor,
        "sku_after": "" if after is None else after[0],
        "location_after": "" if after is None else after[1],
        "limit": limit,
    }
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_PAGE, values).fetchall()


_PAGE = """
    select p.*, s.name, s.category
    from (
        select sku, location, jsonb_object_agg(status, units) as statuses,
            coalesce(sum(units) filter (where status = 'available'), 0)::bigint as available,
            max(snapshot_at) as counted_at, max(updated_at) as updated_at
        from balances
        where (sku, location) > (%(sku_after)s, %(location_after)s)
            and (%(location)s::text is null or location = %(location)s)
        group by sku, location
    ) p
    join skus s using (sku)
    left join policies y on y.sku = p.sku and y.location = p.location
    where (%(category)s::text is null or s.category = %(category)s)
        and (%(vendor)s::text is null or s.vendor = %(vendor)s)
        and (%(state)s::text is null or %(state)s = case
            when p.available < 0 then 'negative'
            when p.available = 0 then 'out_of_stock'
            when p.available <= y.reorder_point then 'low'
            else 'in_stock' end)
    order by p.sku, p.location
    limit %(limit)s
"""
