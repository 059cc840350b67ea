"""What vendors answer in X12: 855 confirmations, 856 shipment notices, 810 invoices.

Each reader takes the segments of one document and returns what it says, without format. Codes it
does not know are refused by name: guessing what a vendor means costs more than asking.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from inventory.vendor_documents import CONFIRMATION, INVOICE, SHIPMENT, Said, SaidLine
from serving.connectors.edi.interchange import Transaction
from serving.connectors.edi.segments import Segment, first_of

GROUP_OF_SET = {"855": "PR", "856": "SH", "810": "IN", "997": "FA"}
"""GS01 of the documents we read."""

ARRIVAL_DATES = ("002", "017", "067", "069", "074", "371")
"""Delivery requested, estimated, scheduled, promised, requested before, estimated arrival."""
SHIP_DATES = ("010", "011", "068", "118")
"""Requested ship, shipped, scheduled ship, requested pick-up."""

TAKEN_CHANGED = ("AC", "AP")
"""BAK02: with detail and changes; every line is named."""
TAKEN_IN_FULL = ("AD", "AE", "AK", "AT")
"""BAK02: no change; or only the exceptions are named."""
REFUSED = ("RD", "RJ")

ITEM_TAKEN = ("AA", "AC", "AR", "DR", "IA", "IC", "IE", "IP", "IQ", "SP")
"""ACK01: accepted, with or without changes that the segment names."""
ITEM_LATER = ("BP", "IB")
"""ACK01: backordered; the segment must say until when."""
ITEM_REFUSED = ("ID", "IR", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8")

OUR_SKU = ("BP", "IN")
"""Qualifiers of a buyer's part or item number."""


def read(transaction: Transaction) -> list[Said]:
    """What a document says, an entry per order. Raises `InputRejected` with segment and element."""
    start = transaction.segments[0]
    reader = READERS.get(transaction.set_id)
    if reader is None:
        raise start.wrong(1, f"'{transaction.set_id}' is none of {', '.join(READERS)}, 997")
    wanted = GROUP_OF_SET[transaction.set_id]
    if transaction.group_id != wanted:
        raise start.wrong(1, f"stands in a group '{transaction.group_id}' instead of '{wanted}'")
    return reader(transaction.segments)


@dataclass(frozen=True, slots=True)
class _Dates:
    """When goods leave and when they come, as far as a document says."""

    ships_on: date | None = None
    arrives_on: date | None = None


def _dates(segments: Sequence[Segment], outer: _Dates = _Dates()) -> _Dates:
    """From DTM segments; the latest of each kind, or that of the level above."""
    pairs = [(s.text(1), s.day(2)) for s in segments if s.tag == "DTM" and s.text(2)]
    return _latest(pairs, outer)


def _latest(pairs: Sequence[tuple[str, date]], outer: _Dates) -> _Dates:
    ships = [day for qualifier, day in pairs if qualifier in SHIP_DATES]
    arrives = [day for qualifier, day in pairs if qualifier in ARRIVAL_DATES]
    return _Dates(
        max(ships, default=None if arrives else outer.ships_on),
        max(arrives, default=None if ships else outer.arrives_on),
    )


def _loops(segments: Sequence[Segment], tag: str) -> Iterator[list[Segment]]:
    """Runs of segments that begin with `tag`; the last one ends before the summary."""
    loop: list[Segment] = []
    for segment in segments:
        if segment.tag in (tag, "CTT", "TDS"):
            if loop:
                yield loop
            loop = []
        if segment.tag == tag or loop:
            loop.append(segment)
    if loop:
        yield loop


def _until(segments: Sequence[Segment], tag: str) -> list[Segment]:
    """The header: what stands before the first `tag`."""
    end = next((n for n, s in enumerate(segments) if s.tag == tag), len(segments))
    return list(segments[:end])


def _begin(segments: Sequence[Segment], tag: str) -> Segment:
    if len(segments) < 2 or segments[1].tag != tag:  # noqa: PLR2004 - ST comes first.
        raise segments[0].wrong(1, f"is not followed by {tag}")
    return segments[1]


def _currency(segments: Sequence[Segment]) -> str | None:
    found = first_of(segments, "CUR")
    return found.text(2).upper() or None if found else None


def _item(segment: Segment, first: int) -> dict[str, Any]:
    """The numbers of an item from an element on: ours, and what else it is called."""
    pairs = segment.pairs(first)
    ours = next((pairs[q] for q in OUR_SKU if q in pairs), None)
    others = tuple(value for q, value in pairs.items() if q not in (*OUR_SKU, "PO"))
    return {"sku": ours, "other_codes": others}


def _confirmation(segments: Sequence[Segment]) -> list[Said]:
    bak = _begin(segments, "BAK")
    purpose, answer = bak.needed(1, "the purpose"), bak.needed(2, "the kind of answer")
    if purpose not in ("00", "04", "05", "06"):
        raise bak.wrong(1, f"purpose '{purpose}' is none of 00, 04, 05 and 06")
    if answer not in (*TAKEN_CHANGED, *TAKEN_IN_FULL, *REFUSED):
        raise bak.wrong(2, f"'{answer}' is not an answer that can be understood")
    order = bak.needed(3, "the number of our order")
    header = _until(segments, "PO1")
    outer = _dates(header)
    lines = [_confirmed_line(loop, outer) for loop in _loops(segments, "PO1")]
    return [
        Said(
            kind=CONFIRMATION,
            number=bak.text(8) or order,
            order_id=order,
            lines=tuple(lines),
            issued_on=bak.day(9) if bak.text(9) else None,
            replaces=purpose in ("04", "05"),
            rejected=answer in REFUSED,
            in_full=answer in TAKEN_IN_FULL,
            currency=_currency(header),
            reference=bak.text(8) or None,
            arrives_on=outer.arrives_on,
            ships_on=outer.ships_on,
        )
    ]


def _confirmed_line(loop: Sequence[Segment], outer: _Dates) -> SaidLine:
    """A PO1 with its ACK segments: units that are accepted add up, the latest date holds."""
    po1 = loop[0]
    dates = _dates(loop[1:], outer)
    taken = 0
    pairs: list[tuple[str, date]] = []
    acks = [segment for segment in loop if segment.tag == "ACK"]
    for ack in acks:
        status = ack.needed(1, "the status of the item")
        if status in ITEM_REFUSED:
            continue
        if status not in (*ITEM_TAKEN, *ITEM_LATER):
            raise ack.wrong(1, f"'{status}' is not a status that can be understood")
        if status == "IB" and not ack.text(5) and dates == outer:
            raise ack.wrong(5, "a backordered item needs the date on which it will come")
        taken += ack.units(2) if ack.text(2) else po1.units(2)
        if ack.text(5):
            pairs.append((ack.needed(4, "what the date is of"), ack.day(5)))
    dates = _latest(pairs, dates)
    return SaidLine(
        **_item(po1, 6),
        line_no=po1.line_no(1),
        units=taken if acks else po1.units(2),
        unit_of_measure=next((a.text(3) for a in acks if a.text(3)), po1.text(3)),
        arrives_on=dates.arrives_on,
        ships_on=dates.ships_on,
        unit_price=po1.price(4) if po1.text(4) else None,
        rejected=bool(acks) and taken == 0,
    )


def _shipment(segments: Sequence[Segment]) -> list[Said]:
    bsn = _begin(segments, "BSN")
    purpose = bsn.needed(1, "the purpose")
    if purpose not in ("00", "06"):
        raise bsn.wrong(1, f"purpose '{purpose}' is neither 00 nor 06; correct shipments by hand")
    levels = _hierarchy(segments)
    shipment = [s for s in segments if s.tag == "REF" and s.text(1) in ("BM", "CN")]
    found: dict[str, list[SaidLine]] = {}
    for level in levels.values():
        if level.code == "O":
            found.setdefault(_order_of(level), [])
        elif level.code == "I":
            order = level.above("O")
            if order is None:
                raise level.start.wrong(3, "an item that belongs to no order")
            found.setdefault(_order_of(order), []).append(_shipped_line(level))
    if not found:
        raise bsn.wrong(2, "the shipment names no order (HL with O, PRF01)")
    return [
        Said(
            kind=SHIPMENT,
            number=bsn.needed(2, "the number of the shipment"),
            order_id=order,
            lines=tuple(lines),
            issued_on=bsn.day(3) if bsn.text(3) else None,
            reference=shipment[0].text(2) or None if shipment else None,
        )
        for order, lines in found.items()
    ]


@dataclass(slots=True)
class _Level:
    """One HL loop, and the one it is part of."""

    start: Segment
    code: str
    parent: "_Level | None"
    segments: list[Segment]

    def above(self, code: str) -> "_Level | None":
        """The nearest level of that kind, itself included."""
        level: _Level | None = self
        while level is not None and level.code != code:
            level = level.parent
        return level

    @property
    def dates(self) -> _Dates:
        return _dates(self.segments, self.parent.dates if self.parent else _Dates())


def _hierarchy(segments: Sequence[Segment]) -> dict[str, _Level]:
    """HL loops by their number; a parent must have come before its children."""
    levels: dict[str, _Level] = {}
    last: _Level | None = None
    for segment in segments:
        if segment.tag == "CTT":
            break
        if segment.tag == "HL":
            number = segment.needed(1, "the number of the level")
            if number in levels:
                raise segment.wrong(1, f"level {number} comes twice")
            parent = levels.get(segment.text(2))
            if segment.text(2) and parent is None:
                raise segment.wrong(2, f"level {segment.text(2)} has not come before")
            last = _Level(segment, segment.needed(3, "the kind of level"), parent, [])
            levels[number] = last
        elif last is not None:
            last.segments.append(segment)
    return levels


def _order_of(level: _Level) -> str:
    prf = first_of(level.segments, "PRF")
    if prf is None:
        raise level.start.wrong(3, "an order level without PRF, so without our order number")
    return prf.needed(1, "the number of our order")


def _shipped_line(level: _Level) -> SaidLine:
    item = first_of(level.segments, "LIN")
    sent = first_of(level.segments, "SN1")
    if item is None or sent is None:
        raise level.start.wrong(3, "an item level needs LIN and SN1")
    dates = level.dates
    return SaidLine(
        **_item(item, 2),
        line_no=item.line_no(1) or sent.line_no(1),
        units=sent.units(2),
        unit_of_measure=sent.text(3),
        arrives_on=dates.arrives_on,
        ships_on=dates.ships_on,
    )


def _invoice(segments: Sequence[Segment]) -> list[Said]:
    big = _begin(segments, "BIG")
    if big.text(7) not in ("", "DI", "DR", "PR"):
        raise big.wrong(7, f"'{big.text(7)}' is no invoice for goods; book it by hand")
    tds = first_of(segments, "TDS")
    if tds is None:
        raise segments[-1].wrong(1, "the invoice has no total (TDS)")
    lines = [_invoiced_line(loop) for loop in _loops(segments, "IT1")]
    if not lines:
        raise big.wrong(2, "the invoice has no lines (IT1)")
    return [
        Said(
            kind=INVOICE,
            number=big.needed(2, "the number of the invoice"),
            order_id=big.needed(4, "the number of our order"),
            lines=tuple(lines),
            issued_on=big.day(1),
            currency=_currency(_until(segments, "IT1")),
            total=_cents(tds, 1),
            charges=_charges(segments),
        )
    ]


def _invoiced_line(loop: Sequence[Segment]) -> SaidLine:
    it1 = loop[0]
    return SaidLine(
        **_item(it1, 6),
        line_no=it1.line_no(1),
        units=it1.units(2),
        unit_of_measure=it1.text(3),
        unit_price=it1.price(4),
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


READERS: dict[str, Callable[[Sequence[Segment]], list[Said]]] = {
    "855": _confirmation,
    "856": _shipment,
    "810": _invoice,
}
