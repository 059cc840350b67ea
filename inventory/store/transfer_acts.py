"""What each act does to a transfer, besides moving it on: to stock, promises and supply.

Runs inside the transaction of `inventory.store.transfers`, which holds the transfer's row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import psycopg

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.errors import InputRejected, InsufficientStock, Shortage
from inventory.order_terms import approvals_needed
from inventory.orders import ActLine, OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    act_history,
    catalog,
    inbound,
    orders,
    reservations,
    transfer_lanes,
    transfer_terms,
)
from inventory.store.transfer_lines import read_lines
from inventory.transfers import APPROVED, TRANSFER, next_state

Transfer = Mapping[str, Any]
Changes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What comes with an act."""

    lines: Sequence[Mapping[str, Any]] | None
    actor: str
    now: datetime
    expected_on: date | None = None


def do(db: psycopg.Connection, transfer: Transfer, act: str, told: Told) -> tuple[str, Changes]:
    """Do one of `transfers.ACTS`, which is allowed from the state that the transfer is in.

    Returns the state that it leads to, and what it changed, for the history.
    """
    changes: Changes = {}
    match act:
        case "accept":
            db.execute(
                "update transfer_lines set firmed = true where transfer_id = %s", [transfer["id"]]
            )
            announce(db, transfer, state="planned", now=told.now)
        case "approve":
            done, changes = _sign(db, transfer, told)
            if not done:
                return str(transfer["state"]), changes
            _commit(db, transfer, actor=told.actor, now=told.now)
            announce(db, transfer, state="confirmed", now=told.now)
            _note_due(db, transfer)
        case "ship":
            changes = _ship(db, transfer, told)
        case "redate":
            changes = _redate(db, transfer, told)
        case "receive":
            _receive(db, transfer, told.lines, actor=told.actor, now=told.now)
        case "cancel" | "reject" | "close":
            if transfer["state"] == APPROVED:
                _order_act(db, transfer, "cancel", actor=told.actor, now=told.now)
            announce(db, transfer, state="cancelled", now=told.now)
    return next_state(transfer["id"], transfer["state"], act), changes


def _sign(db: psycopg.Connection, transfer: Transfer, told: Told) -> tuple[bool, Changes]:
    """A dear transfer stays accepted until a second, different buyer approves it."""
    value = db.execute(
        "select coalesce(round(sum(l.quantity * k.unit_cost)::numeric, 2), 0)::float8 "
        "from transfer_lines l join skus k using (sku) where l.transfer_id = %s",
        [transfer["id"]],
    ).fetchone()
    assert value is not None
    above = transfer_terms.second_approval_above(db, transfer["origin"])
    needed = approvals_needed(value[0], above)
    return act_history.sign(db, act_history.TRANSFERS, transfer, actor=told.actor, needed=needed)


def _note_due(db: psycopg.Connection, transfer: Transfer) -> None:
    """What is expected now is what lateness is counted from."""
    db.execute("update transfers set due_on = expected_on where transfer_id = %s", [transfer["id"]])


def _redate(db: psycopg.Connection, transfer: Transfer, told: Told) -> Changes:
    """Units that are to come get another day, and so do the promises on them that it breaks."""
    if told.expected_on is None:
        raise InputRejected("say on which day it comes", field="expected_on")
    announce(db, transfer, state="confirmed" if transfer["state"] == APPROVED else "shipped",
             now=told.now, arrival=told.expected_on)  # fmt: skip
    if told.expected_on == transfer["expected_on"]:
        return {}
    return {"expected_on": [str(transfer["expected_on"]), str(told.expected_on)]}


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


def _ship(db: psycopg.Connection, transfer: Transfer, told: Told) -> Changes:
    """Units leave: on hand and commitment fall together at the origin, and the way begins."""
    existing = read_lines(db, transfer["id"])
    leaving = {sku: line["quantity"] for sku, line in existing.items()}
    if told.lines is not None:
        leaving = dict.fromkeys(existing, 0) | _asked(existing, told.lines)
    if not any(leaving.values()):
        raise InputRejected("nothing is shipped; cancel the transfer instead", field="lines")
    # What is not in the message ships short, and is free again.
    lines = tuple(ActLine(sku, units) for sku, units in leaving.items())
    _order_act(db, transfer, "ship", actor=told.actor, now=told.now, lines=lines)
    db.cursor().executemany(
        "update transfer_lines set shipped_units = %s where transfer_id = %s and sku = %s",
        [(units, transfer["id"], sku) for sku, units in leaving.items()],
    )
    announce(db, transfer, state="shipped", now=told.now, arrival=told.expected_on)
    _note_due(db, transfer)
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


def announce(
    db: psycopg.Connection,
    transfer: Transfer,
    *,
    state: str,
    now: datetime,
    arrival: date | None = None,
) -> None:
    """Make the supply at the destination say what the transfer says, in that state of supply.

    arrival : its day there; by default as the lane says from now on, as goods that have not left
        come later each day. Cancelled supply keeps its day.
    """
    place = catalog.get(db, Location, transfer["destination"])
    here = zone(place.timezone)
    day = arrival or transfer["expected_on"]
    if state != "cancelled":
        if arrival is None:
            lane = transfer_lanes.find(
                db, origin=transfer["origin"], destination=transfer["destination"]
            )
            day = lane.arrival(now.astimezone(here).date()) if lane else day
        db.execute(
            "update transfers set expected_on = %s where transfer_id = %s", [day, transfer["id"]]
        )
    for sku, line in read_lines(db, transfer["id"]).items():
        inbound_id = f"{transfer['id']}:{line['line_no']}"
        known = db.execute(
            "select expected_at, received_units from inbound where inbound_id = %s", [inbound_id]
        ).fetchone()
        quantity = line["shipped_units"] if state == "shipped" else line["quantity"]
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
            else datetime.combine(day, time(0), here),
            state="cancelled" if quantity == 0 else state,
            now=now,
            source=TRANSFER,
            purchase_order_id=transfer["id"],
        )  # fmt: skip
