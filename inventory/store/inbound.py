"""Dated supply in PostgreSQL: announced, moved in time, and received into stock.

`inbound.quantity` is what is still to come. A receipt takes from it and adds to the shelf in one
transaction, so that no unit is counted twice or lost between the two.
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.ledger import AVAILABLE, STATUSES
from inventory.purchase_orders import TAKES_GOODS
from inventory.store import (
    approvals,
    arrivals,
    catalog,
    idempotency,
    ordered_goods,
    supply_shocks,
)
from inventory.store.arrivals import Delivery
from inventory.store.facts import COUNTED_INBOUND_STATES
from inventory.store.line_supplies import part_name
from inventory.store.retry import retrying
from inventory.transfers import TRANSFER

EXPECTED_YEARS = range(1970, 2201)
"""A year outside of these is a wrong unit of time, or a date that stands for "never"."""

STATES = ("planned", "confirmed", "shipped", "received", "cancelled")
OPEN_STATES = ("planned", "confirmed", "shipped")

Row = dict[str, Any]


def put(
    db: psycopg.Connection,
    *,
    inbound_id: str,
    sku: str,
    location: str,
    quantity: int,
    expected_at: datetime,
    state: str,
    now: datetime,
    source: str = "purchase_order",
    purchase_order_id: str | None = None,
) -> Row:
    """Announce supply, or change what was announced. Returns it as `get` does.

    `quantity` is the total ordered: what was received before is taken off, so that sending the
    same announcement again after a receipt does not bring the goods back.

    Raises
    ------
    UnknownSku, UnknownLocation, InputRejected
        Less than was received already, a state that there is not, or a date that makes no sense.
    StateConflict
        Another SKU or location after a receipt, or what only its purchase order can change.
    """
    _check_announced(quantity, expected_at, state)
    catalog.check_position(db, sku=sku, location=location)

    def act() -> Row:
        with db.transaction():
            # An order is locked before its supply, as by everybody who holds both.
            if purchase_order_id is None:
                ordered_goods.line_behind(db, inbound_id)
            before = _locked(db, inbound_id)
            held = {(sku, location)}
            if before is not None:
                held.add((str(before["sku"]), str(before["location"])))
            arrivals.hold_promises(db, held, now=now)
            received = 0 if before is None else int(str(before["received_units"]))
            _check_change(before, inbound_id, (sku, location), quantity, received)
            rest = quantity - received
            actual = "received" if rest == 0 and received and state != "cancelled" else state
            db.execute(
                _PUT,
                [inbound_id, sku, location, rest, expected_at, actual, source,
                 purchase_order_id, now],
            )  # fmt: skip
            if before is not None and purchase_order_id is None:
                _leave_to_order(before, (sku, location), rest=rest, state=state)
                ordered_goods.redate(db, before, expected_at)
            # Later, less or cancelled: the promises made on it may have lost their ground.
            fallen = held if before is not None else ()
            if before is not None and _is_worse(before, rest, expected_at, actual):
                ordered_goods.note_late(db, [inbound_id], now=now)
            better = {(sku, location)} if _is_better(before, rest, expected_at, actual) else ()
            supply_shocks.settle(
                db, fallen=fallen, sooner=better, also=held, now=now, cause="inbound"
            )
            return get(db, inbound_id)

    return retrying(db, act)


def _check_announced(quantity: int, expected_at: datetime, state: str) -> None:
    if state not in STATES:
        raise InputRejected(f"'{state}' is not one of {', '.join(STATES)}", field="state")
    if quantity < 0:
        raise InputRejected(f"{quantity} units cannot be on their way; send 0 or more",
                            field="quantity")  # fmt: skip
    if expected_at.tzinfo is None or expected_at.year not in EXPECTED_YEARS:
        raise InputRejected(f"'{expected_at}' is no time with a zone from 1970 to 2200",
                            field="expected_at")  # fmt: skip


def _is_better(before: Row | None, rest: int, expected_at: datetime, state: str) -> bool:
    """Whether more is to come than was announced before, or sooner."""
    if state not in COUNTED_INBOUND_STATES:
        return False
    if before is None or before["state"] not in COUNTED_INBOUND_STATES:
        return True
    return rest > int(str(before["quantity"])) or expected_at < before["expected_at"]


def _is_worse(before: Row, rest: int, expected_at: datetime, state: str) -> bool:
    """Whether less is to come than was announced before, or later."""
    if before["state"] not in COUNTED_INBOUND_STATES:
        return False
    gone = state not in COUNTED_INBOUND_STATES
    return bool(gone or rest < before["quantity"] or expected_at > before["expected_at"])


_PUT = """
    insert into inbound (inbound_id, sku, location, quantity, expected_at, state,
        source, purchase_order_id, updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (inbound_id) do update set sku = excluded.sku,
        location = excluded.location, quantity = excluded.quantity,
        expected_at = excluded.expected_at, state = excluded.state,
        source = excluded.source, updated_at = excluded.updated_at,
        purchase_order_id =
            coalesce(excluded.purchase_order_id, inbound.purchase_order_id)
"""


def _check_change(
    before: Row | None, inbound_id: str, place: tuple[str, str], quantity: int, received: int
) -> None:
    if before is None:
        return
    if received and place != (before["sku"], before["location"]):
        raise StateConflict("inbound", inbound_id, state="partly received", act="redirect")
    if quantity < received:
        raise InputRejected(
            f"{received} units were received already; send that many or more", field="quantity"
        )


def _leave_to_order(before: Row, place: tuple[str, str], *, rest: int, state: str) -> None:
    """What a purchase order announced may be dated anew or said to be shipped, and no more.

    Its lines are the word on what is ordered: changed here alone, the two would disagree.
    """
    order = before["purchase_order_id"]
    same = place == (before["sku"], before["location"]) and rest == before["quantity"]
    if order is not None and not (same and state not in ("cancelled", "planned")):
        raise StateConflict(
            "inbound",
            str(before["inbound_id"]),
            state=f"a line of purchase order '{order}': change or cancel that",
            act="change",
        )


def receive(
    db: psycopg.Connection,
    inbound_id: str,
    *,
    message_id: str,
    quantity: int,
    now: datetime,
    received_at: datetime | None = None,
    status: str = AVAILABLE,
    actor: str = "",
    tell_order: bool = True,
    document_id: str | None = None,
    shipment: str | None = None,
) -> Row:
    """Goods have arrived: inbound falls and stock rises in one event. A repeat changes nothing.

    A count true after `received_at` already has the goods; then only the inbound falls
    (outcome `already_counted`). The purchase order that announced them is told, unless it is the
    one that speaks (`tell_order` false): then goods are those of the `shipment`, else of what left
    first; otherwise of the part that is named. What goes beyond one part is booked on the next.
    Where the location wants receipts approved, the goods land in inspection, and
    `approvals.approve` decides on them; so do units beyond what a purchase order and its vendor's
    tolerance allow, which the answer calls `held`.

    Raises
    ------
    NotFound, StateConflict
        No such inbound, or one that is cancelled or received in full.
    InputRejected
        More than is still to come of what no purchase order announced: the surplus belongs into a
        changed inbound or a correction.
    """
    _check_receipt(status, quantity)
    body = {
        "inbound": inbound_id,
        "quantity": quantity,
        "received_at": None if received_at is None else received_at.isoformat(),
        "status": status,
    }

    delivery = Delivery(
        inbound_id, message_id, quantity, status, received_at, actor, document_id, tell_order,
        shipment,
    )  # fmt: skip

    def act() -> Row:
        with db.transaction():
            return _book(db, delivery, now=now)

    done = idempotency.once(db, scope="inbound", key=message_id, body=body, now=now, act=act)
    answer: Row = done.response
    return answer


def _book(db: psycopg.Connection, came: Delivery, *, now: datetime) -> Row:
    line = ordered_goods.line_behind(db, came.inbound_id)
    ordered = line is not None and line["state"] in TAKES_GOODS
    row = _checked(_locked(db, came.inbound_id), came.inbound_id, came.quantity, ordered=ordered)
    held = 0 if line is None else ordered_goods.beyond(db, line, came.quantity, came.status)
    shares = _shares(db, came, line, held)
    lands = approvals.landing_status(db, location=row["location"], status=came.status)
    waits = came.status == AVAILABLE != lands
    for share in shares:
        arrivals.take_off(db, share, now)
    # Whatever part of a line they came with, they await approval under one name.
    waiting = came.inbound_id if line is None else part_name(line["id"], line["line_no"], 1)
    arrivals.await_approval(db, waiting, came.quantity if waits else held)
    outcome = arrivals.into_stock(db, row, shares, lands, came, now=now)
    if line is not None:
        ordered_goods.note_receipt(
            db, line, ordered_goods.Came(came.quantity, held, lands),
            received_at=came.received_at or now, now=now, actor=came.actor,
            document_id=came.document_id, tell_order=came.tell_order,
        )  # fmt: skip
    told = {"id": came.inbound_id, "sku": row["sku"], "location": row["location"]}
    told |= {"outcome": outcome, "received": came.quantity, "status": lands}
    told |= _left(db, came.inbound_id)
    if waiting != came.inbound_id and (waits or held):
        told["awaits_approval_as"] = waiting
    if len(shares) > 1:
        told["parts"] = {share.inbound_id: share.quantity for share in shares}
    return told | {"held": held} if held else told


def _shares(
    db: psycopg.Connection, came: Delivery, line: Row | None, held: int
) -> list[ordered_goods.Share]:
    if line is None:
        return [ordered_goods.Share(came.inbound_id, came.quantity, held)]
    part = line["part_no"] if came.tell_order else None
    return ordered_goods.shares(
        db, line, came.quantity, held=held, part=part, shipment=came.shipment
    )


def _check_receipt(status: str, quantity: int) -> None:
    if status not in STATUSES:
        raise InputRejected(f"'{status}' is not one of {', '.join(STATUSES)}", field="status")
    if quantity <= 0:
        raise InputRejected(f"{quantity} units cannot arrive; send 1 or more", field="quantity")


def _checked(row: Row | None, inbound_id: str, quantity: int, *, ordered: bool) -> Row:
    if row is None:
        raise NotFound("inbound", inbound_id)
    # Of what was ordered more may come than was announced: it waits for approval.
    if row["state"] not in OPEN_STATES and not ordered:
        raise StateConflict("inbound", inbound_id, state=str(row["state"]), act="receive")
    ours = row["source"] == TRANSFER and row["purchase_order_id"] is not None
    if ours and row["state"] != "shipped":
        raise StateConflict("inbound", inbound_id, state="not shipped yet", act="receive")
    rest = int(str(row["quantity"]))
    if quantity > rest and not ordered:
        raise InputRejected(
            f"{quantity} units arrived and only {rest} are still to come; receive {rest}, and "
            f"first raise the inbound or record the other {quantity - rest} as a restock",
            field="quantity",
        )
    return row


def _left(db: psycopg.Connection, inbound_id: str) -> Row:
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select quantity as open, received_units as received_total, "
            "awaiting_units as awaiting, state from inbound where inbound_id = %s",
            [inbound_id],
        ).fetchone()
    assert row is not None
    return row


def _locked(db: psycopg.Connection, inbound_id: str) -> Row | None:
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from inbound where inbound_id = %s for update", [inbound_id]
        ).fetchone()


def get(db: psycopg.Connection, inbound_id: str) -> Row:
    """One inbound, or `NotFound`. `quantity` is still to come, `received_units` has arrived."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select inbound_id as id, sku, location, quantity, received_units, awaiting_units, "
            "expected_at, state, source, purchase_order_id, updated_at "
            "from inbound where inbound_id = %s",
            [inbound_id],
        ).fetchone()
    if row is None:
        raise NotFound("inbound", inbound_id)
    return row
