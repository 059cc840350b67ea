"""Lines of a transfer: read, and changed by people before it is approved."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected
from inventory.reservations import UNITS_MAX


def read_lines(db: psycopg.Connection, transfer_id: str) -> dict[str, dict[str, Any]]:
    """Lines by SKU: line_no, sku, quantity, shipped_units, received_units, keep_units, saving,
    explanation.
    """
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "select line_no, sku, quantity, shipped_units, received_units, keep_units, saving, "
            "explanation from transfer_lines where transfer_id = %s order by line_no",
            [transfer_id],
        ).fetchall()
    return {line["sku"]: line for line in found}


def edit_lines(
    db: psycopg.Connection,
    transfer_id: str,
    lines: Sequence[Mapping[str, Any]],
    *,
    actor: str,
    reason: str,
) -> dict[str, Any]:
    """Set quantities; zero removes a line. Returns what changed, for the transfer's history.

    What a changed quantity saves is in proportion, and said to be so in its explanation.
    """
    existing = read_lines(db, transfer_id)
    changed = []
    for row, asked in enumerate(lines, start=1):
        sku, quantity = str(asked.get("sku")), asked.get("quantity")
        if sku not in existing:
            raise InputRejected(f"'{sku}' is not on this transfer", field="sku", row=row)
        if (
            isinstance(quantity, bool)
            or not isinstance(quantity, int)
            or not 0 <= quantity <= UNITS_MAX
        ):
            raise InputRejected("must be a whole number from 0", field="quantity", row=row)
        line = existing[sku]
        if quantity != line["quantity"]:
            changed.append({"sku": sku, "from": line["quantity"], "to": quantity})
        if quantity == 0:
            del existing[sku]
            _remove(db, transfer_id, line["line_no"])
        else:
            _set_quantity(db, transfer_id, line, quantity, source=f"{actor}: {reason}")
    if not existing:
        raise InputRejected("the last line cannot be removed; reject the transfer", field="lines")
    return {"lines": changed} if changed else {}


def _remove(db: psycopg.Connection, transfer_id: str, line_no: int) -> None:
    """Take a line out, and its supply where it was announced as planned."""
    db.execute(
        "delete from transfer_lines where transfer_id = %s and line_no = %s", [transfer_id, line_no]
    )
    db.execute("delete from inbound where inbound_id = %s", [f"{transfer_id}:{line_no}"])


def _set_quantity(
    db: psycopg.Connection, transfer_id: str, line: Mapping[str, Any], quantity: int, *, source: str
) -> None:
    added = quantity - line["quantity"]
    saving = line["saving"]
    explanation = dict(line["explanation"])
    if added:
        saving = line["saving"] * quantity / line["quantity"]
        term = {"term": "changed by hand", "money": saving - line["saving"], "source": source}
        terms = explanation.get("terms", [])
        if any("quantity" in earlier for earlier in terms):
            term["quantity"] = added
        explanation["terms"] = [*terms, term]
    db.execute(
        "update transfer_lines set quantity = %s, saving = %s, firmed = true, explanation = %s "
        "where transfer_id = %s and line_no = %s",
        [quantity, saving, Jsonb(explanation), transfer_id, line["line_no"]],
    )
