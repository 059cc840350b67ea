"""Invoices of vendors: what they charge for, and what does not match order and receipt.

A line is owed for what was ordered, arrived and was not refused, at the price of the order. Where
a line says otherwise, beyond what the vendor's terms tolerate, it is a discrepancy that a buyer
decides on; a line without any is paid without anybody looking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from inventory.errors import InputRejected

NOT_ORDERED = "not_ordered"
"""No such line on an order of this vendor."""
NOT_RECEIVED = "not_received"
"""Nothing of the line arrived that was not refused or still awaits approval."""
QUANTITY = "quantity"
"""More units, with all invoices before, than arrived."""
PRICE = "price"
"""Another unit price than the order's."""
TOTAL = "total"
"""The total is not the sum of lines and charges."""
DUPLICATE = "duplicate"
"""An invoice of this number came before, and was not rejected."""
CURRENCY = "currency"
"""Another currency than the order's, in which nothing is owed."""

KINDS = (NOT_ORDERED, NOT_RECEIVED, QUANTITY, PRICE, TOTAL, DUPLICATE, CURRENCY)
STATES = ("open", "approved", "rejected")

LINES_MAX = 5_000
QUANTITY_MAX = 1_000_000_000
MONEY_MAX = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line as the vendor states it."""

    order_id: str | None
    line: int | None
    sku: str | None
    quantity: int
    unit_price: Decimal


def stated_lines(
    lines: Sequence[Mapping[str, Any]], *, order_id: str | None
) -> tuple[InvoiceLine, ...]:
    """Lines as told, [{"order"?, "line"?, "sku"?, "quantity", "unit_price"}], checked.

    `order_id` is the order of lines that name none. Raises `InputRejected` naming row and field.

    >>> stated_lines([{"line": 1, "quantity": 5, "unit_price": "2.50"}], order_id="PO-1")[0].line
    1
    """
    if not lines:
        raise InputRejected("an invoice without lines charges for nothing", field="lines")
    if len(lines) > LINES_MAX:
        raise InputRejected(f"at most {LINES_MAX} lines; split the invoice", field="lines")
    return tuple(_stated(line, order_id, row) for row, line in enumerate(lines, start=1))


def _stated(said: Mapping[str, Any], order_id: str | None, row: int) -> InvoiceLine:
    quantity = said.get("quantity")
    if type(quantity) is not int or not 0 < quantity <= QUANTITY_MAX:
        raise InputRejected(
            "must be whole units above 0; a credit note is not an invoice",
            field="quantity",
            row=row,
        )
    line, sku = said.get("line"), said.get("sku")
    if line is None and not sku:
        raise InputRejected("name the line of the order, or its SKU", field="line", row=row)
    price = money(said.get("unit_price"), field="unit_price", row=row)
    return InvoiceLine(said.get("order") or order_id, line, sku, quantity, price)


def money(value: object, *, field: str, row: int | None = None) -> Decimal:
    """An amount of 0 or more, as it was written: a float of 0.1 is one tenth.

    >>> money(0.1, field="total")
    Decimal('0.1')
    """
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= MONEY_MAX):
        raise InputRejected(f"{value!r:.40} is no amount of money", field=field, row=row)
    return amount
