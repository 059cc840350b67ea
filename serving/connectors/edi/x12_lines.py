"""What documents in X12 have in common: loops, items, orders and days.

Meanings of codes are those of versions 004010 to 005010.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from serving.connectors.edi.days import DayCodes, Days, days_of
from serving.connectors.edi.segments import Segment, Unclear, first_of

DAY_CODES = DayCodes(
    arrives=("017", "067", "069", "371"),
    ships=("011", "068", "079"),
    wanted=("002", "074"),
    wanted_ships=("010", "118"),
)
"""374: delivery estimated, on current schedule, promised, arrival estimated; shipped, current
schedule of shipping, promised for shipment; delivery requested, and before; shipment and pick-up
requested."""

OUR_SKU = ("BP", "IN")
"""235: buyer's part or item number."""
SUBSTITUTE = "SR"
"""235: substitute product number."""
OUR_ORDER, OUR_LINE = "PO", "PL"
"""235: purchase order number, and the line of it."""
NO_ITEM = (SUBSTITUTE, "SS", OUR_ORDER, OUR_LINE)
"""235, and superseded part number: what does not say what the item is called."""

SUBSTITUTED = "IS"
"""668: accepted, substitution made."""


def until(segments: Sequence[Segment], tag: str) -> list[Segment]:
    """The header: what stands before the first `tag`."""
    end = next((n for n, s in enumerate(segments) if s.tag == tag), len(segments))
    return list(segments[:end])


def loops(segments: Sequence[Segment], tag: str) -> Iterator[list[Segment]]:
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


def begin(segments: Sequence[Segment], tag: str) -> Segment:
    """The segment that must follow ST."""
    if len(segments) < 2 or segments[1].tag != tag:  # noqa: PLR2004 - ST comes first.
        raise segments[0].wrong(1, f"is not followed by {tag}")
    return segments[1]


def currency(segments: Sequence[Segment]) -> str | None:
    """What CUR says."""
    found = first_of(segments, "CUR")
    return found.text(2).upper() or None if found else None


def days(segments: Sequence[Segment]) -> Days:
    """The days that these segments (DTM) give."""
    return days_of(
        (
            (s.text(1), s.day(2))
            for s in segments
            if s.tag == "DTM" and s.text(1) in DAY_CODES.known and s.text(2)
        ),
        DAY_CODES,
    )


def item(segment: Segment, first: int, loop: Sequence[Segment] = ()) -> dict[str, Any]:
    """What an item is called, from an element on, and of which line of which order it is.

    loop : what says more of it, in REF. Raises `Unclear` for a substitute.
    """
    pairs = segment.pairs(first)
    if SUBSTITUTE in pairs:
        raise substitution(segment, pairs[SUBSTITUTE], first)
    ours = next((pairs[q] for q in OUR_SKU if q in pairs), None)
    others = tuple(value for q, value in pairs.items() if q not in (*OUR_SKU, *NO_ITEM))
    line = pairs.get(OUR_LINE, "")
    is_ours = line.isdecimal() and len(line) <= 9  # noqa: PLR2004 - digits of an integer.
    return {
        "sku": ours,
        "other_codes": others,
        "line_no": int(line) if is_ours else segment.line_no(1),
        "line_is_ours": is_ours,
        "order_id": pairs.get(OUR_ORDER) or order_of(loop),
    }


def order_of(segments: Sequence[Segment]) -> str | None:
    """The order that is named (REF with PO), if one is. Raises `Unclear` where it is not one."""
    found = [s for s in segments if s.tag == "REF" and s.text(1) == "PO"]
    named = {s.needed(2, "the number of our order") for s in found}
    if len(named) > 1:
        raise found[-1].unclear(2, f"is of several orders: {', '.join(sorted(named))}")
    return next(iter(named), None)


def called(segment: Segment, first: int) -> str:
    """A line as people find it: its number and its item."""
    pairs = segment.pairs(first)
    names = [pairs[q] for q in OUR_SKU if q in pairs] or list(pairs.values())
    return " ".join(filter(None, (segment.text(1), f"'{names[0]}'" if names else "")))


def substitution(segment: Segment, offered: str, element: int) -> Unclear:
    """The refusal of another item than the one that was ordered."""
    return segment.unclear(
        element,
        f"substitution offered: '{offered}'; agree on it with the vendor and change the order",
    )
