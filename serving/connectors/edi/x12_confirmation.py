"""X12 855: what a vendor says that it will deliver, line by line or for the whole order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from inventory.vendor_documents import CONFIRMATION, Said, SaidLine
from serving.connectors.edi import x12_lines
from serving.connectors.edi.days import Days, days_of
from serving.connectors.edi.segments import Segment, of_line
from serving.connectors.edi.x12_prices import unit_price

TAKEN_CHANGED = ("AC", "AP")
"""BAK02: with detail and changes; every line is named."""
TAKEN_IN_FULL = ("AD", "AE", "AK", "AT")
"""BAK02: no change; or only the exceptions are named."""
REFUSED = ("RD", "RJ")

ITEM_TAKEN = ("AA", "AC", "AR", "DR", "IA", "IC", "IE", "IP", "IQ", "SP")
"""ACK01 (668): accepted, by another place of the vendor (AA), shipped (AC), released (AR), on
another date (DR), as it is (IA), with changes (IC), price pending (IE), price changed (IP),
quantity changed (IQ), date pending (SP)."""
BALANCE_LATER, ITEM_LATER = "BP", "IB"
"""ACK01: a part is shipped and the balance backordered; backordered."""
ITEM_HELD = ("IF", "IH", "IW")
"""ACK01: on hold, for an incomplete description (IF) or a waiver (IW)."""
ITEM_REFUSED = ("ID", "IR", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8")

CALLS_ITEM_AT = {"LIN": 2, "ACK": 7}
"""Segments behind a PO1 that may name the item again, and from which element on."""

DATED = {"DR": "another date", "SP": "that its date is pending"}
"""ACK01: what a vendor says that only a date can tell more of."""
PRICE_PENDING = "IE"
QUANTITY_NEEDED = ("IQ", BALANCE_LATER)


@dataclass(slots=True)
class _Answer:
    """One ACK, and the days behind it."""

    ack: Segment
    status: str
    days: Days
    units: int = 0
    behind: list[Segment] = field(default_factory=list)


def read(segments: Sequence[Segment]) -> Said:
    """What an 855 says. Raises `InputRejected` with segment and element."""
    bak = x12_lines.begin(segments, "BAK")
    purpose, answer = bak.needed(1, "the purpose"), bak.needed(2, "the kind of answer")
    if purpose not in ("00", "04", "05", "06"):
        raise bak.wrong(1, f"purpose '{purpose}' is none of 00, 04, 05 and 06")
    if answer not in (*TAKEN_CHANGED, *TAKEN_IN_FULL, *REFUSED):
        raise bak.wrong(2, f"'{answer}' is not an answer that can be understood")
    order = bak.needed(3, "the number of our order")
    header = x12_lines.until(segments, "PO1")
    outer = x12_lines.days(header)
    lines: list[SaidLine] = []
    for loop in x12_lines.loops(segments, "PO1"):
        with of_line(x12_lines.called(loop[0], 6)):
            lines += _confirmed(loop, outer)
    arrives_on, ships_on = outer.meant
    return Said(
        kind=CONFIRMATION,
        number=bak.text(8) or order,
        order_id=order,
        lines=tuple(replace(n, order_id=None) if n.order_id == order else n for n in lines),
        issued_on=bak.day(9) if bak.text(9) else None,
        replaces=purpose in ("04", "05"),
        rejected=answer in REFUSED,
        in_full=answer in TAKEN_IN_FULL,
        currency=x12_lines.currency(header),
        reference=bak.text(8) or None,
        arrives_on=arrives_on,
        ships_on=ships_on,
    )


def _confirmed(loop: Sequence[Segment], outer: Days) -> list[SaidLine]:
    """The parts in which a line will come; one of 0 units where nothing of it will."""
    po1 = loop[0]
    for segment in loop:
        if segment.tag == "SDQ":
            raise segment.unclear(1, "quantities per place; an order of ours goes to one place")
    item = _item(loop)
    answers, line_days = _answers(loop, outer)
    said = SaidLine(
        **item,
        units=0,
        unit_of_measure=next((a.ack.text(3) for a in answers if a.ack.text(3)), po1.text(3)),
        unit_price=_price(po1, answers),
    )
    if answers:
        taken = _taken(po1, answers)
        parts = [(a.units, a.days) for a in taken]
    else:
        parts = [(po1.units(2), line_days.within(outer))]
    scheduled = _scheduled(loop, sum(units for units, _ in parts), line_days.within(outer))
    coming = [part for part in scheduled or parts if part[0]]
    if not coming:
        return [replace(said, rejected=bool(answers))]
    return [
        replace(said, units=units, arrives_on=days.meant[0], ships_on=days.meant[1])
        for units, days in coming
    ]


def _item(loop: Sequence[Segment]) -> dict[str, Any]:
    """The item of a PO1, which no LIN or ACK behind it may call otherwise."""
    po1 = loop[0]
    item = x12_lines.item(po1, 6, loop)
    ordered = po1.pairs(6)
    for segment in loop:
        first = CALLS_ITEM_AT.get(segment.tag)
        if first is None:
            continue
        named, status = segment.pairs(first), segment.text(1) if segment.tag == "ACK" else ""
        if x12_lines.SUBSTITUTE in named or status == x12_lines.SUBSTITUTED:
            offered = named.get(x12_lines.SUBSTITUTE) or next(iter(named.values()), None)
            raise x12_lines.substitution(segment, offered or next(iter(ordered.values()), "?"), 1)
        for qualifier, value in named.items():
            is_ours = qualifier in x12_lines.OUR_SKU and item["sku"] is not None
            before = item["sku"] if is_ours else ordered.get(qualifier)
            changed = status == "IC" and before is None and qualifier not in x12_lines.NO_ITEM
            if changed or (before is not None and before != value):
                raise x12_lines.substitution(segment, value, first)
    return item


def _answers(loop: Sequence[Segment], outer: Days) -> tuple[list[_Answer], Days]:
    """Every ACK with its days, and the days of the line.

    A DTM behind an ACK is of it; vendors that send one for the whole line write it there too.
    """
    general: list[Segment] = []
    found: list[_Answer] = []
    for segment in loop[1:]:
        if segment.tag == "ACK":
            found.append(_Answer(segment, segment.needed(1, "the status of the item"), Days()))
        elif segment.tag == "DTM":
            (found[-1].behind if found else general).append(segment)
    statuses = {answer.status for answer in found}
    if found and not statuses & {ITEM_LATER, BALANCE_LATER}:
        general += found[-1].behind
    line_days = x12_lines.days(general)
    for answer in found:
        own = _own_days(answer)
        _check_status(answer, own, line_days.within(outer))
        answer.days = own.within(line_days).within(outer)
    return found, line_days


def _own_days(answer: _Answer) -> Days:
    ack = answer.ack
    pair = [(ack.needed(4, "what the date is of"), ack.day(5))] if ack.text(5) else []
    return days_of(pair, x12_lines.DAY_CODES).within(x12_lines.days(answer.behind))


def _check_status(answer: _Answer, own: Days, line: Days) -> None:
    ack, status = answer.ack, answer.status
    if status in ITEM_HELD:
        raise ack.unclear(1, f"'{status}': the item is on hold; ask the vendor until when")
    if status not in (*ITEM_TAKEN, ITEM_LATER, BALANCE_LATER, *ITEM_REFUSED):
        raise ack.wrong(1, f"'{status}' is not a status that can be understood")
    if status in (ITEM_LATER, BALANCE_LATER) and not own.is_told:
        raise ack.unclear(5, "a backordered item needs the date on which it will come")
    if status in DATED and not own.within(line).is_told:
        raise ack.unclear(5, f"the vendor says {DATED[status]}, and gives none")


def _taken(po1: Segment, answers: Sequence[_Answer]) -> list[_Answer]:
    """The answers that take units, with how many."""
    taken = [answer for answer in answers if answer.status not in ITEM_REFUSED]
    for answer in taken:
        ack = answer.ack
        if not ack.text(2) and (len(taken) > 1 or answer.status in QUANTITY_NEEDED):
            raise ack.unclear(2, "of how many units it speaks is not said")
        answer.units = ack.units(2) if ack.text(2) else po1.units(2)
    statuses = {answer.status for answer in taken}
    if not statuses & {ITEM_LATER, BALANCE_LATER} or not po1.text(2):
        return taken
    told, ordered = sum(answer.units for answer in taken), po1.units(2)
    if told > ordered or (BALANCE_LATER in statuses and (told < ordered or len(taken) == 1)):
        last = taken[-1].ack
        raise last.unclear(
            2, f"{told} units are told of and {ordered} were ordered: how many come when is unclear"
        )
    return taken


def _scheduled(loop: Sequence[Segment], units: int, outer: Days) -> list[tuple[int, Days]]:
    """The deliveries in which a line comes (SCH), which must be all of it."""
    schedules = [segment for segment in loop if segment.tag == "SCH"]
    found = [
        (
            sch.units(1),
            days_of(
                [(sch.text(at), sch.day(at + 1)) for at in (5, 8) if sch.text(at)],
                x12_lines.DAY_CODES,
            ).within(outer),
        )
        for sch in schedules
    ]
    total = sum(count for count, _ in found)
    if schedules and total != units:
        raise schedules[-1].unclear(1, f"deliveries of {total} units and {units} are taken")
    return found


def _price(po1: Segment, answers: Sequence[_Answer]) -> Decimal | None:
    if any(answer.status == PRICE_PENDING for answer in answers):
        return None
    return unit_price(po1, 4, 5)
