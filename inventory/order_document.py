"""What a vendor is told of a purchase order: the same content for paper, mail, webhook and EDI."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

ORIGINAL = "original"
CANCELLATION = "cancellation"
PURPOSES = (ORIGINAL, CANCELLATION)

MINOR_DIGITS = {
    "BHD": 3, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3, "TND": 3, "VND": 0,
}  # fmt: skip
"""Decimals of money, ISO 4217, where they are not two."""


def minor_digits(currency: str) -> int:
    """Decimals of amounts in a currency.

    >>> minor_digits("EUR"), minor_digits("JPY")
    (2, 0)
    """
    return MINOR_DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One SKU of an order: whole units at a price, money per unit."""

    line_no: int
    sku: str
    name: str
    units: int
    unit_price: Decimal

    def amount(self, currency: str) -> Decimal:
        """Units at their price, rounded to what money of that currency can say."""
        step = Decimal(1).scaleb(-minor_digits(currency))
        return (self.units * self.unit_price).quantize(step, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class OrderDocument:
    """One version of an order, as it goes to the vendor."""

    number: str
    """`<order>.<version>`: one for each version of an order, the same on every delivery of it."""
    order_id: str
    purpose: str
    issued_at: datetime
    deliver_on: date
    """The day on which the goods are wanted at the location."""
    vendor: str
    vendor_name: str
    location: str
    location_name: str
    currency: str
    lines: tuple[DocumentLine, ...]

    @property
    def total(self) -> Decimal:
        """Money; the sum of the amounts of the lines as they are printed."""
        step = Decimal(1).scaleb(-minor_digits(self.currency))
        return sum((line.amount(self.currency) for line in self.lines), Decimal(0)).quantize(step)

    @property
    def units(self) -> int:
        return sum(line.units for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """JSON values; prices as text, so that no digit is lost."""
        told = asdict(self)
        told["issued_at"] = self.issued_at.isoformat()
        told["deliver_on"] = self.deliver_on.isoformat()
        for line in told["lines"]:
            line["unit_price"] = plain(line["unit_price"])
        return told | {"lines": list(told["lines"])}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """What `as_dict` wrote down."""
        lines = tuple(
            DocumentLine(**{**line, "unit_price": Decimal(str(line["unit_price"]))})
            for line in told["lines"]
        )
        return cls(
            **{
                **told,
                "issued_at": datetime.fromisoformat(told["issued_at"]),
                "deliver_on": date.fromisoformat(told["deliver_on"]),
                "lines": lines,
            }
        )


def money(amount: Decimal, currency: str, decimals: int = 0) -> str:
    """Money with so many decimals, at least those of the currency.

    >>> money(Decimal("1234.5"), "EUR"), money(Decimal("0.1"), "EUR", 4), money(Decimal(9), "JPY")
    ('1,234.50', '0.1000', '9')
    """
    return f"{amount:,.{max(minor_digits(currency), decimals)}f}"


def plain(number: Decimal) -> str:
    """A number as people and EDI write it: no exponent, no trailing zeros.

    >>> plain(Decimal("4.2500")), plain(Decimal("1E+3"))
    ('4.25', '1000')
    """
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
