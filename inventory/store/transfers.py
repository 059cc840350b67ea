"""Transfers in PostgreSQL: every act in one transaction, with who, when and why.

The rules of the life of a transfer are in `inventory.transfers`. From approval on its lines are one
hard reservation at the origin, of the transfer's own id, and a row each of `inbound` at the
destination, named `<transfer>:<line>`. So availability counts both ends as it counts any promise
and any supply. Proposals of planning are written by `inventory.store.transfer_proposals`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.errors import InputRejected, InsufficientStock, NotFound, Shortage, StateConflict
from inventory.orders import ActLine, OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, inbound, orders, reservations, transfer_lanes
from inventory.store.paging import decode_cursor, encode_cursor
from inventory.store.retry import retrying
from inventory.store.transfer_history import locked, record
from inventory.store.transfer_lines import edit_lines, read_lines
from inventory.transfers import EDITABLE_STATES, STATES, TRANSFER, may, next_state

Transfer = dict[str, Any]

TRANSFERS = """
select t.transfer_id as id, t.origin, t.destination, t.state, t.planned, t.created_at,
    t.updated_at, t.expected_on, t.version, coalesce(l.units, 0) as units,
    coalesce(l.saving, 0) as saving, coalesce(l.lines, '[]') as lines
from transfers t
left join lateral (
    select sum(quantity)::bigint as units, round(sum(saving)::numeric, 2)::float8 as saving,
        jsonb_agg(jsonb_build_object(
            'line_no', line_no, 'sku', sku, 'quantity', quantity, 'shipped_units', shipped_units,
            'received_units', received_units, 'keep_units', keep_units, 'reason', reason,
            'saving', saving, 'firmed', firmed, 'explanation', explanation
        ) order by line_no) as lines
    from transfer_lines x where x.transfer_id = t.transfer_id
) l on true
"""


def list_transfers(
    db: psycopg.Connection,
    *,
    state: str | None = None,
    origin: str | None = None,
    destination: str | None = None,
    sku: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """Transfers, the newest first: `{"transfers": [...], "next_cursor": text or None}`."""
    if state is not None and state not in STATES:
        raise InputRejected(f"'{state}' is no state; use one of {', '.join(STATES)}", field="state")
    given = {
        "state": state, "origin": origin, "destination": destination, "sku": sku,
        "before": decode_cursor(cursor, str)[0] if cursor else None, "limit": limit + 1,
    }  # fmt: skip
    query = TRANSFERS + (
        " where (%(state)s::text is null or t.state = %(state)s)"
        " and (%(origin)s::text is null or t.origin = %(origin)s)"
        " and (%(destination)s::text is null or t.destination = %(destination)s)"
        " and (%(sku)s::text is null or exists (select from transfer_lines s"
        "   where s.transfer_id = t.transfer_id and s.sku = %(sku)s))"
        " and (%(before)s::text is null or t.transfer_id < %(before)s)"
        " order by t.transfer_id desc limit %(limit)s"
    )
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(query, given).fetchall()
    more = len(found) > limit
    return {
        "transfers": found[:limit],
        "next_cursor": encode_cursor([found[limit - 1]["id"]]) if more else None,
    }


def get_transfer(db: psycopg.Connection, transfer_id: str) -> Transfer:
    """One transfer with its lines and `events`. Raises `NotFound`."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(TRANSFERS + " where t.transfer_id = %s", [transfer_id]).fetchone()
        if found is None:
            raise NotFound("transfer", transfer_id)
        events = rows.execute(
            "select act, from_state, to_state, at, actor, reason, changes from transfer_events "
            "where transfer_id = %s order by event_id",
            [transfer_id],
        ).fetchall()
    return {**found, "events": events}


def act(
    db: psycopg.Connection,
    transfer_id: str,
    act: str,
    *,
    actor: str,
    role: str,
    now: datetime,
    reason: str | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
) -> Transfer:
    """Do one of `transfers.ACTS` and return the transfer as it is then.

    Parameters
    ----------
    lines : for `ship` and `receive`, what left or came: [{"sku", "quantity", "status"?}]; by
        default all of it. What does not leave is free again at the origin.

    Raises `NotFound`, `StateConflict`, `InputRejected` when the role may not do this or a line is
    wrong, and at approval `InsufficientStock` where the origin needs the units. Nothing is half
    done.
    """
    check_role(act, role)

    def attempt() -> None:
        with db.transaction():
            transfer = locked(db, transfer_id)
            to_state = next_state(transfer_id, transfer["state"], act)
            changes = _do(db, transfer, act, lines=lines, actor=actor, now=now)
            if act == "receive":
                return  # The supply told its transfer: `note_transfer_receipt`.
            record(db, transfer, act=act, to_state=to_state, actor=actor, now=now, reason=reason,
                   changes=changes)  # fmt: skip

    retrying(db, attempt)
    return get_transfer(db, transfer_id)


def edit(
    db: psycopg.Connection,
    transfer_id: str,
    *,
    actor: str,
    role: str,
    now: datetime,
    reason: str | None,
    lines: Sequence[Mapping[str, Any]],
) -> Transfer:
    """Change quantities, [{"sku", "quantity"}], before approval; zero removes a line.

    Raises as `act` does. Edited lines are firmed: planning leaves them alone.
    """
    check_role("edit", role)
    if not reason or not reason.strip():
        raise InputRejected("say why the transfer is changed", field="reason")
    with db.transaction():
        transfer = locked(db, transfer_id)
        if transfer["state"] not in EDITABLE_STATES:
            raise StateConflict("transfer", transfer_id, state=transfer["state"], act="edit")
        changes = edit_lines(db, transfer_id, lines, actor=actor, reason=reason)
        record(db, transfer, act="edit", to_state=transfer["state"], actor=actor, now=now,
               reason=reason, changes=changes)  # fmt: skip
        if transfer["state"] == "accepted":
            _announce(db, transfer, state="planned", now=now)
    return get_transfer(db, transfer_id)


def check_role(act: str, role: str) -> None:
    """Raise `InputRejected` where the role may not do the act."""
    if not may(act, role):
        raise InputRejected(f"the role '{role}' may not {act} transfers", field="role")


def _do(
    db: psycopg.Connection,
    transfer: Transfer,
    act: str,
    *,
    lines: Sequence[Mapping[str, Any]] | None,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """What an act does to stock, promises and supply; returns what changed, for the history."""
    match act:
        case "accept":
            db.execute(
                "update transfer_lines set firmed = true where transfer_id = %s", [transfer["id"]]
            )
            _announce(db, transfer, state="planned", now=now)
        case "approve":
            _commit(db, transfer, actor=actor, now=now)
            _announce(db, transfer, state="confirmed", now=now)
        case "ship":
            return _ship(db, transfer, lines, actor=actor, now=now)
        case "receive":
            _receive(db, transfer, lines, actor=actor, now=now)
        case "cancel" | "reject" | "close":
            if transfer["state"] == "approved":
                _order_act(db, transfer, "cancel", actor=actor, now=now)
            _announce(db, transfer, state="cancelled", now=now)
    return {}


def _commit(db: psycopg.Connection, transfer: Transfer, *, actor: str, now: datetime) -> None:
    """Promise the units away at the origin, where it can spare them beyond what it keeps."""
    lines = read_lines(db, transfer["id"])
    asked = tuple(AskedLine(line["sku"], line["quantity"]) for line in lines.values())
    basket = Basket(
        kind="hard", channel=TRANSFER, method=TRANSFER, lines=asked, location=transfer["origin"],
        order_id=transfer["id"],
    )  # fmt: skip
    reservations.place(db, basket, reservation_id=transfer["id"], now=now, actor=actor)
    # The position is held by the promise now: what is left is what the origin keeps.
    short = db.execute(
        "select l.sku, l.quantity, l.keep_units - (b.units - b.committed_units) "
        "from transfer_lines l join balances b on b.sku = l.sku and b.location = %s "
        "and b.status = 'available' where l.transfer_id = %s "
        "and l.keep_units > 0 and b.units - b.committed_units < l.keep_units order by l.sku",
        [transfer["origin"], transfer["id"]],
    ).fetchall()
    if short:
        raise InsufficientStock(
            [
                Shortage(sku, transfer["origin"], now.date(), quantity, max(quantity - lack, 0))
                for sku, quantity, lack in short
            ]
        )
    _order_act(db, transfer, "allocate", actor=actor, now=now)


def _ship(
    db: psycopg.Connection,
    transfer: Transfer,
    lines: Sequence[Mapping[str, Any]] | None,
    *,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """Units leave: on hand and commitment fall together at the origin, and the way begins."""
    existing = read_lines(db, transfer["id"])
    leaving = {sku: line["quantity"] for sku, line in existing.items()}
    if lines is not None:
        leaving = dict.fromkeys(existing, 0) | _asked(existing, lines)
    if not any(leaving.values()):
        raise InputRejected("nothing is shipped; cancel the transfer instead", field="lines")
    # What is not in the message ships short, and is free again.
    told = tuple(ActLine(sku, units) for sku, units in leaving.items())
    _order_act(db, transfer, "ship", actor=actor, now=now, lines=told)
    db.cursor().executemany(
        "update transfer_lines set shipped_units = %s where transfer_id = %s and sku = %s",
        [(units, transfer["id"], sku) for sku, units in leaving.items()],
    )
    _announce(db, transfer, state="shipped", now=now, units=leaving)
    return {"shipped": [{"sku": sku, "quantity": units} for sku, units in leaving.items() if units]}


def _receive(
    db: psycopg.Connection,
    transfer: Transfer,
    lines: Sequence[Mapping[str, Any]] | None,
    *,
    actor: str,
    now: datetime,
) -> None:
    """Units arrive: supply falls and stock rises, line by line, in this one transaction."""
    existing = read_lines(db, transfer["id"])
    if lines is None:
        lines = [
            {"sku": sku, "quantity": line["shipped_units"] - line["received_units"]}
            for sku, line in existing.items()
            if line["shipped_units"] > line["received_units"]
        ]
    _asked(existing, lines)
    db.execute("select set_config('vouch.actor', %s, true)", [actor])
    for number, given in enumerate(lines):
        line = existing[given["sku"]]
        inbound.receive(
            db,
            f"{transfer['id']}:{line['line_no']}",
            message_id=f"{transfer['id']}:{transfer['version']}:{number}",
            quantity=given["quantity"],
            now=now,
            status=given.get("status") or "available",
            actor=actor,
        )


def _asked(
    existing: Mapping[str, Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """Units by SKU of what a message says, checked against the lines there are."""
    found: dict[str, int] = {}
    for row, asked in enumerate(lines, start=1):
        sku, quantity = str(asked.get("sku")), asked.get("quantity")
        if sku not in existing or sku in found:
            raise InputRejected(f"'{sku}' is not on this transfer, or twice", field="sku", row=row)
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
            raise InputRejected("must be a whole number from 1", field="quantity", row=row)
        if quantity > existing[sku]["quantity"]:
            raise InputRejected(
                f"{quantity} units of '{sku}', and the transfer has {existing[sku]['quantity']}",
                field="quantity",
                row=row,
            )
        found[sku] = quantity
    return found


def _order_act(
    db: psycopg.Connection,
    transfer: Transfer,
    name: str,
    *,
    actor: str,
    now: datetime,
    lines: tuple[ActLine, ...] = (),
) -> None:
    """One step of the commitment at the origin."""
    message = OrderMessage(f"{transfer['id']}:{name}", lines=lines, reason=TRANSFER)
    orders.perform(db, transfer["id"], name, message, now=now, actor=actor, of_transfer=True)


def _announce(
    db: psycopg.Connection,
    transfer: Transfer,
    *,
    state: str,
    now: datetime,
    units: Mapping[str, int] | None = None,
) -> None:
    """Make the supply at the destination say what the transfer says.

    Its day is counted from acceptance anew at each step, as the goods have not left before; once
    they have, it stays.
    """
    place = catalog.get(db, Location, transfer["destination"])
    here = zone(place.timezone)
    arrival = transfer["expected_on"]
    if state in ("planned", "confirmed", "shipped"):
        lane = transfer_lanes.read(
            db, origin=transfer["origin"], destination=transfer["destination"]
        )
        arrival = lane[0].arrival(now.astimezone(here).date()) if lane else arrival
        db.execute(
            "update transfers set expected_on = %s where transfer_id = %s",
            [arrival, transfer["id"]],
        )
    for sku, line in read_lines(db, transfer["id"]).items():
        inbound_id = f"{transfer['id']}:{line['line_no']}"
        known = db.execute(
            "select expected_at, received_units from inbound where inbound_id = %s", [inbound_id]
        ).fetchone()
        quantity = line["quantity"] if units is None else units[sku]
        if state == "cancelled":
            if known is None:
                continue
            quantity = max(quantity, known[1])
        inbound.put(
            db,
            inbound_id=inbound_id,
            sku=sku,
            location=transfer["destination"],
            quantity=quantity,
            expected_at=known[0] if known and state == "cancelled"
            else datetime.combine(arrival, time(0), here),
            state="cancelled" if quantity == 0 else state,
            now=now,
            source=TRANSFER,
            purchase_order_id=transfer["id"],
        )  # fmt: skip
