"""What is told of the lines of an order that was sent: confirmed, shipped, re-dated, cancelled.

Every function runs inside the transaction of `inventory.store.purchase_orders`, which holds the
order's row, changes the parts in which lines are supplied (`inventory.order_parts`), and returns
what it changed, for the order's history.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg

from inventory.calendar import zone
from inventory.errors import InputRejected
from inventory.order_parts import (
    LineSupply,
    Scheduled,
    When,
    cancelled,
    confirmed,
    redated,
    shipped,
)
from inventory.order_terms import units_tolerated
from inventory.store import order_terms
from inventory.store.line_supplies import morning, read_supplies, settle_days, timezone_of
from inventory.store.order_lines import Changes, Line, Lines, named, read_lines, set_quantity
from inventory.store.order_supply import Change, write

Order = Mapping[str, Any]
Said = Mapping[str, Any]

PARTS_MAX = 100
"""A line that comes in more deliveries is a slip, or a plan and no confirmation."""


def confirm_lines(
    db: psycopg.Connection, order: Order, lines: Lines | None, *, now: datetime
) -> Changes:
    """What the vendor said it will deliver: quantity (0: no more of it), days and unit cost.

    lines : those that it spoke of, the others stand as they are; None: all as they are agreed.

    A price is noted beside the order's own, which stays what an invoice is held against.
    """
    existing = read_lines(db, order["id"])
    before = read_supplies(db, order, existing)
    timezone = timezone_of(db, order)
    if lines is None:
        lines = [{"line": number} for number in before]
    found, prices = dict(before), []
    for row, line, said, wanted in named(existing, lines, least=0):
        was = before[line["line_no"]]
        schedule = _schedule(said, wanted, was.agreed_units, timezone, row=row)
        total = sum(units for units, _ in schedule)
        if total != was.agreed_units:
            _check_confirmed(db, order, line, was, total, row=row)
        found[line["line_no"]] = confirmed(was, schedule)
        if (price := said.get("unit_cost")) is not None:
            _set_price(db, order["id"], line, price, row=row)
            prices.append({"sku": line["sku"], "from": line["unit_cost"], "to": float(price)})
    changes = _keep(db, order, existing, before, found, now=now, term="confirmed by the vendor")
    if differing := [price for price in prices if price["from"] != price["to"]]:
        changes["unit_cost"] = differing
    return changes


def ship_lines(
    db: psycopg.Connection, order: Order, lines: Lines | None, *, now: datetime
) -> Changes:
    """Units that are on their way, added to those told before; `lines` None: all the rest."""
    existing = read_lines(db, order["id"])
    before = read_supplies(db, order, existing)
    timezone = timezone_of(db, order)
    if lines is None:
        lines = [
            {"line": number, "quantity": line.unshipped_units}
            for number, line in before.items()
            if line.unshipped_units
        ]
        if not lines:
            raise InputRejected("all of the order was told as shipped already", field="lines")
    found, told = dict(before), []
    for row, line, said, quantity in named(existing, lines, least=1):
        if quantity is None and not said.get("parts"):
            raise InputRejected("say how many units were shipped", field="quantity", row=row)
        number = line["line_no"]
        for units, when in _schedule(said, quantity, 0, timezone, row=row):
            if not units:
                raise InputRejected("must be a whole number from 1", field="quantity", row=row)
            new = units - _heard_late(db, line, found[number], (units, when))
            line["shipped_units"] += units
            going = max(line["shipped_units"], new and found[number].settled_units + new)
            _check_tolerated(db, order, line, going, row=row, told="told as shipped")
            if new:
                shipment = said.get("shipment")
                found[number] = shipped(found[number], new, when=when, shipment=shipment)
            told.append({"sku": line["sku"], "quantity": units})
        db.execute(
            "update purchase_order_lines set shipped_units = %s "
            "where purchase_order_id = %s and line_no = %s",
            [line["shipped_units"], order["id"], number],
        )
    changes = _keep(db, order, existing, before, found, now=now, term="shipped by the vendor")
    return {"shipped": told} | changes


def date_lines(db: psycopg.Connection, order: Order, lines: Lines, *, now: datetime) -> Changes:
    """New days: of all that is open of a line, or of one `part` or `shipment` of it."""
    existing = read_lines(db, order["id"])
    before = read_supplies(db, order, existing)
    timezone = timezone_of(db, order)
    found = dict(before)
    for row, line, said, _ in named(existing, lines, least=0):
        when = _when(said, timezone, row=row)
        if when is not None:
            was, number = before[line["line_no"]], said.get("part")
            with _at_row(row):
                found[line["line_no"]] = redated(
                    was, when, number=number, shipment=said.get("shipment")
                )
    return _keep(db, order, existing, before, found, now=now, term="")


def cancel_lines(
    db: psycopg.Connection, order: Order, lines: Lines, *, now: datetime, source: str
) -> Changes:
    """Units that are still with the vendor are wanted no more; without a quantity all of a line."""
    existing = read_lines(db, order["id"])
    before = read_supplies(db, order, existing)
    found = dict(before)
    for row, line, _, quantity in named(existing, lines, least=1):
        was = before[line["line_no"]]
        units = quantity or was.unshipped_units
        if not units:
            raise InputRejected(
                f"nothing of '{line['sku']}' is still with the vendor; "
                f"{was.shipped_units} units are on their way: close the order if they never come",
                field="lines",
                row=row,
            )
        with _at_row(row):
            found[line["line_no"]] = cancelled(was, units)
        # What the vendor added by itself was never ordered, so it is not taken back either.
        added = max(was.agreed_units - (line["ordered_units"] - line["cancelled_units"]), 0)
        db.execute(
            "update purchase_order_lines set cancelled_units = cancelled_units + %s "
            "where purchase_order_id = %s and line_no = %s",
            [max(units - added, 0), order["id"], line["line_no"]],
        )
    return _keep(
        db, order, existing, before, found, now=now, term="cancelled by hand", source=source
    )


@contextmanager
def _at_row(row: int) -> Iterator[None]:
    """A refusal names the row of the message that asked for it."""
    try:
        yield
    except InputRejected as error:
        raise InputRejected(error.problem, field=error.field, row=row) from None


def _heard_late(
    db: psycopg.Connection, line: Line, was: LineSupply, told: tuple[int, When | None]
) -> int:
    """Of the units of a notice, those that are here already: it came after its goods.

    Goods that came without a notice are those of one that says that day or an earlier one, or that
    tells of more than is still with the vendor.
    """
    units, when = told
    without_notice: int = was.received_units - (line["shipped_units"] - was.shipped_units)
    if without_notice <= 0:
        return 0
    came = db.execute(_LAST_RECEIPT, line).fetchone()
    is_late = when is not None and came is not None and came[0] and when.day <= came[0]
    heard: int = units if is_late else max(units - was.unshipped_units, 0)
    return min(without_notice, heard)


_LAST_RECEIPT = """
    select max((r.received_at at time zone o.timezone)::date)
    from purchase_order_receipts r join purchase_orders p using (purchase_order_id)
    join locations o on o.location = p.location
    where r.purchase_order_id = %(purchase_order_id)s and r.line_no = %(line_no)s
"""


def _check_confirmed(
    db: psycopg.Connection, order: Order, line: Line, was: LineSupply, total: int, *, row: int
) -> None:
    if 0 < total < min(was.settled_units, was.agreed_units):
        raise InputRejected(
            f"{total} units of '{line['sku']}' are confirmed and {was.settled_units} are here or "
            "on their way already; confirm all of the line, or 0 if no more will come",
            field="quantity",
            row=row,
        )
    _check_tolerated(db, order, line, total, row=row, told="confirmed")


def _check_tolerated(
    db: psycopg.Connection, order: Order, line: Line, units: int, *, row: int, told: str
) -> None:
    ordered = (line["ordered_units"] or line["quantity"]) - line["cancelled_units"]
    share = order_terms.in_force(db, order["vendor"]).over_receipt_share
    tolerated = units_tolerated(
        units, agreed_units=ordered, received_units=0, over_receipt_share=share
    )
    if tolerated < units:
        raise InputRejected(
            f"{units} units of '{line['sku']}' are {told} and {ordered} were ordered"
            + (f" ({line['cancelled_units']} cancelled since)" if line["cancelled_units"] else "")
            + f"; at most {tolerated} are tolerated: ask the vendor, or raise over_receipt_share "
            "of its terms",
            field="quantity",
            row=row,
        )


def _schedule(
    said: Said, quantity: int | None, otherwise: int, timezone: str, *, row: int
) -> Scheduled:
    """Units and when they come: of the parts that were told, else of the line as a whole."""
    parts: Sequence[Said] = said.get("parts") or ()
    if not parts:
        return [(otherwise if quantity is None else quantity, _when(said, timezone, row=row))]
    if len(parts) > PARTS_MAX:
        raise InputRejected(f"send at most {PARTS_MAX} parts of a line", field="parts", row=row)
    told = []
    for part in parts:
        units = part.get("quantity")
        if isinstance(units, bool) or not isinstance(units, int) or units < 0:
            raise InputRejected("must be a whole number from 0", field="quantity", row=row)
        told.append((units, _when(part, timezone, row=row) or _when(said, timezone, row=row)))
    total = sum(units for units, _ in told)
    if quantity is not None and total != quantity:
        raise InputRejected(
            f"the parts add up to {total} units and the line says {quantity}",
            field="parts",
            row=row,
        )
    return told


def _when(said: Said, timezone: str, *, row: int) -> When | None:
    """The day that was told, at the order's location, and the moment where one was told."""
    told = said.get("expected_at") or said.get("expected_on")
    if told is None:
        return None
    if isinstance(told, str):
        told = _parsed(told, row)
    if isinstance(told, datetime):
        if told.tzinfo is None:
            raise InputRejected("give the time with its zone", field="expected_at", row=row)
        return When(told.astimezone(zone(timezone)).date(), told)
    return morning(told, timezone)


def _parsed(told: str, row: int) -> date:
    try:
        return date.fromisoformat(told) if "T" not in told else datetime.fromisoformat(told)
    except ValueError as error:
        raise InputRejected(
            "must be a date like 2026-03-01", field="expected_on", row=row
        ) from error


def _keep(
    db: psycopg.Connection,
    order: Order,
    lines: Iterable[Line],
    before: Mapping[int, LineSupply],
    after: Mapping[int, LineSupply],
    *,
    now: datetime,
    term: str,
    source: str | None = None,
) -> Changes:
    """Write what became of the lines, their supply and their days; returns what changed."""
    changes = [
        Change(line, before[line["line_no"]], after[line["line_no"]])
        for line in lines
        if after[line["line_no"]] != before[line["line_no"]]
    ]
    quantities, schedules = [], []
    for line, was, is_now in changes:
        if is_now.agreed_units != was.agreed_units:
            quantities.append(
                {"sku": line["sku"], "from": was.agreed_units, "to": is_now.agreed_units}
            )
            set_quantity(db, order["id"], line, is_now.agreed_units, term=term,
                         source=source or f"vendor {order['vendor']}")  # fmt: skip
        if len(is_now.parts) > 1 and is_now.parts != was.parts:
            schedules.append({"sku": line["sku"], "parts": _told(is_now)})
    dates = [
        {"sku": line["sku"], "from": str(was.last_day), "to": str(is_now.last_day)}
        for line, was, is_now in changes
        if is_now.open_units and is_now.last_day != was.last_day
    ]
    _set_usual_days(db, order, changes)
    write(db, order, changes, now=now)
    settle_days(db, order["id"])
    found = {"lines": quantities, "dates": dates, "parts": schedules}
    return {name: rows for name, rows in found.items() if rows}


def _told(line: LineSupply) -> list[dict[str, Any]]:
    return [
        {"units": part.units, "expected_on": str(part.when.day), "state": part.state}
        | ({"shipment": part.shipment} if part.shipment else {})
        for part in sorted(line.parts, key=lambda part: part.when.at)
    ]


def _set_usual_days(db: psycopg.Connection, order: Order, changes: Sequence[Change]) -> None:
    """Units that the vendor said nothing of were told to come on another day."""
    moved = [c for c in changes if c.after.usual != c.before.usual]
    if moved:
        db.execute(_KEEP_DAYS, order)
    for change in moved:
        db.execute(
            "update purchase_order_lines set arrives_on = %s "
            "where purchase_order_id = %s and line_no = %s",
            [change.after.usual.day, order["id"], change.line["line_no"]],
        )


_KEEP_DAYS = """
    update purchase_order_lines set arrives_on = %(expected_on)s
    where purchase_order_id = %(id)s and arrives_on is null
"""


def _set_price(db: psycopg.Connection, po_id: str, line: Line, price: object, *, row: int) -> None:
    number = isinstance(price, int | float | Decimal) and not isinstance(price, bool)
    if not (number and price >= 0):  # type: ignore[operator]
        raise InputRejected("must be money of 0 or more", field="unit_cost", row=row)
    db.execute(
        "update purchase_order_lines set confirmed_unit_cost = %s "
        "where purchase_order_id = %s and line_no = %s",
        [price, po_id, line["line_no"]],
    )
