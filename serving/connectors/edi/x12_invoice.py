"""X12 810: what a vendor charges for, of one order or of several."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from inventory.vendor_documents import INVOICE, Said, SaidLine
from serving.connectors.edi import x12_lines
from serving.connectors.edi.segments import Segment, first_of, of_line
from serving.connectors.edi.x12_prices import unit_price


def read(segments: Sequence[Segment]) -> Said:
    """What an 810 says. Raises `InputRejected` with segment and element."""
    big = x12_lines.begin(segments, "BIG")
    if big.text(7) not in ("", "DI", "DR", "PR"):
        raise big.wrong(7, f"'{big.text(7)}' is no invoice for goods; book it by hand")
    tds = first_of(segments, "TDS")
    if tds is None:
        raise segments[-1].wrong(1, "the invoice has no total (TDS)")
    header = x12_lines.until(segments, "IT1")
    order = big.text(4) or x12_lines.order_of(header)
    lines: list[SaidLine] = []
    for loop in x12_lines.loops(segments, "IT1"):
        with of_line(x12_lines.called(loop[0], 6)):
            lines.append(_invoiced(loop))
    if not lines:
        raise big.wrong(2, "the invoice has no lines (IT1)")
    if order is None and any(line.order_id is None for line in lines):
        raise big.wrong(4, "the number of our order is missing, here or in each line (REF*PO)")
    first = order or lines[0].order_id
    assert first is not None
    return Said(
        kind=INVOICE,
        number=big.needed(2, "the number of the invoice"),
        order_id=first,
        lines=tuple(replace(n, order_id=None) if n.order_id == first else n for n in lines),
        issued_on=big.day(1),
        currency=x12_lines.currency(header),
        total=_cents(tds, 1),
        charges=_charges(segments),
    )


def _invoiced(loop: Sequence[Segment]) -> SaidLine:
    it1 = loop[0]
    price = unit_price(it1, 4, 5)
    if price is None:
        raise it1.wrong(4, "an invoiced line needs a price")
    return SaidLine(
        **x12_lines.item(it1, 6, loop),
        units=it1.units(2),
        unit_of_measure=it1.text(3),
        unit_price=price,
    )


def _charges(segments: Sequence[Segment]) -> Decimal:
    """Charges less allowances, of lines and of the whole, and taxes: SAC05 in cents, TXI02 not."""
    total = Decimal(0)
    for segment in segments:
        if segment.tag == "SAC" and segment.text(5):
            if segment.text(1) not in ("A", "C", "N"):
                raise segment.wrong(1, f"'{segment.text(1)}' is none of A, C and N")
            sign = {"A": -1, "C": 1, "N": 0}[segment.text(1)]
            total += sign * _cents(segment, 5)
        elif segment.tag == "TXI" and segment.text(2):
            total += segment.decimal(2, "the tax")
    return total


def _cents(segment: Segment, element: int) -> Decimal:
    """Money in X12's N2: whole hundredths, without a decimal point."""
    said = segment.needed(element, "the amount")
    digits = said.removeprefix("-")
    if not digits.isdecimal() or len(digits) > 15:  # noqa: PLR2004 - as the element has.
        raise segment.wrong(element, f"'{said}' is no amount in hundredths, without a point")
    return Decimal(said).scaleb(-2)
