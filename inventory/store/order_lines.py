"""Lines of a purchase order: edited, confirmed by the vendor, received.

Every function runs inside the transaction of `inventory.store.purchase_orders`, which holds the
order's row, and returns what it changed, for the order's history.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.errors import InputRejected
from inventory.store import catalog, inbound

RECEIPT_STATUSES = ("available", "inspection", "frozen", "defective")

Lines = Sequence[Mapping[str, Any]]
Changes = dict[str, Any]


def read_lines(db: psycopg.Connection, po_id: str) -> dict[str, dict[str, Any]]:
    """Lines of an order by SKU: line_no, sku, quantity, received_units, explanation."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "select line_no, sku, quantity, received_units, explanation "
            "from purchase_order_lines where purchase_order_id = %s order by line_no",
            [po_id],
        ).fetchall()
    return {line["sku"]: line for line in found}


def edit_lines(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Lines, *, actor: str, reason: str
) -> Changes:
    """Set quantities; zero removes a line. The change is one more term of its explanation."""
    existing = read_lines(db, order["id"])
    changed = []
    for row, (line, wanted) in enumerate(_asked(existing, lines, least=0), start=1):
        if wanted is None:
            raise InputRejected("say how many units to order", field="quantity", row=row)
        added = wanted - line["quantity"]
        if added:
            changed.append({"sku": line["sku"], "from": line["quantity"], "to": wanted})
        if wanted == 0:
            del existing[line["sku"]]
            _remove(db, order["id"], line["line_no"])
            continue
        _set_quantity(db, order["id"], line, wanted, f"{actor}: {reason}")
    if not existing:
        raise InputRejected("the last line cannot be removed; reject the order", field="lines")
    return {"lines": changed} if changed else {}


def confirm_lines(db: psycopg.Connection, order: Mapping[str, Any], lines: Lines) -> Changes:
    """What the vendor said: other quantities, or another date (the latest holds for the order)."""
    existing = read_lines(db, order["id"])
    changed = []
    for line, wanted in _asked(existing, lines, least=1):
        if wanted is not None and wanted != line["quantity"]:
            changed.append({"sku": line["sku"], "from": line["quantity"], "to": wanted})
            _set_quantity(db, order["id"], line, wanted, f"vendor {order['vendor']}")
    changes: Changes = {"lines": changed} if changed else {}
    dates = [_date(line["expected_on"]) for line in lines if line.get("expected_on")]
    if dates and max(dates) != order["expected_on"]:
        changes["expected_on"] = [str(order["expected_on"]), str(max(dates))]
        db.execute(
            "update purchase_orders set expected_on = %s where purchase_order_id = %s",
            [max(dates), order["id"]],
        )
    return changes


def receive_lines(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    lines: Lines | None,
    *,
    actor: str,
    now: datetime,
) -> Changes:
    """Goods on the shelf: inbound −q and on-hand (or inspection) +q in one transaction.

    `lines` None: everything that is open. More than that is refused, as for any inbound: a surplus
    is a restock. The returned `open_units` are those still to come.
    """
    existing = read_lines(db, order["id"])
    if lines is None:
        lines = [
            {"sku": line["sku"], "quantity": line["quantity"] - line["received_units"]}
            for line in existing.values()
            if line["quantity"] > line["received_units"]
        ]
    received = []
    asked = zip(lines, _asked(existing, lines, least=1), strict=True)
    for row, (given, (line, quantity)) in enumerate(asked, start=1):
        status = given.get("status") or "available"
        if quantity is None or status not in RECEIPT_STATUSES:
            known = ", ".join(RECEIPT_STATUSES)
            raise InputRejected(f"give a quantity, and a status of {known}", field="lines")
        rest = line["quantity"] - line["received_units"]
        if quantity > rest:
            raise InputRejected(
                f"{quantity} units of '{line['sku']}' arrived and only {rest} are still to come; "
                f"receive {rest}, and record the other {quantity - rest} as a restock",
                field="quantity",
                row=row,
            )
        line["received_units"] += quantity
        received.append((line, quantity, status))
    landed = _post_receipts(db, order, received, actor=actor, now=now)
    still_open = sum(max(x["quantity"] - x["received_units"], 0) for x in existing.values())
    return {
        "received": [{"sku": x["sku"], "quantity": q, "status": s} for x, q, s in landed],
        "open_units": still_open,
    }


def announce(
    db: psycopg.Connection, order: Mapping[str, Any], *, state: str, now: datetime
) -> None:
    """Make each line's inbound say what the order says: confirmed, shipped or cancelled.

    The date is the order's when it is confirmed, from the start of the location's day on; later
    the inbound's own, which may have moved.
    """
    place = catalog.get(db, Location, order["location"])
    morning = datetime.combine(order["expected_on"], time(0), zone(place.timezone))
    for line in read_lines(db, order["id"]).values():
        if line["quantity"] <= line["received_units"]:
            continue
        inbound_id = f"{order['id']}:{line['line_no']}"
        known = db.execute(
            "select expected_at from inbound where inbound_id = %s", [inbound_id]
        ).fetchone()
        if known is None and state == "cancelled":
            continue
        inbound.put(
            db,
            inbound_id=inbound_id,
            sku=line["sku"],
            location=order["location"],
            quantity=line["quantity"],
            expected_at=morning if known is None or state == "confirmed" else known[0],
            state=state,
            now=now,
            purchase_order_id=order["id"],
        )


def _post_receipts(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    received: Sequence[tuple[Mapping[str, Any], int, str]],
    *,
    actor: str,
    now: datetime,
) -> list[tuple[Mapping[str, Any], int, str]]:
    """Book what came. Returns it with the statuses it landed in: approval may be wanted first."""
    landed = []
    for number, (line, quantity, status) in enumerate(received):
        inbound_id = f"{order['id']}:{line['line_no']}"
        db.execute(
            "update purchase_order_lines set received_units = received_units + %s "
            "where purchase_order_id = %s and line_no = %s",
            [quantity, order["id"], line["line_no"]],
        )
        announced = inbound.get(db, inbound_id)
        total = int(str(announced["received_units"])) + quantity
        if quantity > int(str(announced["quantity"])):  # More came than was announced.
            inbound.put(
                db,
                inbound_id=inbound_id,
                sku=line["sku"],
                location=order["location"],
                quantity=total,
                expected_at=datetime.fromisoformat(str(announced["expected_at"])),
                state="shipped",
                now=now,
                purchase_order_id=order["id"],
            )
        booked = inbound.receive(
            db,
            inbound_id,
            message_id=f"{inbound_id}:{order['version']}:{number}",
            quantity=quantity,
            now=now,
            status=status,
            actor=actor,
            tell_order=False,
        )
        landed.append((line, quantity, str(booked["status"])))
    return landed


def _asked(
    existing: Mapping[str, dict[str, Any]], lines: Lines, *, least: int
) -> list[tuple[dict[str, Any], int | None]]:
    """The line that each asked one means, and its quantity; refuses what cannot be meant."""
    found = []
    for row, asked in enumerate(lines, start=1):
        sku = str(asked.get("sku"))
        if sku not in existing:
            raise InputRejected(f"'{sku}' is not on this order", field="sku", row=row)
        quantity = asked.get("quantity")
        if quantity is not None and (
            isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < least
        ):
            raise InputRejected(f"must be a whole number from {least}", field="quantity", row=row)
        found.append((existing[sku], quantity))
    return found


def _set_quantity(
    db: psycopg.Connection, po_id: str, line: Mapping[str, Any], quantity: int, source: str
) -> None:
    """Change a line and explain it; the line is firmed, so planning leaves it alone."""
    explanation = dict(line["explanation"])
    added = quantity - line["quantity"]
    if added:
        term = {"term": "changed by hand", "quantity": added, "source": source}
        explanation["terms"] = [*explanation.get("terms", []), term]
    db.execute(
        "update purchase_order_lines set quantity = %s, firmed = true, explanation = %s "
        "where purchase_order_id = %s and line_no = %s",
        [quantity, Jsonb(explanation), po_id, line["line_no"]],
    )


def _remove(db: psycopg.Connection, po_id: str, line_no: int) -> None:
    db.execute(
        "delete from purchase_order_lines where purchase_order_id = %s and line_no = %s",
        [po_id, line_no],
    )


def _date(given: object) -> date:
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given))
    except ValueError as error:
        raise InputRejected("must be a date like 2026-03-01", field="expected_on") from error
