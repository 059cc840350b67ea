"""What a line of an EDIFACT message says beside its quantities: item, order, days and price.

Meanings of codes are those of the directories D.96A to D.01B.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from inventory.vendor_documents import UNITS_WORDS
from serving.connectors.edi.days import DayCodes, Days, days_of
from serving.connectors.edi.segments import Segment

DAY_CODES = DayCodes(
    arrives=("17", "67", "69", "76", "132", "358"),
    ships=("11", "79"),
    wanted=("2",),
    wanted_ships=("10",),
)
"""2005: delivery estimated, on current schedule, promised, scheduled, arrival estimated, delivery
expected; despatch, shipment promised; delivery requested; shipment requested."""

OUR_SKU = ("IN", "BP")
"""7143: buyer's item or part number."""

SAME_ITEM = ("1", "5")
"""4347: additional and product identification, which say what the item of the line is called."""
SUBSTITUTED = {"3": "is replaced by", "4": "is sent in place of"}
"""4347: substituted by, substituted for."""
OTHER_ITEM = ("2", "6", "7", "8")
"""4347: possible substitute, successor, predecessor, expired: numbers of other items."""


def lines(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
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


def called(loop: Sequence[Segment]) -> str:
    """A line as people find it: its number and its item."""
    numbers = _numbers(loop)
    ours = [number for kind, number in numbers if kind in OUR_SKU]
    item = next(iter([*ours, *(number for _, number in numbers)]), "")
    return " ".join(filter(None, (loop[0].text(1), item and f"'{item}'")))


def item(loop: Sequence[Segment]) -> dict[str, Any]:
    """What the item of a line is called, and of which line of which order it is.

    Raises `Unclear` for a substitute: it is no unit of what we ordered.
    """
    lin = loop[0]
    if lin.text(4) or lin.text(4, 2):
        raise lin.unclear(4, "is a part of another line; send the lines of the order alone")
    for pia in loop:
        if pia.tag == "PIA" and pia.text(1) in SUBSTITUTED:
            raise pia.unclear(
                1,
                f"substitution offered: '{lin.text(3)}' {SUBSTITUTED[pia.text(1)]} "
                f"'{pia.text(2)}'; agree on it with the vendor and change the order",
            )
        if pia.tag == "PIA" and pia.text(1) not in (*SAME_ITEM, *OTHER_ITEM):
            raise pia.unclear(1, f"'{pia.text(1)}' is no function of an item number that is known")
    numbers = _numbers(loop)
    ours = [number for kind, number in numbers if kind in OUR_SKU]
    first, *more = [number for kind, number in numbers if kind == OUR_SKU[0]] or [""]
    if set(more) - {first}:
        raise lin.unclear(3, f"is '{first}' and '{more[0]}' at once, by numbers of ours")
    others = tuple(number for kind, number in numbers if kind not in OUR_SKU)
    line_no, is_ours = _line_no(loop)
    return {
        "sku": ours[0] if ours else None,
        "other_codes": others,
        "line_no": line_no,
        "line_is_ours": is_ours,
        "order_id": order_of(loop),
    }


def _numbers(loop: Sequence[Segment]) -> list[tuple[str, str]]:
    """(kind, number) of the item, in LIN and in PIA after it."""
    found = [(loop[0].text(3, 2), loop[0].text(3))]
    found += [
        (s.text(n, 2), s.text(n))
        for s in loop
        if s.tag == "PIA" and s.text(1) in SAME_ITEM
        for n in range(2, 7)
    ]
    return [(kind, number) for kind, number in found if number]


def order_of(segments: Sequence[Segment]) -> str | None:
    """The order that is named (RFF+ON), if one is. Raises `Unclear` where it is not one."""
    found = [s for s in segments if s.tag == "RFF" and s.text(1) == "ON"]
    named = {s.needed(1, "the number of our order", 2) for s in found}
    if len(named) > 1:
        raise found[-1].unclear(1, f"is of several orders: {', '.join(sorted(named))}")
    return next(iter(named), None)


def _line_no(loop: Sequence[Segment]) -> tuple[int | None, bool]:
    """The number of the line, and whether it is said to be that of our order's (1156 of RFF+ON)."""
    for qualifier, is_ours in (("ON", True), ("LI", False)):
        for found in (s for s in loop if s.tag == "RFF" and s.text(1) == qualifier):
            said = found.text(1, 3)
            if said.isdecimal() and len(said) <= 9:  # noqa: PLR2004 - digits of an integer.
                return int(said), is_ours
    return loop[0].line_no(1), False


def days(segments: Sequence[Segment]) -> Days:
    """The days that these segments (DTM) give."""
    return days_of(((s.text(1), day(s)) for s in segments if is_day(s)), DAY_CODES)


def is_day(segment: Segment) -> bool:
    """Whether it says when goods come or leave."""
    return segment.tag == "DTM" and segment.text(1) in DAY_CODES.known


def day(dtm: Segment) -> date:
    """The day that a DTM gives."""
    said, form = dtm.needed(1, "the date", 2), dtm.text(1, 3)
    if form not in ("102", "203", "204", ""):
        raise dtm.wrong(1, f"dates in format '{form}' are not read; send 102, CCYYMMDD")
    return dtm.as_day(said, 1)


def price(loop: Sequence[Segment]) -> Decimal | None:
    """The net price of one unit; a gross one (AAB) is often what shoppers pay.

    It is that of so many units as the price basis (5284) says: 420 per 100 is 4.20.
    """
    prices = [s for s in loop if s.tag == "PRI" and s.text(1) == "AAA"]
    found = {_per_unit(pri) for pri in prices}
    if len(found) > 1:
        raise prices[-1].unclear(1, "a second net price (PRI+AAA); send the one that counts")
    return next(iter(found), None)


def _per_unit(pri: Segment) -> Decimal:
    measure = pri.text(1, 6)
    if measure.upper() not in UNITS_WORDS:
        raise pri.unclear(1, f"the price is per '{measure}' and we order single units (EA, PCE)")
    amount = pri.price(1, 2)
    if not pri.text(1, 5):
        return amount
    basis = pri.decimal(1, "the price basis", 5)
    if basis <= 0:
        raise pri.wrong(1, f"the price basis is {basis}; send a number of units above 0")
    return amount / basis
