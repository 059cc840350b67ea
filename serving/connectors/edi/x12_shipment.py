"""X12 856: what is on its way, read through the levels of shipment, order, package and item."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inventory.vendor_documents import SHIPMENT, Said, SaidLine
from serving.connectors.edi import x12_lines
from serving.connectors.edi.days import Days
from serving.connectors.edi.segments import Segment, first_of, of_line


def read(segments: Sequence[Segment]) -> Said:
    """What an 856 says. Raises `InputRejected` with segment and element."""
    bsn = x12_lines.begin(segments, "BSN")
    purpose = bsn.needed(1, "the purpose")
    if purpose not in ("00", "06"):
        raise bsn.wrong(1, f"purpose '{purpose}' is neither 00 nor 06; correct shipments by hand")
    levels = _hierarchy(segments)
    shipment = [s for s in segments if s.tag == "REF" and s.text(1) in ("BM", "CN")]
    lines: list[SaidLine] = []
    orders: dict[str, None] = {}
    filled: set[str] = set()
    for level in levels.values():
        if level.code == "O":
            orders[_order_of(level)] = None
        elif level.code == "I":
            lines.append(_shipped(level))
            filled.add(lines[-1].order_id or "")
    if not orders:
        raise bsn.wrong(2, "the shipment names no order (HL with O, PRF01)")
    for order in orders:
        if order not in filled:
            raise bsn.wrong(2, f"nothing of this order is in the shipment: '{order}' has no items")
    first = next(iter(orders))
    return Said(
        kind=SHIPMENT,
        number=bsn.needed(2, "the number of the shipment"),
        order_id=first,
        lines=tuple(replace(n, order_id=None) if n.order_id == first else n for n in lines),
        issued_on=bsn.day(3) if bsn.text(3) else None,
        reference=shipment[0].text(2) or None if shipment else None,
    )


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
    def days(self) -> Days:
        """Its own, or those of the level around it."""
        return x12_lines.days(self.segments).within(self.parent.days if self.parent else Days())


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


def _shipped(level: _Level) -> SaidLine:
    item, sent = first_of(level.segments, "LIN"), first_of(level.segments, "SN1")
    if item is None or sent is None:
        raise level.start.wrong(3, "an item level needs LIN and SN1")
    order = level.above("O")
    if order is None:
        raise level.start.wrong(3, "an item that belongs to no order")
    with of_line(x12_lines.called(item, 2)):
        if sent.text(8) == x12_lines.SUBSTITUTED:
            raise x12_lines.substitution(sent, next(iter(item.pairs(2).values()), "?"), 8)
        named = x12_lines.item(item, 2)
        arrives_on, ships_on = level.days.meant
        return SaidLine(
            **{
                **named,
                "line_no": named["line_no"] or sent.line_no(1),
                "order_id": _order_of(order),
            },
            units=sent.units(2),
            unit_of_measure=sent.text(3),
            arrives_on=arrives_on,
            ships_on=ships_on,
        )
