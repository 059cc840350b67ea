"""What each act does to a purchase order, besides moving it on.

Runs inside the transaction of `inventory.store.purchase_orders`, which holds the order's row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from inventory import purchase_orders as rules
from inventory.errors import InputRejected
from inventory.order_terms import approvals_needed
from inventory.purchase_orders import next_state
from inventory.store import (
    act_history,
    confirmation_alerts,
    dispatches,
    order_refusals,
    order_terms,
)
from inventory.store.line_reports import cancel_lines, confirm_lines, date_lines, ship_lines
from inventory.store.order_lines import Changes, Lines, read_lines
from inventory.store.order_receipts import receive_lines
from inventory.store.order_supply import give_up

Order = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What comes with an act."""

    lines: Lines | None
    actor: str
    now: datetime
    at: datetime | None
    document_id: str | None
    reason: str | None = None


Done = tuple[str, Changes]
"""The state that an act leads to, and what it changed."""


def do(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    """Do one of `purchase_orders.ACTS`, which is allowed from the state that the order is in."""
    return _DO.get(act, _move_on)(db, order, act, told)


def _move_on(_db: psycopg.Connection, order: Order, act: str, _told: Told) -> Done:
    return next_state(order["id"], order["state"], act), {}


def _accept(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    db.execute(
        "update purchase_order_lines set firmed = true where purchase_order_id = %s", [order["id"]]
    )
    return _move_on(db, order, act, told)


def _approve(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    """A dear order stays accepted until a second, different buyer approves it."""
    above = order_terms.in_force(db, order["vendor"]).second_approval_above
    needed = approvals_needed(_value(db, order["id"]), above)
    done, changes = act_history.sign(db, act_history.ORDERS, order, actor=told.actor, needed=needed)
    if not done:
        return str(order["state"]), changes
    return next_state(order["id"], order["state"], act), changes


def _send(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    """From here on it counts what was ordered, and for when.

    An order that goes out after its day comes later by as much, unless a person set its date.
    """
    late_days = 0 if order["order_on"] is None else (told.now.date() - order["order_on"]).days
    moved = db.execute(_SEND, {"id": order["id"], "late": max(late_days, 0), "now": told.now})
    row = moved.fetchone()
    assert row is not None
    changes: Changes = {}
    if row[0] != order["expected_on"]:
        changes["expected_on"] = [str(order["expected_on"]), str(row[0])]
    db.execute(
        "update purchase_order_lines set ordered_units = quantity, "
        "due_on = coalesce(arrives_on, %s) where purchase_order_id = %s",
        [row[0], order["id"]],
    )
    dispatches.announce_sent(db, order, now=told.now)
    return next_state(order["id"], order["state"], act), changes


_SEND = """
    update purchase_orders p set sent_at = %(now)s,
        expected_on = p.expected_on + case when exists (
            select from purchase_order_events e where e.purchase_order_id = p.purchase_order_id
                and e.act = 'edit' and e.changes ? 'expected_on'
        ) then 0 else %(late)s end
    where purchase_order_id = %(id)s returning expected_on
"""


def _confirm(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    before = read_lines(db, order["id"])
    changes = confirm_lines(db, order, told.lines or None, now=told.now)
    confirmation_alerts.after_confirmation(
        db, order, before=before, after=read_lines(db, order["id"]), now=told.now
    )
    return _less_to_come(db, order, act, changes, note="the vendor confirmed nothing")


def _cancel_rest(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    """Some units are wanted no more; the rest of the order goes on."""
    if not told.reason or not told.reason.strip():
        raise InputRejected("say why these units are wanted no more", field="reason")
    if not told.lines:
        raise InputRejected("say which lines", field="lines")
    changes = cancel_lines(
        db, order, told.lines, now=told.now, source=f"{told.actor}: {told.reason}"
    )
    return _less_to_come(db, order, act, changes, note="all of it was cancelled")


def _less_to_come(
    db: psycopg.Connection, order: Order, act: str, changes: Changes, *, note: str
) -> Done:
    """Where that leaves the order: cancelled without units, received where none is open."""
    lines = read_lines(db, order["id"])
    state = next_state(order["id"], order["state"], act)
    if not any(line["quantity"] for line in lines):
        dispatches.withdraw(db, order)
        return rules.CANCELLED, changes | {"note": note}
    if all(line["received_units"] >= line["quantity"] for line in lines):
        return rules.RECEIVED, changes
    return state, changes


def _ship(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    changes = ship_lines(db, order, told.lines, now=told.now)
    return next_state(order["id"], order["state"], act), changes


def _redate(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    if not told.lines:
        raise InputRejected("say which lines come when", field="lines")
    changes = date_lines(db, order, told.lines, now=told.now)
    return next_state(order["id"], order["state"], act), changes


def _receive(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    changes = receive_lines(
        db, order, told.lines, actor=told.actor, now=told.now, received_at=told.at,
        document_id=told.document_id,
    )  # fmt: skip
    everything = not changes["open_units"]
    state = next_state(order["id"], order["state"], act, everything_received=everything)
    return state, changes


def _reject(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    """What a person does not want is not proposed again tomorrow."""
    order_refusals.remember(db, order, act=act, actor=told.actor, reason=told.reason, now=told.now)
    return _move_on(db, order, act, told)


def _cancel(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    if order["state"] in rules.EDITABLE_STATES:  # The vendor never heard of it: as if rejected.
        return _reject(db, order, act, told)
    dispatches.announce_cancelled(db, order, now=told.now)
    give_up(db, order, read_lines(db, order["id"]), now=told.now)
    return _move_on(db, order, act, told)


def _close(db: psycopg.Connection, order: Order, act: str, told: Told) -> Done:
    """Units that never came are given up, and said to be."""
    lines = read_lines(db, order["id"])
    given_up = [
        {"sku": line["sku"], "quantity": line["quantity"] - line["received_units"]}
        for line in lines
        if line["received_units"] < line["quantity"]
    ]
    give_up(db, order, lines, now=told.now)
    state = next_state(order["id"], order["state"], act)
    return state, {"given_up": given_up} if given_up else {}


_DO = {
    "accept": _accept,
    "approve": _approve,
    "reject": _reject,
    "send": _send,
    "confirm": _confirm,
    "ship": _ship,
    "redate": _redate,
    "receive": _receive,
    "cancel": _cancel,
    "cancel_rest": _cancel_rest,
    "close": _close,
}


def _value(db: psycopg.Connection, po_id: str) -> float:
    row = db.execute(
        "select coalesce(sum(round((quantity * unit_cost)::numeric, 2)), 0)::float8 "
        "from purchase_order_lines where purchase_order_id = %s",
        [po_id],
    ).fetchone()
    assert row is not None
    return float(row[0])
