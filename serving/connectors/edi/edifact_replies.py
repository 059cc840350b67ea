"""What vendors answer in EDIFACT: ORDRSP confirmations, DESADV shipment notices, INVOIC invoices.

Written for D.96A; later directories put the document's number into a composite, which is read too.
Codes that are not known are refused by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from inventory.vendor_documents import CONFIRMATION, INVOICE, SHIPMENT, Said, SaidLine
from serving.connectors.edi import edifact_lines, edifact_quantities
from serving.connectors.edi.days import Days
from serving.connectors.edi.edifact_quantities import Part
from serving.connectors.edi.interchange import Transaction
from serving.connectors.edi.segments import Segment, first_of, of_line

NOT_ACCEPTED, ACCEPTED_UNCHANGED = "27", "29"
CHANGES = ("4", "5")
FUNCTIONS = ("4", "5", "9", NOT_ACCEPTED, ACCEPTED_UNCHANGED)
"""BGM03 of an ORDRSP: change, replace, original, not accepted, accepted without amendment."""

UNDECIDED = {"RE": "rejected", "AJ": "pending"}
"""BGM04 (4343), where it is not what the function says."""

ITEM_REFUSED = ("2", "7", "10")
ITEM_TAKEN = ("", "1", "3", "4", "5", "6", "9", "11", "24")
"""LIN02: deleted, not accepted, not found; added (a further delivery of a line of ours), changed,
no action, accepted, with amendment, and 24, which booksellers send for what is backordered."""

INVOICES = ("380", "385")
"""BGM01: commercial invoice, consolidated invoice."""


def read(transaction: Transaction) -> Said:
    """What a message says. Raises `InputRejected` with segment and element.

    A message on several orders names them in its lines (RFF+ON).
    """
    start = transaction.segments[0]
    reader = READERS.get(transaction.set_id)
    if reader is None:
        raise start.wrong(2, f"'{transaction.set_id}' is none of {', '.join(READERS)}, CONTRL")
    return reader(transaction.segments)


def outline(segments: Sequence[Segment]) -> tuple[str | None, str | None]:
    """(number, our order) of a message that cannot be read to its end, as far as it says them."""
    bgm, reference = first_of(segments, "BGM"), _order_reference(segments)
    return (bgm.text(2) or None if bgm else None), (
        reference.text(1, 2) or None if reference else None
    )


def _order_reference(segments: Sequence[Segment]) -> Segment | None:
    return next((s for s in segments if s.tag == "RFF" and s.text(1) == "ON"), None)


def _begin(segments: Sequence[Segment]) -> Segment:
    found = first_of(segments, "BGM")
    if found is None:
        raise segments[0].wrong(1, "is not followed by BGM")
    return found


def _header(segments: Sequence[Segment]) -> list[Segment]:
    end = next((n for n, s in enumerate(segments) if s.tag in ("LIN", "UNS")), len(segments))
    return list(segments[:end])


def _number(bgm: Segment) -> str:
    return bgm.needed(2, "the number of the document")


def _issued(segments: Sequence[Segment]) -> date | None:
    found = next((s for s in segments if s.tag == "DTM" and s.text(1) == "137"), None)
    return None if found is None else edifact_lines.day(found)


def _currency(segments: Sequence[Segment]) -> str | None:
    found = first_of(segments, "CUX")
    return found.text(1, 2).upper() or None if found else None


def _on_orders(
    bgm: Segment, header: Sequence[Segment], lines: Sequence[SaidLine]
) -> tuple[str, tuple[SaidLine, ...]]:
    """The order of the document, and its lines, which name theirs where that is another."""
    order = edifact_lines.order_of(header) or next((line.order_id for line in lines), None)
    lost = not edifact_lines.order_of(header) and any(line.order_id is None for line in lines)
    if order is None or lost:
        raise bgm.wrong(2, "the document or each of its lines must name our order (RFF+ON)")
    own = [replace(line, order_id=None) if line.order_id == order else line for line in lines]
    return order, tuple(own)


def _confirmation(segments: Sequence[Segment]) -> Said:
    bgm, header = _begin(segments), _header(segments)
    function = bgm.text(3) or "9"
    if function not in FUNCTIONS:
        raise bgm.wrong(3, f"function '{function}' is none of {', '.join(FUNCTIONS)}")
    if bgm.text(4) in UNDECIDED and function != NOT_ACCEPTED:
        says = UNDECIDED[bgm.text(4)]
        raise bgm.unclear(4, f"the response is '{says}' and the function '{function}'; send 27")
    outer = edifact_lines.days(header)
    found: list[SaidLine] = []
    for loop in edifact_lines.lines(segments):
        with of_line(edifact_lines.called(loop)):
            found += _confirmed(loop, outer)
    order, lines = _on_orders(bgm, header, found)
    arrives_on, ships_on = outer.meant
    return Said(
        kind=CONFIRMATION,
        number=_number(bgm),
        order_id=order,
        lines=lines,
        issued_on=_issued(header),
        replaces=function in CHANGES,
        rejected=function == NOT_ACCEPTED,
        in_full=function == ACCEPTED_UNCHANGED,
        currency=_currency(header),
        reference=_number(bgm),
        ships_on=ships_on,
        arrives_on=arrives_on,
    )


def _confirmed(loop: Sequence[Segment], outer: Days) -> list[SaidLine]:
    """The parts in which a line will come; one of 0 units where nothing of it will."""
    lin = loop[0]
    action = lin.text(2)
    if action not in (*ITEM_REFUSED, *ITEM_TAKEN):
        raise lin.wrong(2, f"'{action}' is not an answer that can be understood")
    item = edifact_lines.item(loop)
    if action in ITEM_REFUSED:
        return [SaidLine(**item, units=0, rejected=True)]
    parts = edifact_quantities.confirmed(loop, outer)
    if not parts:
        raise lin.wrong(1, "a line that is taken needs a quantity (QTY+113, +12 or +21)")
    price = edifact_lines.price(loop)
    coming = [part for part in parts if part.units] or parts[:1]
    return [replace(_said(item, p), unit_price=price, rejected=p.units == 0) for p in coming]


def _said(item: dict[str, Any], part: Part) -> SaidLine:
    arrives_on, ships_on = part.days.meant
    line = SaidLine(**item, units=part.units)
    return replace(
        line, unit_of_measure=part.unit_of_measure, arrives_on=arrives_on, ships_on=ships_on
    )


def _shipment(segments: Sequence[Segment]) -> Said:
    bgm, header = _begin(segments), _header(segments)
    if bgm.text(3) not in ("", "9"):
        raise bgm.wrong(3, f"function '{bgm.text(3)}' is not 9; correct shipments by hand")
    outer = edifact_lines.days(header)
    found: list[SaidLine] = []
    for loop in edifact_lines.lines(segments):
        with of_line(edifact_lines.called(loop)):
            parts = edifact_quantities.shipped(loop, outer)
            if not parts:
                raise loop[0].wrong(1, "the line has no shipped quantity (QTY+12)")
            found += [_said(edifact_lines.item(loop), part) for part in parts]
    if not found:
        raise bgm.wrong(2, "the shipment has no lines (LIN)")
    order, lines = _on_orders(bgm, header, found)
    return Said(
        kind=SHIPMENT,
        number=_number(bgm),
        order_id=order,
        lines=lines,
        issued_on=_issued(header),
        reference=_number(bgm),
    )


def _invoice(segments: Sequence[Segment]) -> Said:
    bgm, header = _begin(segments), _header(segments)
    if bgm.text(1) not in INVOICES:
        raise bgm.wrong(1, f"'{bgm.text(1)}' is no invoice (380, 385); book it by hand")
    found: list[SaidLine] = []
    for loop in edifact_lines.lines(segments):
        with of_line(edifact_lines.called(loop)):
            found += _invoiced(loop)
    if not found:
        raise bgm.wrong(2, "the invoice has no lines (LIN)")
    order, lines = _on_orders(bgm, header, found)
    amounts = _summary(segments)
    total = next((amounts[q] for q in ("77", "86", "9") if q in amounts), None)
    if total is None:
        raise segments[-1].wrong(1, "the invoice has no total (MOA+77)")
    tax = next((amounts[q] for q in ("176", "124") if q in amounts), Decimal(0))
    return Said(
        kind=INVOICE,
        number=_number(bgm),
        order_id=order,
        lines=lines,
        issued_on=_issued(header),
        currency=_currency(header),
        total=total,
        charges=tax + amounts.get("131", Decimal(0)),
    )


def _invoiced(loop: Sequence[Segment]) -> list[SaidLine]:
    parts, price = edifact_quantities.invoiced(loop), edifact_lines.price(loop)
    if not parts or price is None:
        raise loop[0].wrong(1, "an invoiced line needs a quantity (QTY+47) and a price (PRI+AAA)")
    item = edifact_lines.item(loop)
    return [replace(_said(item, part), unit_price=price) for part in parts]


def _summary(segments: Sequence[Segment]) -> dict[str, Decimal]:
    """Amounts after UNS, by what they are."""
    start = next((n for n, s in enumerate(segments) if s.tag == "UNS"), len(segments))
    return {
        s.text(1): s.decimal(1, "the amount", 2)
        for s in reversed(segments[start:])
        if s.tag == "MOA" and s.text(1)
    }


READERS: dict[str, Callable[[Sequence[Segment]], Said]] = {
    "ORDRSP": _confirmation,
    "DESADV": _shipment,
    "INVOIC": _invoice,
}
