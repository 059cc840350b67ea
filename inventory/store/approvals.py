"""Goods that arrived and may not be sold before somebody approves them.

At a location with `receipt_approval` receipts land in `inspection`. There they are neither on their
way nor available: nothing is promised from them. Approval moves them on in one ledgered event.
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound
from inventory.ledger import AVAILABLE, Fact, Key, Status
from inventory.store import idempotency, ledger, supply_shocks

AWAITING: Status = "inspection"
"""Where goods wait."""

VERDICTS: tuple[Status, ...] = ("available", "frozen", "defective", "scrap")
"""What approved or refused goods become."""

REFUSED: tuple[Status, ...] = ("defective", "scrap")
"""What refused goods become: nothing is owed to the vendor for them."""

Row = dict[str, Any]


def landing_status(db: psycopg.Connection, *, location: str, status: str) -> str:
    """Where a receipt that is told as `status` lands at this location."""
    if status != AVAILABLE:
        return status
    found = db.execute(
        "select receipt_approval from locations where location = %s", [location]
    ).fetchone()
    return AWAITING if found == (True,) else status


def approve(
    db: psycopg.Connection,
    inbound_id: str,
    *,
    message_id: str,
    now: datetime,
    quantity: int | None = None,
    status: str = AVAILABLE,
    actor: str = "",
) -> Row:
    """Decide on goods of an inbound that await approval. A repeat changes nothing.

    Parameters
    ----------
    quantity : units decided on; None: all that await it.
    status : what they become: `available`, or `frozen`, `defective` or `scrap` where refused.

    Raises
    ------
    NotFound
        No such inbound.
    InputRejected
        Fewer units await approval, or are still in inspection, than are to be decided on.
    """
    _check(quantity, status)

    def act() -> Row:
        with db.transaction():
            inbound = _locked(db, inbound_id)
            units = _decided_on(inbound, quantity)
            key = Key(inbound["sku"], inbound["location"], AWAITING)
            change = Fact(*key, "move", -units, now, "approval", message_id, actor)
            _move(db, change._replace(inbound_id=inbound_id), to=status, now=now)
            db.execute(
                "update inbound set awaiting_units = awaiting_units - %s, updated_at = %s "
                "where inbound_id = %s",
                [units, now, inbound_id],
            )
            if status in REFUSED:
                db.execute(_NOTHING_OWED, {"units": units, "id": inbound_id})
            if status == AVAILABLE:
                place = (inbound["sku"], inbound["location"])
                supply_shocks.settle(db, risen=[place], now=now, cause="approval")
            return {
                "id": inbound_id,
                "sku": key.sku,
                "location": key.location,
                "decided": units,
                "status": status,
                "awaiting": inbound["awaiting_units"] - units,
            }

    body = {"inbound": inbound_id, "quantity": quantity, "status": status}
    done = idempotency.once(db, scope="approval", key=message_id, body=body, now=now, act=act)
    answer: Row = done.response
    return answer


_NOTHING_OWED = """
    update purchase_order_lines l set refused_units = refused_units + %(units)s
    from inbound i where i.inbound_id = %(id)s
        and l.purchase_order_id = i.purchase_order_id and l.sku = i.sku
"""


def _check(quantity: int | None, status: str) -> None:
    if status not in VERDICTS:
        raise InputRejected(f"'{status}' is not one of {', '.join(VERDICTS)}", field="status")
    if quantity is not None and quantity <= 0:
        raise InputRejected(f"{quantity} units cannot be approved; send 1 or more",
                            field="quantity")  # fmt: skip


def _locked(db: psycopg.Connection, inbound_id: str) -> Row:
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select * from inbound where inbound_id = %s for update", [inbound_id]
        ).fetchone()
    if row is None:
        raise NotFound("inbound", inbound_id)
    return row


def _decided_on(inbound: Row, quantity: int | None) -> int:
    awaiting: int = inbound["awaiting_units"]
    if awaiting < (quantity or 1):
        raise InputRejected(
            f"{awaiting} units of '{inbound['inbound_id']}' await approval; "
            + (f"send at most {awaiting}" if awaiting else "nothing is left to decide"),
            field="quantity",
        )
    return awaiting if quantity is None else quantity


def _move(db: psycopg.Connection, change: Fact, *, to: str, now: datetime) -> None:
    """Take units out of inspection and put them where they were decided to be."""
    key, units = change.key, -change.stated_units
    # The sellable balance is held in any case: what is promised there may be told anew.
    keys = {key, key._replace(status=to), key._replace(status=AVAILABLE)}
    at = ledger.moment(db, keys, None, now=now)
    here = ledger.lock(db, [key]).balances[key].units
    if here < units:
        raise InputRejected(
            f"{here} units are in {AWAITING} at '{key.location}', {units} cannot leave it; "
            "others were moved on already: count the position and send the count",
            field="quantity",
        )
    out = change._replace(effective_at=at)
    ledger.record(db, [out, out._replace(status=to, stated_units=units)], now=now)
