"""Lines of a purchase order: edited by people, confirmed, shipped and re-dated by the vendor.

Every function runs inside the transaction of `inventory.store.purchase_orders`, which holds the
order's row, and returns what it changed, for the order's history. A line is named by its number
(`line`) or by its SKU (`sku`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.errors import InputRejected
from inventory.order_terms import units_tolerated
from inventory.store import catalog, order_terms

Lines = Sequence[Mapping[str, Any]]
Line = dict[str, Any]
Changes = dict[str, Any]
Moments = dict[int, datetime]
"""The moment at which lines are expected, by line number, where more than the day is known."""


def read_lines(db: psycopg.Connection, po_id: str) -> list[Line]:
    """Lines of an order by their numbers."""
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            "select line_no, sku, quantity, received_units, shipped_units, ordered_units, "
            "unit_cost, confirmed_unit_cost, arrives_on, explanation "
            "from purchase_order_lines where purchase_order_id = %s order by line_no",
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
        _set_quantity(
            db, order["id"], line, wanted, term="changed by hand", source=f"{actor}: {reason}"
        )
    if not left:
        raise InputRejected("the last line cannot be removed; reject the order", field="lines")
    return {"lines": changed} if changed else {}


def confirm_lines(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Lines
) -> tuple[Changes, Moments]:
    """What the vendor said it will deliver: quantity (0: nothing of it), day and unit cost.

    A price is noted beside the order's own, which stays what an invoice is held against.
    """
    existing = read_lines(db, order["id"])
    changed, prices = [], []
    for row, line, said, wanted in named(existing, lines, least=0):
        if wanted is not None and wanted != line["quantity"]:
            _check_tolerated(db, order, line, wanted, row=row, told="confirmed")
            changed.append({"sku": line["sku"], "from": line["quantity"], "to": wanted})
            source = f"vendor {order['vendor']}"
            _set_quantity(
                db, order["id"], line, wanted, term="confirmed by the vendor", source=source
            )
        if (price := said.get("unit_cost")) is not None:
            _set_price(db, order["id"], line, price, row=row)
            prices.append({"sku": line["sku"], "from": line["unit_cost"], "to": float(price)})
    changes: Changes = {"lines": changed} if changed else {}
    if differing := [price for price in prices if price["from"] != price["to"]]:
        changes["unit_cost"] = differing
    dates, moments = date_lines(db, order, lines)
    return changes | dates, moments


def ship_lines(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Lines | None
) -> tuple[Changes, Moments]:
    """Units that are on their way, added to those told before; `lines` None: all the rest.

    The day that is told with a part of a line is that of the part: the line keeps the later one.
    """
    existing = read_lines(db, order["id"])
    if lines is None:
        lines = [
            {"line": line["line_no"], "quantity": rest}
            for line in existing
            if (rest := line["quantity"] - max(line["shipped_units"], line["received_units"])) > 0
        ]
        if not lines:
            raise InputRejected("all of the order was told as shipped already", field="lines")
    shipped, dated = [], []
    for row, line, said, quantity in named(existing, lines, least=1):
        if quantity is None:
            raise InputRejected("say how many units were shipped", field="quantity", row=row)
        total = line["shipped_units"] + quantity
        _check_tolerated(db, order, line, total, row=row, told="told as shipped")
        db.execute(
            "update purchase_order_lines set shipped_units = %s "
            "where purchase_order_id = %s and line_no = %s",
            [total, order["id"], line["line_no"]],
        )
        shipped.append({"sku": line["sku"], "quantity": quantity})
        day = _day_of(db, order, said)
        known = line["arrives_on"] or order["expected_on"]
        if day is not None and (total >= line["quantity"] or day[0] > known):
            dated.append(said)
    dates, moments = date_lines(db, order, dated)
    return {"shipped": shipped} | dates, moments


def date_lines(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Lines
) -> tuple[Changes, Moments]:
    """New days of lines that name one (`expected_at` or `expected_on`); the order's is the last."""
    changed = []
    moments: Moments = {}
    for row, line, said, _ in named(read_lines(db, order["id"]), lines, least=0):
        day = _day_of(db, order, said, row=row)
        if day is None:
            continue
        if day[1] is not None:
            moments[line["line_no"]] = day[1]
        before = line["arrives_on"] or order["expected_on"]
        db.execute(_KEEP_DAYS, order)
        db.execute(
            "update purchase_order_lines set arrives_on = %s "
            "where purchase_order_id = %s and line_no = %s",
            [day[0], order["id"], line["line_no"]],
        )
        if day[0] != before:
            changed.append({"sku": line["sku"], "from": str(before), "to": str(day[0])})
    if changed:
        db.execute(_LAST_DAY, {"id": order["id"]})
    return {"dates": changed} if changed else {}, moments


# The other lines keep the day they had when the order's becomes another.
_KEEP_DAYS = """
    update purchase_order_lines set arrives_on = %(expected_on)s
    where purchase_order_id = %(id)s and arrives_on is null
"""

_LAST_DAY = """
    update purchase_orders p set expected_on = coalesce((
        select max(coalesce(l.arrives_on, p.expected_on)) from purchase_order_lines l
        where l.purchase_order_id = p.purchase_order_id and l.received_units < l.quantity
    ), p.expected_on) where purchase_order_id = %(id)s
"""


def _day_of(
    db: psycopg.Connection, order: Mapping[str, Any], said: Mapping[str, Any], row: int = 0
) -> tuple[date, datetime | None] | None:
    """The day that was told, at the order's location, and the moment where one was told."""
    told = said.get("expected_at") or said.get("expected_on")
    if told is None:
        return None
    if isinstance(told, str):
        told = _parsed(told, row)
    if isinstance(told, datetime):
        if told.tzinfo is None:
            raise InputRejected("give the time with its zone", field="expected_at", row=row or None)
        place = catalog.get(db, Location, order["location"])
        return told.astimezone(zone(place.timezone)).date(), told
    return told, None


def _parsed(told: str, row: int) -> date:
    try:
        return date.fromisoformat(told) if "T" not in told else datetime.fromisoformat(told)
    except ValueError as error:
        raise InputRejected(
            "must be a date like 2026-03-01", field="expected_on", row=row or None
        ) from error


def _check_tolerated(
    db: psycopg.Connection, order: Mapping[str, Any], line: Line, units: int, *, row: int, told: str
) -> None:
    ordered = line["ordered_units"] or line["quantity"]
    share = order_terms.in_force(db, order["vendor"]).over_receipt_share
    tolerated = units_tolerated(
        units, agreed_units=ordered, received_units=0, over_receipt_share=share
    )
    if tolerated < units:
        raise InputRejected(
            f"{units} units of '{line['sku']}' are {told} and {ordered} were ordered; at most "
            f"{tolerated} are tolerated: ask the vendor, or raise over_receipt_share of its terms",
            field="quantity",
            row=row,
        )


def _set_quantity(
    db: psycopg.Connection, po_id: str, line: Line, quantity: int, *, term: str, source: str
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


def _set_price(db: psycopg.Connection, po_id: str, line: Line, price: object, *, row: int) -> None:
    number = isinstance(price, int | float | Decimal) and not isinstance(price, bool)
    if not (number and price >= 0):  # type: ignore[operator]
        raise InputRejected("must be money of 0 or more", field="unit_cost", row=row)
    db.execute(
        "update purchase_order_lines set confirmed_unit_cost = %s "
        "where purchase_order_id = %s and line_no = %s",
        [price, po_id, line["line_no"]],
    )


def _remove(db: psycopg.Connection, po_id: str, line_no: int) -> None:
    db.execute(
        "delete from purchase_order_lines where purchase_order_id = %s and line_no = %s",
        [po_id, line_no],
    )
