"""Goods of a purchase order that arrived: inbound falls and stock rises in one transaction.

Goods of an order of which nothing is expected any more are booked too: refusing them at the dock
would leave them in the building and out of the books. They wait in inspection.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from inventory.errors import InputRejected, StateConflict
from inventory.purchase_orders import ON_ITS_WAY
from inventory.store import inbound, ordered_goods
from inventory.store.order_lines import Changes, Line, Lines, named, read_lines

RECEIPT_STATUSES = ("available", "inspection", "frozen", "defective")


def receive_lines(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    lines: Lines | None,
    *,
    actor: str,
    now: datetime,
    received_at: datetime | None,
    document_id: str | None,
) -> Changes:
    """Book what came, [{"line" or "sku", "quantity", "status"?, "shipment"?}]; None: all of it.

    What is beyond the order and the vendor's tolerance waits in inspection until somebody approves
    it (`inventory.store.approvals`). The returned `open_units` are those still to come.
    """
    existing = read_lines(db, order["id"])
    if lines is None:
        lines = _all_open(order, existing)
    if order["state"] not in ON_ITS_WAY and all(x["ordered_units"] is None for x in existing):
        raise StateConflict(
            "purchase order",
            order["id"],
            state=f"{order['state']} and was never sent: record goods that came as a restock",
            act="receive",
        )
    asked = []
    for row, line, said, quantity in named(existing, lines, least=1):
        status = said.get("status") or "available"
        if quantity is None or status not in RECEIPT_STATUSES:
            known = ", ".join(RECEIPT_STATUSES)
            raise InputRejected(f"give a quantity, and a status of {known}", field="lines", row=row)
        asked.append((line, quantity, status, said.get("shipment")))
    received = []
    for line, quantity, status, shipment in asked:
        booked = inbound.receive(
            db,
            ordered_goods.row_of(db, order["id"], line, now=now),
            message_id=f"{order['id']}:{line['line_no']}:{order['version']}",
            quantity=quantity,
            now=now,
            received_at=received_at,
            status=status,
            actor=actor,
            tell_order=False,
            document_id=document_id,
            shipment=shipment,
        )
        line["received_units"] += quantity
        came = {"sku": line["sku"], "quantity": quantity, "status": booked["status"]}
        held = {"held": booked["held"]} if booked.get("held") else {}
        received.append(came | ({"shipment": shipment} if shipment else {}) | held)
    still_open = sum(max(line["quantity"] - line["received_units"], 0) for line in existing)
    return {"received": received, "open_units": still_open}


def _all_open(order: Mapping[str, Any], existing: list[Line]) -> list[dict[str, Any]]:
    if order["state"] not in ON_ITS_WAY:
        raise InputRejected(
            f"nothing more is expected of order {order['id']}, which is {order['state']}: say "
            "which lines came and how many units; they wait in inspection for approval",
            field="lines",
        )
    return [
        {"line": line["line_no"], "quantity": rest}
        for line in existing
        if (rest := line["quantity"] - line["received_units"]) > 0
    ]
