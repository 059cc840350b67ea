"""Goods of a purchase order that arrived: inbound falls and stock rises in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from inventory.errors import InputRejected
from inventory.store import inbound
from inventory.store.order_lines import Changes, Lines, named, read_lines
from inventory.store.order_supply import inbound_id

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
    """Book what came, [{"line" or "sku", "quantity", "status"?}]; None: everything that is open.

    What is beyond the order and the vendor's tolerance waits in inspection until somebody approves
    it (`inventory.store.approvals`). The returned `open_units` are those still to come.
    """
    existing = read_lines(db, order["id"])
    if lines is None:
        lines = [
            {"line": line["line_no"], "quantity": rest}
            for line in existing
            if (rest := line["quantity"] - line["received_units"]) > 0
        ]
    asked = []
    for row, line, said, quantity in named(existing, lines, least=1):
        status = said.get("status") or "available"
        if quantity is None or status not in RECEIPT_STATUSES:
            known = ", ".join(RECEIPT_STATUSES)
            raise InputRejected(f"give a quantity, and a status of {known}", field="lines", row=row)
        asked.append((line, quantity, status))
    received = []
    for line, quantity, status in asked:
        name = inbound_id(order["id"], line["line_no"])
        booked = inbound.receive(
            db,
            name,
            message_id=f"{name}:{order['version']}",
            quantity=quantity,
            now=now,
            received_at=received_at,
            status=status,
            actor=actor,
            tell_order=False,
            document_id=document_id,
        )
        line["received_units"] += quantity
        came = {"sku": line["sku"], "quantity": quantity, "status": booked["status"]}
        held = {"held": booked["held"]} if booked.get("held") else {}
        received.append(came | held)
    still_open = sum(max(line["quantity"] - line["received_units"], 0) for line in existing)
    return {"received": received, "open_units": still_open}
