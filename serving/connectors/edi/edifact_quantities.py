"""Quantities of a line in EDIFACT, each with the days at which it stands.

A line has quantities of its own, and may be split by schedules (SCC), places (LOC) or packages
(PCI), each with quantities and days:

    LIN ─ QTY ─ DTM            100 ordered
      SCC ─ QTY ─ DTM           60 on one day
      SCC ─ QTY ─ DTM           40 on another

By the directories a DTM behind the quantities is of the whole line; vendors also write one behind
each quantity. So a day is of all quantities that stand before it without a day between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from serving.connectors.edi import edifact_lines
from serving.connectors.edi.days import Days
from serving.connectors.edi.segments import Segment

DESPATCHED, ORDERED, BACKORDERED, TO_DELIVER, SPLIT = "12", "21", "83", "113", "11"
INVOICED, DELIVERED = "47", "46"
UNITS_INSIDE = "59"
"""6063: consumer units in the traded unit. Unless 1, quantities are not of single units."""

SAYS_NOTHING = ("3", "17", "52", "53", "54", "70", "79")
"""6063: cumulative, on hand, per pack, minimum and maximum of an order, cumulative and previous
cumulative: none of them is of this delivery."""

SPLITS = ("SCC", "LOC", "PCI")
VARIANCE = "QVR"
BALANCE_LATER = "BP"
"""4221: a part comes, and the balance is backordered."""
ALLOWANCE = "ALC"
"""Quantities behind it are what an allowance is counted in."""
BEHIND_ALLOWANCES = ("RFF", "TAX", "NAD", "TDT", "TOD", "EQD", *SPLITS)


@dataclass(slots=True)
class Amount:
    """One QTY, and the segments that date it."""

    segment: Segment
    split: int
    """Which split of the line it is in, from 1; 0: the line itself."""
    dates: list[Segment] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.segment.text(1)

    @property
    def units(self) -> int:
        return self.segment.units(1, 2)


@dataclass(frozen=True, slots=True)
class Part:
    """So many units of a line, and when they come."""

    units: int
    unit_of_measure: str
    days: Days


def confirmed(loop: Sequence[Segment], outer: Days) -> list[Part]:
    """The units that a vendor will deliver, those of them last that it has not got yet.

    Ordered units (21) stand for them only where neither those to be delivered (113, 12) nor those
    that are backordered (83) are given, and are never added to them.
    """
    amounts, general = _amounts(loop)
    _check_kinds(amounts, (TO_DELIVER, DESPATCHED, ORDERED, BACKORDERED, SPLIT))
    _check_variances(loop, amounts)
    whole = [amount for amount in amounts if not amount.split]
    splits = [amount for amount in amounts if amount.split and amount.units]
    if not splits:
        return [_part(amount, general, outer) for amount in _coming(whole)]
    parts = [amount for number in _numbers(splits) for amount in _coming(_of(splits, number))]
    stated = _coming(whole, dated=False) if any(amount.units for amount in whole) else []
    _check_sum(parts, stated)
    return [_part(amount, general, outer) for amount in parts]


def shipped(loop: Sequence[Segment], outer: Days) -> list[Part]:
    """The units that left the vendor (12). When a variance will come says nothing of them."""
    amounts, general = _amounts(_without_variances(loop))
    _check_kinds(amounts, (DESPATCHED, ORDERED, BACKORDERED, SPLIT, TO_DELIVER))
    whole = [a for a in amounts if not a.split and a.kind == DESPATCHED]
    splits = [a for a in amounts if a.split and a.kind in (DESPATCHED, SPLIT) and a.units]
    if splits:
        _check_sum(splits, whole)
    return [_part(amount, general, outer) for amount in splits or whole]


def invoiced(loop: Sequence[Segment]) -> list[Part]:
    """The units that are charged for (47, or 46 where that is not given)."""
    amounts, _ = _amounts(loop)
    free = ("192",)
    _check_kinds(
        amounts,
        (INVOICED, DELIVERED, DESPATCHED, ORDERED, BACKORDERED, TO_DELIVER, SPLIT, *free),
    )
    whole = [amount for amount in amounts if not amount.split]
    charged = _of_kind(whole, INVOICED) or _of_kind(whole, DELIVERED)
    return [_part(amount, {}, Days()) for amount in charged]


def _amounts(loop: Sequence[Segment]) -> tuple[list[Amount], dict[int, Days]]:
    """Every quantity of a line, and the days that are of the line (0) or of a split of it."""
    found: list[Amount] = []
    run: list[Amount] = []
    general: dict[int, list[Segment]] = {}
    split, is_allowance = 0, False
    for segment in loop[1:]:
        if segment.tag in SPLITS:
            split, run = split + 1, []
        is_allowance = segment.tag == ALLOWANCE or (
            is_allowance and segment.tag not in BEHIND_ALLOWANCES
        )
        if is_allowance:
            continue
        if segment.tag == "QTY":
            if run and run[0].dates:
                run = []
            amount = Amount(segment, split, run[0].dates if run else [])
            run.append(amount)
            found.append(amount)
        elif edifact_lines.is_day(segment):
            (run[0].dates if run else general.setdefault(split, [])).append(segment)
    # What dates the only quantities of a line, dates the splits of it too.
    own = {id(a.dates): a.dates for a in found if not a.split}
    if len(own) == 1:
        general.setdefault(0, []).extend(*own.values())
    return found, {number: edifact_lines.days(dates) for number, dates in general.items()}


def _without_variances(loop: Sequence[Segment]) -> list[Segment]:
    """A line without each QVR and the DTM behind it, which is of what was not sent."""
    kept: list[Segment] = []
    is_variance = False
    for segment in loop:
        is_variance = segment.tag == VARIANCE or (is_variance and segment.tag == "DTM")
        if not is_variance:
            kept.append(segment)
    return kept


def _check_variances(loop: Sequence[Segment], amounts: Sequence[Amount]) -> None:
    """Units of which only a variance says that they are backordered must not be taken for lost."""
    if any(amount.kind == BACKORDERED for amount in amounts):
        return
    for segment in loop:
        if segment.tag == VARIANCE and segment.text(2) == BALANCE_LATER:
            raise segment.unclear(
                2,
                f"a balance of {segment.text(1)} units is backordered; send them as QTY+83 with "
                "the date on which they will come",
            )


def _check_kinds(amounts: Sequence[Amount], known: Sequence[str]) -> None:
    """Refuse quantities that nobody here knows what to do with, unless they are 0."""
    for amount in amounts:
        if amount.kind == UNITS_INSIDE:
            inside = amount.segment.decimal(1, "the quantity", 2)
            if inside != 1:
                raise amount.segment.unclear(
                    1,
                    f"counts traded units of {inside} each; ask the vendor for single units",
                )
        elif amount.kind not in (*known, *SAYS_NOTHING) and amount.units:
            raise amount.segment.unclear(
                1, f"'{amount.kind}' is no quantity that is understood here"
            )


def _coming(amounts: Sequence[Amount], *, dated: bool = True) -> list[Amount]:
    """Of the quantities of one level, those that say what comes.

    dated : they are what says when, too; else the splits of the line do.
    """
    kinds = {a.kind for a in amounts if a.kind in (TO_DELIVER, DESPATCHED, SPLIT) and a.units}
    if len(kinds) > 1:
        raise amounts[-1].segment.unclear(
            1, f"{' and '.join(sorted(kinds))}: whether they are the same units is not said"
        )
    now = [a for a in amounts if a.kind in (TO_DELIVER, DESPATCHED, SPLIT)]
    later = [a for a in amounts if a.kind == BACKORDERED and a.units]
    ordered = _of_kind(amounts, ORDERED)
    if not now and not later:
        return ordered
    for amount in later if dated else ():
        _check_backorder(amount, [a for a in now if a.units])
    told, asked = _sum([*now, *later]), _sum(ordered)
    if later and ordered and (told > asked if now else told != asked):
        raise later[-1].segment.unclear(
            1,
            f"{told} units come now or later and {asked} were ordered"
            if now
            else f"{told} of {asked} ordered units are backordered, and how many come before is "
            "not said (QTY+113 or +12)",
        )
    return [*now, *later]


def _check_backorder(later: Amount, now: Sequence[Amount]) -> None:
    """Backordered units need a day, and one that is theirs alone."""
    if not edifact_lines.days(later.dates).is_told:
        raise later.segment.unclear(1, "backordered units need the date on which they will come")
    if any(amount.dates is later.dates for amount in now):
        raise later.segment.unclear(
            1,
            "one date stands behind units that come and backordered ones: whose it is, is not "
            "said; send one behind each",
        )


def _check_sum(parts: Sequence[Amount], stated: Sequence[Amount]) -> None:
    if stated and _sum(parts) != _sum(stated):
        raise stated[0].segment.unclear(
            1, f"is {_sum(stated)} with the line and {_sum(parts)} in its schedules or packages"
        )


def _part(amount: Amount, general: dict[int, Days], outer: Days) -> Part:
    own = edifact_lines.days(amount.dates)
    split = general.get(amount.split, Days()) if amount.split else Days()
    days = own.within(split).within(general.get(0, Days())).within(outer)
    return Part(amount.units, amount.segment.text(1, 3), days)


def _numbers(amounts: Sequence[Amount]) -> list[int]:
    return sorted({amount.split for amount in amounts})


def _of(amounts: Sequence[Amount], split: int) -> list[Amount]:
    return [amount for amount in amounts if amount.split == split]


def _of_kind(amounts: Sequence[Amount], kind: str) -> list[Amount]:
    return [amount for amount in amounts if amount.kind == kind]


def _sum(amounts: Sequence[Amount]) -> int:
    return sum(amount.units for amount in amounts)
