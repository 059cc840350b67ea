"""What vendors say of our orders: confirmations, shipment notices and invoices, in no format.

`serving.connectors.edi` reads them from X12 and EDIFACT, `inventory.document_matching` compares
them with the order, `inventory.store.documents` keeps them and what came of them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

CONFIRMATION = "confirmation"
SHIPMENT = "shipment"
INVOICE = "invoice"
ACKNOWLEDGEMENT = "acknowledgement"
UNREADABLE = "unreadable"
KINDS = (CONFIRMATION, SHIPMENT, INVOICE, ACKNOWLEDGEMENT, UNREADABLE)

UNITS_WORDS = ("EA", "PCE", "UN", "C62", "PC", "PCS", "ST", "H87", "")
"""How X12 and EDIFACT call a single unit; empty: not said, so as we ordered."""


@dataclass(frozen=True, slots=True)
class SaidLine:
    """What a document says of one line of an order; `line_no` or `sku` may be missing."""

    sku: str | None
    """Our own number of the item, where the vendor repeats it."""
    line_no: int | None
    units: int
    unit_of_measure: str = ""
    arrives_on: date | None = None
    ships_on: date | None = None
    """The day on which it leaves the vendor; without `arrives_on` the way here must be added."""
    unit_price: Decimal | None = None
    """Money per unit."""
    rejected: bool = False
    """The vendor will not deliver it."""
    other_codes: tuple[str, ...] = ()
    """EAN, UPC or the vendor's number: ours too, where we call an item so."""
    order_id: str | None = None
    """The order it is of; None: that of the document."""
    line_is_ours: bool = False
    """`line_no` is said to be the number of a line of our order, not one of the vendor's own."""


@dataclass(frozen=True, slots=True)
class Said:
    """One document of a vendor, on one order or on several (`by_order`).

    A line that comes in parts is several `lines`: each has its units and its day.
    """

    kind: str
    number: str
    """The vendor's own: of its confirmation, shipment or invoice."""
    order_id: str
    """Of lines that name none; the first line's, where the document itself names none."""
    lines: tuple[SaidLine, ...]
    issued_on: date | None = None
    replaces: bool = False
    """It changes what an earlier one said, and says so."""
    rejected: bool = False
    """The vendor takes nothing of the order."""
    in_full: bool = False
    """Taken as ordered: what the lines do not name stands unchanged."""
    currency: str | None = None
    total: Decimal | None = None
    """Money on an invoice, taxes and charges included."""
    charges: Decimal | None = None
    """Of `total`, what is not for goods: freight, allowances (negative), taxes."""
    reference: str | None = None
    """The vendor's number for the order, the bill of lading of a shipment."""
    arrives_on: date | None = None
    """Of all lines that say nothing else."""
    ships_on: date | None = None

    def by_order(self) -> tuple["Said", ...]:
        """What it says of each order, in the order in which it first speaks of them.

        >>> lines = (SaidLine("TEA", 1, 5), SaidLine("CUP", 1, 2, order_id="PO-2"))
        >>> [part.order_id for part in Said(SHIPMENT, "S-1", "PO-1", lines).by_order()]
        ['PO-1', 'PO-2']
        """
        named = [line.order_id or self.order_id for line in self.lines]
        if not named or self.in_full or self.rejected:  # Those need no lines to speak of an order.
            named.insert(0, self.order_id)
        return tuple(
            replace(
                self,
                order_id=order,
                lines=tuple(
                    replace(line, order_id=None)
                    for line in self.lines
                    if (line.order_id or self.order_id) == order
                ),
            )
            for order in dict.fromkeys(named)
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON values; money as text."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: object) -> Any:  # noqa: ANN401 - any part of a document.
    match value:
        case Mapping():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
    return value


def said_of(told: Mapping[str, Any]) -> Said:
    """What `Said.as_dict` wrote down."""
    lines = tuple(
        SaidLine(
            **{
                **line,
                "arrives_on": _date(line["arrives_on"]),
                "ships_on": _date(line["ships_on"]),
                "unit_price": _decimal(line["unit_price"]),
                "other_codes": tuple(line["other_codes"]),
            }
        )
        for line in told["lines"]
    )
    return Said(
        **{
            **told,
            "lines": lines,
            "issued_on": _date(told["issued_on"]),
            "arrives_on": _date(told["arrives_on"]),
            "ships_on": _date(told["ships_on"]),
            "total": _decimal(told["total"]),
            "charges": _decimal(told["charges"]),
        }
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
