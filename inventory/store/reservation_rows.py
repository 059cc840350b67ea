"""Rows of reservations and their lines: read, written, and every transition on record."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import IdempotencyConflict, NotFound, StateConflict, VouchError
from inventory.reservations import PromisedLine, Reservation
from inventory.store.facts import Place

# A cart that was let go may share its order id with a later one that was not.
_BY = {
    column: f"""
        select reservation_id, kind, state, channel, method, created_at, expires_at, priority,
            order_id
        from reservations where {column} = %s
        order by state in ('released', 'expired'), sequence desc limit 1
    """  # noqa: S608 - the column is one of two names below.
    for column in ("reservation_id", "order_id")
}


def by_id(db: psycopg.Connection, reservation_id: str, *, lock: bool = False) -> Reservation:
    """The reservation as it is written down; locked until the transaction ends if so wished."""
    found = _read(db, "reservation_id", reservation_id, lock=lock)
    if found is None:
        raise NotFound("reservation", reservation_id)
    return found


def by_order(db: psycopg.Connection, order_id: str, *, lock: bool = False) -> Reservation:
    """The reservation behind an order; without one of that id, the reservation of that id."""
    found = _read(db, "order_id", order_id, lock=lock)
    found = found or _read(db, "reservation_id", order_id, lock=lock)
    if found is None:
        raise NotFound("order", order_id)
    return found


def _read(db: psycopg.Connection, column: str, key: str, *, lock: bool) -> Reservation | None:
    locking = "for update" if lock else ""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_BY[column] + locking, [key]).fetchone()
        if row is None:
            return None
        # After the lock, in a statement of its own: it sees what others did before we got it.
        lines = cursor.execute(
            """
            select line_no, request_line, sku, quantity, promised_date, open_units, location,
                group_id as "group", shipped_units, returned_units,
                excluded_locations as excluded, bundle_sku as bundle, bundle_units,
                pre_sale_id as pre_sale, filled_at,
                first_promised_date, backordered
            from reservation_lines where reservation_id = %s order by line_no
            """,
            [row["reservation_id"]],
        ).fetchall()
    promised = tuple(
        PromisedLine(**{**line, "excluded": tuple(line["excluded"])}) for line in lines
    )
    return Reservation(id=row.pop("reservation_id"), **row, lines=promised)


def line_class(reservation: Reservation) -> str:
    """The class of commitment that the lines of a reservation are in the state it is in."""
    if reservation.kind == "preorder":
        return "peg"
    return "soft" if reservation.kind == "soft" and reservation.state == "active" else "hard"


def insert(db: psycopg.Connection, reservation: Reservation, *, actor: str) -> None:
    """Write down a new reservation, who placed it, and its lines, in one statement."""
    lines = reservation.lines
    parameters = {
        "id": reservation.id,
        "kind": reservation.kind,
        "state": reservation.state,
        "channel": reservation.channel,
        "method": reservation.method,
        "priority": reservation.priority,
        "order_id": reservation.order_id,
        "now": reservation.created_at,
        "expires_at": reservation.expires_at,
        "confirmed_at": reservation.created_at if reservation.state == "confirmed" else None,
        "class": line_class(reservation),
        "actor": actor,
        "line_nos": [line.line_no for line in lines],
        "request_lines": [line.request_line for line in lines],
        "skus": [line.sku for line in lines],
        "locations": [line.location for line in lines],
        "groups": [line.group for line in lines],
        "dates": [line.promised_date for line in lines],
        "quantities": [line.quantity for line in lines],
        "bundles": [line.bundle for line in lines],
        "bundle_units": [line.bundle_units for line in lines],
        "excluded": [json.dumps(line.excluded) if line.excluded else None for line in lines],
        "pre_sales": [line.pre_sale for line in lines],
    }
    db.execute(_INSERT, parameters)


_INSERT = """
with reservation as (
    insert into reservations (reservation_id, kind, state, channel, method, priority, order_id,
        created_at, expires_at, confirmed_at, actor)
    values (%(id)s, %(kind)s, %(state)s, %(channel)s, %(method)s, %(priority)s, %(order_id)s,
        %(now)s, %(expires_at)s, %(confirmed_at)s, %(actor)s)
)
insert into reservation_lines (reservation_id, method, class, expires_at, line_no, request_line,
    sku, location, group_id, promised_date, quantity, open_units, bundle_sku, bundle_units,
    excluded_locations, pre_sale_id)
select %(id)s, %(method)s, %(class)s, %(expires_at)s, line_no, request_line,
    sku, location, group_id, promised_date, quantity, quantity, bundle_sku, bundle_units,
    array(select jsonb_array_elements_text(excluded::jsonb)), pre_sale_id
from unnest(%(line_nos)s::int[], %(request_lines)s::int[], %(skus)s::text[],
    %(locations)s::text[], %(groups)s::text[], %(dates)s::date[], %(quantities)s::bigint[],
    %(bundles)s::text[], %(bundle_units)s::bigint[], %(excluded)s::text[], %(pre_sales)s::text[])
    as k (line_no, request_line, sku, location, group_id, promised_date, quantity, bundle_sku,
        bundle_units, excluded, pre_sale_id)
"""


def taken(
    error: psycopg.errors.UniqueViolation, reservation_id: str, order_id: str | None, *, act: str
) -> VouchError:
    """The refusal behind a unique key that exists: the order id, or else the reservation id."""
    if error.diag.constraint_name == "reservations_order":
        state = "already held by another reservation"
        return StateConflict("order", order_id or "", state=state, act=act)
    return IdempotencyConflict(reservation_id)


def move(
    db: psycopg.Connection,
    before: Reservation,
    after: Reservation,
    *,
    act: str,
    now: datetime,
    actor: str,
    reason: str | None = None,
    body: object = None,
) -> None:
    """Write down a transition: state, expiry, changed and new lines, and the event."""
    closes = after.open_units == 0 and act != "return"
    try:
        db.execute(
            """
            update reservations set state = %s, order_id = %s, expires_at = %s,
                confirmed_at = case when %s = 'confirm' then %s else confirmed_at end,
                closed_at = case when %s then %s else closed_at end
            where reservation_id = %s
            """,
            [after.state, after.order_id, after.expires_at, act, now, closes, now, after.id],
        )
    except psycopg.errors.UniqueViolation as error:
        raise taken(error, after.id, after.order_id, act=act) from error
    write_lines(db, before, after)
    db.execute(
        """
        insert into reservation_events
            (reservation_id, act, from_state, to_state, at, actor, reason, body)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [after.id, act, before.state, after.state, now, actor, reason,
         None if body is None else Jsonb(body)],
    )  # fmt: skip


def write_lines(db: psycopg.Connection, before: Reservation, after: Reservation) -> None:
    """Write the lines of `after` that differ from those of `before`, or are new."""
    if (before.expires_at, line_class(before)) != (after.expires_at, line_class(after)):
        db.execute(
            "update reservation_lines set class = %s, expires_at = %s where reservation_id = %s",
            [line_class(after), after.expires_at, after.id],
        )
    known = {line.line_no: line for line in before.lines}
    changed = [line for line in after.lines if known.get(line.line_no) != line]
    for line in changed:
        db.execute(_WRITE_LINE, _line_parameters(after, line))


def _class_of(reservation: Reservation, line: PromisedLine) -> str:
    """The class of one line: what it waited for may be here, or still be missing."""
    if line.filled_at is not None:
        return "hard"
    return "peg" if line.backordered else line_class(reservation)


def _line_parameters(reservation: Reservation, line: PromisedLine) -> dict[str, Any]:
    return {
        "reservation_id": reservation.id,
        "method": reservation.method,
        "class": _class_of(reservation, line),
        "expires_at": reservation.expires_at,
        "filled_at": line.filled_at,
        "first_promised_date": line.first_promised_date,
        "backordered": line.backordered,
        "line_no": line.line_no,
        "request_line": line.request_line,
        "sku": line.sku,
        "location": line.location,
        "group": line.group,
        "promised_date": line.promised_date,
        "quantity": line.quantity,
        "open": line.open_units,
        "shipped": line.shipped_units,
        "returned": line.returned_units,
        "excluded": list(line.excluded),
        "bundle": line.bundle,
        "bundle_units": line.bundle_units,
        "pre_sale": line.pre_sale,
    }


_WRITE_LINE = """
insert into reservation_lines (reservation_id, method, class, expires_at, line_no, request_line,
    sku, location, group_id, promised_date, quantity, open_units, shipped_units, returned_units,
    excluded_locations, bundle_sku, bundle_units, filled_at, first_promised_date,
    backordered, pre_sale_id)
values (%(reservation_id)s, %(method)s, %(class)s, %(expires_at)s, %(line_no)s, %(request_line)s,
    %(sku)s, %(location)s, %(group)s, %(promised_date)s, %(quantity)s, %(open)s, %(shipped)s,
    %(returned)s, %(excluded)s, %(bundle)s, %(bundle_units)s,
    %(filled_at)s, %(first_promised_date)s, %(backordered)s, %(pre_sale)s)
on conflict (reservation_id, line_no) do update set
    location = excluded.location, quantity = excluded.quantity, open_units = excluded.open_units,
    shipped_units = excluded.shipped_units, returned_units = excluded.returned_units,
    excluded_locations = excluded.excluded_locations, promised_date = excluded.promised_date,
    first_promised_date = excluded.first_promised_date, class = excluded.class,
    filled_at = excluded.filled_at, backordered = excluded.backordered
"""


def ended(db: psycopg.Connection, *, now: datetime, limit: int) -> list[str]:
    """Reservations that ended and nobody wrote that down, oldest first; locked.

    Steps aside for whoever works on one of them right now.
    """
    rows = db.execute(
        """
        select reservation_id from reservations where state = 'active' and expires_at <= %s
        order by expires_at limit %s for update skip locked
        """,
        [now, limit],
    )
    return [reservation_id for (reservation_id,) in rows]


def open_places(db: psycopg.Connection, reservation_ids: Collection[str]) -> list[Place]:
    """Where these reservations have open units."""
    rows = db.execute(
        "select distinct sku, location, case when location is null then group_id end "
        "from reservation_lines where reservation_id = any (%s) and open_units > 0",
        [list(reservation_ids)],
    )
    return [Place(*row) for row in rows]


def write_expired(
    db: psycopg.Connection, reservation_ids: Collection[str], *, now: datetime
) -> None:
    """Write down that these have expired. They and their positions, which lapsed, are held."""
    db.execute("select write_expired(%s, %s)", [list(reservation_ids), now])
