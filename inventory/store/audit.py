"""Who did what, when, why and from which source: every record of change, in one order of time.

Five books are read together: the entries behind the balances, the transitions of reservations,
those of purchase orders and of transfers, and what planners stated over the forecast. They are
append-only; a mistake is corrected by a new record.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]

LAST_ID = 2**62
"""Beyond every id: where the newest page begins."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records: all of those that are given must fit."""

    sku: str | None = None
    location: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last record seen of each book; the next page begins before these."""

    entry: int = LAST_ID
    placing: int = LAST_ID
    transition: int = LAST_ID
    purchase_order: int = LAST_ID
    override: int = LAST_ID
    withdrawal: int = LAST_ID
    transfer: int = LAST_ID


def page(
    db: psycopg.Connection, wanted: AuditFilter, *, before: Position, limit: int
) -> tuple[list[Row], Position]:
    """Records, newest first, and where the next page begins. Each book is in its order of writing.

    `actor` of what the clock did by itself is `clock`; of what a job or file did without a person,
    `system`. A reason that nobody gave is what the record itself says: a receipt, a shipment.
    """
    parameters: dict[str, object] = {
        "sku": wanted.sku,
        "location": wanted.location,
        "actor": wanted.actor,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
    }
    books = [
        _book(db, name, query, parameters | {"before": getattr(before, name)})
        for name, query in _BOOKS.items()
    ]
    merged = heapq.merge(*books, key=lambda item: item[0], reverse=True)
    found: list[Row] = []
    seen = {name: getattr(before, name) for name in _BOOKS}
    for _, name, row in merged:
        if len(found) == limit:
            break
        seen[name] = row.pop("book_id")
        found.append(row)
    return found, Position(**seen)


def _book(
    db: psycopg.Connection, name: str, query: LiteralString, parameters: Mapping[str, object]
) -> Iterator[tuple[datetime, str, Row]]:
    """One book with a moment to sort by that never rises, whatever a clock did."""
    with db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, parameters).fetchall()
    lowest: datetime | None = None
    for row in rows:
        lowest = row["at"] if lowest is None else min(lowest, row["at"])
        yield lowest, name, row


# Entries are found by their position, so first come the positions of the SKU.
_ENTRIES: LiteralString = """
    select * from audit_entries b
    where b.book_id < %(before)s
        and (%(sku)s::text is null
            or b.sku = %(sku)s and position_key(b.sku, b.location) in (
                select position_key(a.sku, a.location) from balances a where a.sku = %(sku)s))
        and (%(location)s::text is null or b.location = %(location)s)
"""

_OF_RESERVATION: LiteralString = """
        and (%(sku)s::text is null and %(location)s::text is null or exists (
            select from reservation_lines l where l.reservation_id = b.reservation_id
                and (%(sku)s::text is null or l.sku = %(sku)s or l.bundle_sku = %(sku)s)
                and (%(location)s::text is null or l.location = %(location)s
                    or %(location)s = any (l.excluded_locations))))
"""

_PLACINGS: LiteralString = "select * from audit_placings b where b.book_id < %(before)s"

_TRANSITIONS: LiteralString = "select * from audit_transitions b where b.book_id < %(before)s"

_PURCHASE_ORDERS: LiteralString = """
    select * from audit_purchase_orders b
    where b.book_id < %(before)s
        and (%(sku)s::text is null or exists (
            select from purchase_order_lines l
            where l.purchase_order_id = b.purchase_order_id and l.sku = %(sku)s))
        and (%(location)s::text is null or b.location = %(location)s)
"""

_TRANSFERS: LiteralString = """
    select * from audit_transfers b
    where b.book_id < %(before)s
        and (%(sku)s::text is null or exists (
            select from transfer_lines l
            where l.transfer_id = b.detail ->> 'transfer' and l.sku = %(sku)s))
        and (%(location)s::text is null or %(location)s in (b.location, b.detail ->> 'origin'))
"""

# A SKU is meant by its category and vendor too, a location by its groups.
_OF_SCOPE: LiteralString = """
        and (%(sku)s::text is null or b.sku = %(sku)s or b.sku is null and exists (
            select from skus s where s.sku = %(sku)s
                and (b.detail ->> 'category' = s.category or b.detail ->> 'vendor' = s.vendor)
                and coalesce(b.detail ->> 'category', s.category) = s.category
                and coalesce(b.detail ->> 'vendor', s.vendor, '') = coalesce(s.vendor, '')))
        and (%(location)s::text is null or b.location = %(location)s or exists (
            select from group_members g
            where g.group_id = b.detail ->> 'group' and g.location = %(location)s))
"""

_OVERRIDES: LiteralString = "select * from audit_overrides b where b.book_id < %(before)s"

_WITHDRAWALS: LiteralString = (
    "select * from audit_override_withdrawals b where b.book_id < %(before)s"
)

# What every book is asked alike.
_BY_WHOM_AND_WHEN: LiteralString = """
        and (%(actor)s::text is null or b.actor = %(actor)s)
        and (%(since)s::timestamptz is null or b.at >= %(since)s)
        and (%(until)s::timestamptz is null or b.at < %(until)s)
    order by b.book_id desc limit %(limit)s
"""

_BOOKS: dict[str, LiteralString] = {
    "entry": _ENTRIES + _BY_WHOM_AND_WHEN,
    "placing": _PLACINGS + _OF_RESERVATION + _BY_WHOM_AND_WHEN,
    "transition": _TRANSITIONS + _OF_RESERVATION + _BY_WHOM_AND_WHEN,
    "purchase_order": _PURCHASE_ORDERS + _BY_WHOM_AND_WHEN,
    "override": _OVERRIDES + _OF_SCOPE + _BY_WHOM_AND_WHEN,
    "withdrawal": _WITHDRAWALS + _OF_SCOPE + _BY_WHOM_AND_WHEN,
    "transfer": _TRANSFERS + _BY_WHOM_AND_WHEN,
}

ENTRY_COLUMNS = {
    "entry_id": "number of the entry; later ones are higher",
    "sku": "what",
    "location": "where",
    "status": "available, inspection, frozen, in_transit, defective or scrap",
    "kind": "delta, snapshot, receipt, shipment, move, return or correction",
    "units": "what the entry did to the balance; the units of a balance are their sum",
    "stated_units": "what the source said: the change of a delta, the count of a snapshot",
    "outcome": "applied, already_counted or superseded",
    "effective_at": "when it became true",
    "recorded_at": "when it was written; its day in UTC is the partition",
    "message_id": "the message that brought it",
    "source": "the system that said so",
    "actor": "who did it: role and key, or empty for a job without a person",
    "reason": "why, where one was given",
    "reservation_id": "the promise that it belongs to",
    "inbound_id": "the supply that it belongs to",
    "sequence": "the source's own counter",
    "clamped": "whether the source's clock was ahead of ours",
}
"""The columns of exported entries, and what they mean."""

EVENT_COLUMNS = {
    "reservation_id": "the promise",
    "act": "place, confirm, extend, release, expire, allocate, process, ship, cancel, reject ...",
    "from_state": "the state before; empty for a placing",
    "to_state": "the state after",
    "at": "when; its day in UTC is the partition",
    "actor": "who did it: role and key; empty where the clock did",
    "reason": "why, where one was given",
    "body": "what the message said, as JSON",
    "event_id": "number of the event; empty for a placing, which the reservation itself records",
}
"""The columns of exported reservation events, and what they mean."""

_DAYS: dict[str, LiteralString] = {
    "entries": (
        "select entry_id, sku, location, status, kind, units, stated_units, outcome, effective_at, "
        "recorded_at, message_id, source, actor, reason, reservation_id, inbound_id, sequence, "
        "clamped from entries where recorded_at >= %s and recorded_at < %s order by entry_id"
    ),
    "reservation_events": (
        "select reservation_id, act, from_state, to_state, at, actor, reason, body::text, event_id "
        "from reservation_history where at >= %s and at < %s "
        "order by at, event_id nulls first, reservation_id"
    ),
}
DATASETS = tuple(_DAYS)


def rows_of_day(
    db: psycopg.Connection, dataset: str, *, start: datetime, rows_per_batch: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The records of the day that begins at `start`, a batch at a time, inside a transaction."""
    with db.cursor(name=f"audit_{dataset}") as cursor:
        cursor.execute(_DAYS[dataset], [start, start + timedelta(days=1)])
        while rows := cursor.fetchmany(rows_per_batch):
            yield rows


def first_day(db: psycopg.Connection) -> date | None:
    """The day (UTC) of the oldest record; None where nothing happened yet."""
    row = db.execute(
        """
        select (least(
            (select recorded_at from entries order by entry_id limit 1),
            (select min(created_at) from reservations)) at time zone 'UTC')::date
        """
    ).fetchone()
    return None if row is None else row[0]
