"""Lines of a purchase order: read, found by how they are named, and edited by people.

Every function runs inside the transaction of `inventory.store.purchase_orders`, which holds the
order's row, and returns what it changed, for the order's history. A line is named by its number
(`line`) or by its SKU (`sku`). What vendors say of lines is in `inventory.store.line_reports`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected

Lines = Sequence[Mapping[str, Any]]
Line = dict[str, Any]
Changes = dict[str, Any]


def read_lines(db: psycopg.Connection, po_id: str) -> list[Line]:
    """Lines of an order by their numbers."""
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            "select purchase_order_id, line_no, sku, quantity, received_units, shipped_units, "
            "ordered_units, cancelled_units, unit_cost, confirmed_unit_cost, arrives_on, "
            "explanation from purchase_order_lines where purchase_order_id = %s order by line_no",
            [po_id],
        ).fetchall()


def named(
    existing: Sequence[Line], lines: Lines, *, least: int
) -> Iterator[tuple[int, Line, Mapping[str, Any], int | None]]:
    """Row number, the line that is meant, what was said of it, and its quantity.

    Raises `InputRejected` for a line that is not on the order, one named twice, or a quantity
    below `least`.
    """
    by_sku = {line["sku"]: line for line in existing}
    by_number = {line["line_no"]: line for line in existing}
    seen = set()
    for row, said in enumerate(lines, start=1):
        number, sku = said.get("line"), said.get("sku")
        line = by_sku.get(str(sku)) if number is None else by_number.get(number)
        if line is None or (sku is not None and sku != line["sku"]):
            field, value = ("sku", sku) if number is None or line else ("line", number)
            raise InputRejected(f"'{value}' is not on this order", field=field, row=row)
        if line["line_no"] in seen:
            raise InputRejected(f"'{line['sku']}' is named twice", field="sku", row=row)
        seen.add(line["line_no"])
        quantity = said.get("quantity")
        if quantity is not None and (
            isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < least
        ):
            raise InputRejected(f"must be a whole number from {least}", field="quantity", row=row)
        yield row, line, said, quantity


def edit_lines(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Lines, *, actor: str, reason: str
) -> Changes:
    """Set quantities; zero removes a line. The change is one more term of its explanation."""
    existing = read_lines(db, order["id"])
    left = len(existing)
    changed = []
    for row, line, _, wanted in named(existing, lines, least=0):
        if wanted is None:
            raise InputRejected("say how many units to order", field="quantity", row=row)
        if wanted != line["quantity"]:
            changed.append({"sku": line["sku"], "from": line["quantity"], "to": wanted})
        if wanted == 0:
            left -= 1
            _remove(db, order["id"], line["line_no"])
            continue
        set_quantity(
            db, order["id"], line, wanted, term="changed by hand", source=f"{actor}: {reason}"
        )
    if not left:
        raise InputRejected("the last line cannot be removed; reject the order", field="lines")
    return {"lines": changed} if changed else {}


def set_quantity(
    db: psycopg.Connection,
    po_id: str,
    line: Mapping[str, Any],
    quantity: int,
    *,
    term: str,
    source: str,
) -> None:
    """Change a line and explain it; the line is firmed, so planning leaves it alone."""
    explanation = dict(line["explanation"])
    added = quantity - line["quantity"]
    if added:
        change = {"term": term, "quantity": added, "source": source}
        explanation["terms"] = [*explanation.get("terms", []), change]
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
