"""What vendors answer in EDIFACT: ORDRSP confirmations, DESADV shipment notices, INVOIC invoices.

Written for D.96A; later directories put the document's number into a composite, which is read too.
Codes that are not known are refused by name.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from inventory.vendor_documents import CONFIRMATION, INVOICE, SHIPMENT, Said, SaidLine
from serving.connectors.edi.interchange import Transaction
from serving.connectors.edi.segments import Segment, first_of

ARRIVAL_DATES = ("2", "17", "67", "69", "132", "358")
"""DTM: delivery requested, estimated, scheduled, promised, arrival estimated, delivery expected."""
SHIP_DATES = ("10", "11", "12")
"""DTM: shipment requested, despatch, despatch promised."""

NOT_ACCEPTED, ACCEPTED_UNCHANGED = "27", "29"
CHANGES = ("4", "5")
FUNCTIONS = ("4", "5", "9", NOT_ACCEPTED, ACCEPTED_UNCHANGED)
"""BGM03 of an ORDRSP: change, replace, original, not accepted, accepted without amendment."""

ITEM_REFUSED = ("2", "7", "10")
ITEM_TAKEN = ("", "3", "4", "5", "6", "9", "11", "24")
"""LIN02: deleted, not accepted, not found; changed, no action, accepted, with amendment, and 24,
which booksellers send for what is backordered."""

CONFIRMED_UNITS = ("113", "12", "21")
"""QTY, the most telling first: to be delivered, to be despatched, ordered."""
BACKORDERED_UNITS = "83"
SHIPPED_UNITS = ("12",)
INVOICED_UNITS = ("47", "46")

OUR_SKU = ("IN", "BP")
"""Buyer's item or part number."""


def read(transaction: Transaction) -> list[Said]:
    """What a message says, an entry per order. Raises `InputRejected` with segment and element."""
    start = transaction.segments[0]
    reader = READERS.get(transaction.set_id)
    if reader is None:
        raise start.wrong(2, f"'{transaction.set_id}' is none of {', '.join(READERS)}")
    return reader(transaction.segments)


def _begin(segments: Sequence[Segment]) -> Segment:
    found = first_of(segments, "BGM")
    if found is None:
        raise segments[0].wrong(1, "is not followed by BGM")
    return found


def _header(segments: Sequence[Segment]) -> list[Segment]:
    end = next((n for n, s in enumerate(segments) if s.tag in ("LIN", "UNS")), len(segments))
    return list(segments[:end])


def _lines(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Runs of segments that begin with LIN; the summary (UNS, CNT) and packages (CPS) end one."""
    loop: list[Segment] = []
    for segment in segments:
        if segment.tag in ("LIN", "UNS", "CPS", "CNT"):
            if loop:
                yield loop
            loop = []
        if segment.tag == "LIN" or loop:
            loop.append(segment)
    if loop:
        yield loop


def _number(bgm: Segment) -> str:
    return bgm.needed(2, "the number of the document")


def _reference(segments: Sequence[Segment], qualifier: str) -> Segment | None:
    return next((s for s in segments if s.tag == "RFF" and s.text(1) == qualifier), None)


def _order(segments: Sequence[Segment], bgm: Segment) -> str:
    found = _reference(segments, "ON")
    if found is None:
        raise bgm.wrong(2, "the document does not name our order (RFF+ON)")
    return found.needed(1, "the number of our order", 2)


def _dates(
    segments: Sequence[Segment], outer: tuple[date | None, date | None] = (None, None)
) -> tuple[date | None, date | None]:
    """When goods leave and when they come: the latest of each, or as said further out."""
    said = [(s.text(1), s) for s in segments if s.tag == "DTM"]
    ships = [_day(s) for qualifier, s in said if qualifier in SHIP_DATES]
    arrives = [_day(s) for qualifier, s in said if qualifier in ARRIVAL_DATES]
    return (
        max(ships, default=None if arrives else outer[0]),
        max(arrives, default=None if ships else outer[1]),
    )


def _day(dtm: Segment) -> date:
    said, form = dtm.needed(1, "the date", 2), dtm.text(1, 3)
    if form not in ("102", "203", "204", ""):
        raise dtm.wrong(1, f"dates in format '{form}' are not read; send 102, CCYYMMDD")
    return dtm.as_day(said, 1)


def _issued(segments: Sequence[Segment]) -> date | None:
    found = next((s for s in segments if s.tag == "DTM" and s.text(1) == "137"), None)
    return None if found is None else _day(found)


def _currency(segments: Sequence[Segment]) -> str | None:
    found = first_of(segments, "CUX")
    return found.text(1, 2).upper() or None if found else None


def _item(loop: Sequence[Segment]) -> dict[str, Any]:
    """The numbers of an item, in LIN and in PIA after it: ours, and what else it is called."""
    numbers = [(loop[0].text(3, 2), loop[0].text(3))]
    numbers += [
        (s.text(n, 2), s.text(n)) for s in loop if s.tag == "PIA" for n in range(2, 7) if s.text(n)
    ]
    ours = [number for kind, number in numbers if kind in OUR_SKU and number]
    others = tuple(number for kind, number in numbers if kind not in OUR_SKU and number)
    return {"sku": ours[0] if ours else None, "other_codes": others}


def _line_no(loop: Sequence[Segment]) -> int | None:
    """The line of our order: as a reference says, or the number of the line itself."""
    for qualifier in ("ON", "LI"):
        found = _reference(loop, qualifier)
        said = found.text(1, 3) if found else ""
        if said.isdecimal() and len(said) <= 9:  # noqa: PLR2004 - digits of an integer.
            return int(said)
    return loop[0].line_no(1)


def _quantity(loop: Sequence[Segment], qualifiers: Sequence[str]) -> Segment | None:
    of_kind = {s.text(1): s for s in reversed(loop) if s.tag == "QTY"}
    return next((of_kind[q] for q in qualifiers if q in of_kind), None)


def _price(loop: Sequence[Segment]) -> Decimal | None:
    """The net price; a gross one (AAB) is often what shoppers pay."""
    found = next((s for s in loop if s.tag == "PRI" and s.text(1) == "AAA"), None)
    return None if found is None else found.price(1, 2)


def _confirmation(segments: Sequence[Segment]) -> list[Said]:
    bgm, header = _begin(segments), _header(segments)
    function = bgm.text(3) or "9"
    if function not in FUNCTIONS:
        raise bgm.wrong(3, f"function '{function}' is none of {', '.join(FUNCTIONS)}")
    outer = _dates(header)
    return [
        Said(
            kind=CONFIRMATION,
            number=_number(bgm),
            order_id=_order(header, bgm),
            lines=tuple(_confirmed_line(loop, outer) for loop in _lines(segments)),
            issued_on=_issued(header),
            replaces=function in CHANGES,
            rejected=function == NOT_ACCEPTED,
            in_full=function == ACCEPTED_UNCHANGED,
            currency=_currency(header),
            reference=_number(bgm),
            ships_on=outer[0],
            arrives_on=outer[1],
        )
    ]


def _confirmed_line(loop: Sequence[Segment], outer: tuple[date | None, date | None]) -> SaidLine:
    lin = loop[0]
    action = lin.text(2)
    if action not in (*ITEM_REFUSED, *ITEM_TAKEN):
        raise lin.wrong(2, f"'{action}' is not an answer that can be understood")
    refused = action in ITEM_REFUSED
    quantity = _quantity(loop, CONFIRMED_UNITS)
    later = _quantity(loop, [BACKORDERED_UNITS])
    if quantity is None and later is None and not refused:
        raise lin.wrong(1, "a line that is taken needs a quantity (QTY+113, +12 or +21)")
    ships_on, arrives_on = _dates(loop, outer)
    if later is not None and later.units(1, 2) and _dates(loop) == (None, None):
        raise later.wrong(1, "backordered units need the date on which they will come")
    units = sum(q.units(1, 2) for q in (quantity, later) if q is not None)
    return SaidLine(
        **_item(loop),
        line_no=_line_no(loop),
        units=0 if refused else units,
        unit_of_measure=quantity.text(1, 3) if quantity else "",
        arrives_on=arrives_on,
        ships_on=ships_on,
        unit_price=_price(loop),
        rejected=refused or units == 0,
    )


def _shipment(segments: Sequence[Segment]) -> list[Said]:
    bgm, header = _begin(segments), _header(segments)
    if bgm.text(3) not in ("", "9"):
        raise bgm.wrong(3, f"function '{bgm.text(3)}' is not 9; correct shipments by hand")
    outer = _dates(header)
    found: dict[str, list[SaidLine]] = {}
    for loop in _lines(segments):
        own = _reference(loop, "ON")
        order = own.needed(1, "the number of our order", 2) if own else _order(header, bgm)
        found.setdefault(order, []).append(_shipped_line(loop, outer))
    if not found:
        raise bgm.wrong(2, "the shipment has no lines (LIN)")
    return [
        Said(
            kind=SHIPMENT,
            number=_number(bgm),
            order_id=order,
            lines=tuple(lines),
            issued_on=_issued(header),
            reference=_number(bgm),
        )
        for order, lines in found.items()
    ]


def _shipped_line(loop: Sequence[Segment], outer: tuple[date | None, date | None]) -> SaidLine:
    quantity = _quantity(loop, SHIPPED_UNITS)
    if quantity is None:
        raise loop[0].wrong(1, "the line has no shipped quantity (QTY+12)")
    ships_on, arrives_on = _dates(loop, outer)
    return SaidLine(
        **_item(loop),
        line_no=_line_no(loop),
        units=quantity.units(1, 2),
        unit_of_measure=quantity.text(1, 3),
        arrives_on=arrives_on,
        ships_on=ships_on,
    )


def _invoice(segments: Sequence[Segment]) -> list[Said]:
    bgm, header = _begin(segments), _header(segments)
    if bgm.text(1) != "380":
        raise bgm.wrong(1, f"'{bgm.text(1)}' is no commercial invoice (380); book it by hand")
    lines = [_invoiced_line(loop) for loop in _lines(segments)]
    if not lines:
        raise bgm.wrong(2, "the invoice has no lines (LIN)")
    amounts = _summary(segments)
    total = next((amounts[q] for q in ("77", "86", "9") if q in amounts), None)
    if total is None:
        raise segments[-1].wrong(1, "the invoice has no total (MOA+77)")
    tax = next((amounts[q] for q in ("176", "124") if q in amounts), Decimal(0))
    return [
        Said(
            kind=INVOICE,
            number=_number(bgm),
            order_id=_order(header, bgm),
            lines=tuple(lines),
            issued_on=_issued(header),
            currency=_currency(header),
            total=total,
            charges=tax + amounts.get("131", Decimal(0)),
        )
    ]


def _invoiced_line(loop: Sequence[Segment]) -> SaidLine:
    quantity, price = _quantity(loop, INVOICED_UNITS), _price(loop)
    if quantity is None or price is None:
        raise loop[0].wrong(1, "an invoiced line needs a quantity (QTY+47) and a price (PRI+AAA)")
    return SaidLine(
        **_item(loop),
        line_no=_line_no(loop),
        units=quantity.units(1, 2),
        unit_of_measure=quantity.text(1, 3),
        unit_price=price,
    )


def _summary(segments: Sequence[Segment]) -> dict[str, Decimal]:
    """Amounts after UNS, by what they are."""
    start = next((n for n, s in enumerate(segments) if s.tag == "UNS"), len(segments))
    return {
        s.text(1): s.decimal(1, "the amount", 2)
        for s in reversed(segments[start:])
        if s.tag == "MOA" and s.text(1)
    }


READERS: dict[str, Callable[[Sequence[Segment]], list[Said]]] = {
    "ORDRSP": _confirmation,
    "DESADV": _shipment,
    "INVOIC": _invoice,
}
