"""Bodies of invoices: what a vendor charges for, and what a buyer decides."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator

from inventory.invoices import LINES_MAX
from serving.messages import Day, Id, Message, Money, PositiveUnits, Text

Amount = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=24)]
"""Money as it was written: 0.1 is one tenth."""


class InvoiceLine(Message):
    """Units charged for one line of an order."""

    order: Id | None = None
    """The order, where it is not the invoice's."""
    line: Annotated[StrictInt, Field(ge=1)] | None = None
    sku: Id | None = None
    quantity: PositiveUnits
    unit_price: Amount

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.line is None and self.sku is None:
            raise ValueError("name the line of the order, or its SKU")
        return self


class Invoice(Message):
    """An invoice as the vendor sent it."""

    id: Id | None = None
    """What a repeat is known by."""
    vendor: Id
    number: Id
    """The vendor's own; a second one of that number is kept as a duplicate."""
    order: Id | None = None
    """The order of lines that name none."""
    invoiced_on: Day | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    lines: Annotated[list[InvoiceLine], Field(min_length=1, max_length=LINES_MAX)]
    total: Amount | None = None
    charges: Money = 0.0
    """What of the total is for no goods: freight, tax."""


class Decision(Message):
    """Why an invoice is paid though it does not match, or refused."""

    reason: Text | None = None
