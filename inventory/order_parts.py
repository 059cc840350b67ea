"""The parts in which a line of an order is supplied: how many units come when, and what has left.

    ordered − cancelled = agreed = received + shipped parts + confirmed parts + unconfirmed

A vendor that sends 60 now and 40 in a fortnight has told of two parts, and each can be promised
from its own day. Unconfirmed units are those that the vendor has said nothing of: they are on
order, and no supply. Nothing here reads a clock or a database: `inventory.store` does.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count

from inventory.errors import InputRejected
from inventory.purchase_orders import CONFIRMED, SHIPPED


@dataclass(frozen=True, slots=True)
class When:
    """The day at the order's location on which units come, and the moment they are counted from."""

    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Units of a line that come together."""

    number: int
    """Within its line, from 1; it stays while the part is re-dated, shipped and received."""
    units: int
    """Still to come."""
    when: When
    state: str
    """`confirmed`, or `shipped`."""
    shipment: str | None = None
    """The vendor's number of the shipment, where it told one."""


Scheduled = Sequence[tuple[int, When | None]]
"""Units and when they come, as a vendor told; None: it did not say."""


@dataclass(frozen=True, slots=True)
class LineSupply:
    """What is to come of one line."""

    agreed_units: int
    received_units: int
    parts: tuple[Part, ...]
    """Those still to come."""
    last_number: int
    """The highest number that a part of this line ever had."""
    usual: When
    """When units come of which the vendor has not said when."""

    @property
    def shipped_units(self) -> int:
        """On their way."""
        return sum(part.units for part in self.parts if part.state == SHIPPED)

    @property
    def unconfirmed_units(self) -> int:
        """Ordered, and no word of the vendor about them."""
        coming = sum(part.units for part in self.parts)
        return max(self.agreed_units - self.received_units - coming, 0)

    @property
    def open_units(self) -> int:
        """Still to come of what is agreed, on their way or not."""
        return sum(part.units for part in self.parts) + self.unconfirmed_units

    @property
    def unshipped_units(self) -> int:
        """Still with the vendor: these may be confirmed anew, or cancelled."""
        return self.open_units - self.shipped_units

    @property
    def settled_units(self) -> int:
        """Here, or on their way: no word of the vendor changes these."""
        return self.received_units + self.shipped_units

    @property
    def last_day(self) -> date:
        """The day on which all of it will be here."""
        days = [part.when.day for part in self.parts]
        return max([*days, self.usual.day] if self.unconfirmed_units or not days else days)


def confirmed(line: LineSupply, schedule: Scheduled) -> LineSupply:
    """The line after the vendor said what it will deliver, all units of the line together.

    What is here or on its way stands for the earliest units of the schedule. Nothing at all says
    that nothing more will come. Where no day is told, parts keep theirs: the latest go first where
    fewer units come, and more come on the usual day.
    """
    total = sum(units for units, _ in schedule)
    if not total:
        given_up = min(line.agreed_units, line.settled_units)
        return replace(line, agreed_units=given_up, parts=_of_state(line, SHIPPED))
    line = replace(line, agreed_units=total)
    if any(when is not None for _, when in schedule):
        told = sorted(((units, when or line.usual) for units, when in schedule), key=_moment)
        wanted = _without_first(told, line.settled_units)
    else:
        rest = max(total - line.settled_units, 0)
        kept = [(part.units, part.when) for part in _sorted(_of_state(line, CONFIRMED))]
        wanted = _first(kept, rest)
        wanted.append((rest - sum(units for units, _ in wanted), line.usual))
    return _with_confirmed(line, [(units, when) for units, when in wanted if units])


def shipped(
    line: LineSupply, units: int, *, when: When | None = None, shipment: str | None = None
) -> LineSupply:
    """The line after the vendor told that units left: confirmed parts, the earliest first.

    A part of the very day that is told goes before earlier ones. Then come units that were not
    confirmed; what goes beyond those is agreed from now on.
    """
    left, parts, gone = units, list(_of_state(line, SHIPPED)), []
    freed = []
    for part in sorted(
        _of_state(line, CONFIRMED), key=lambda p: (when is None or p.when.day != when.day, _at(p))
    ):
        taken = min(part.units, left)
        left -= taken
        if taken:
            gone.append((taken, when or part.when))
        if taken == part.units:
            freed.append(part.number)
        else:
            parts.append(replace(part, units=part.units - taken))
    if left:
        gone.append((left, when or line.usual))
    numbers = _numbers(freed, line.last_number)
    for count_units, day in _merged(gone):
        same = [p for p in parts if (p.state, p.shipment, p.when) == (SHIPPED, shipment, day)]
        if same:
            parts[parts.index(same[0])] = replace(same[0], units=same[0].units + count_units)
        else:
            parts.append(Part(next(numbers), count_units, day, SHIPPED, shipment))
    coming = sum(part.units for part in parts)
    return _with(line, parts, agreed_units=max(line.agreed_units, line.received_units + coming))


def cancelled(line: LineSupply, units: int) -> LineSupply:
    """The line without units that are still with the vendor: unconfirmed ones first, then the last.

    Raises `InputRejected` where fewer are with the vendor.
    """
    if units > line.unshipped_units:
        raise InputRejected(
            f"only {line.unshipped_units} units are still with the vendor and {line.shipped_units} "
            "are on their way: cancel fewer, and close the order where goods never come",
            field="quantity",
        )
    kept = line.unshipped_units - max(units, line.unconfirmed_units)
    parts = [(part.units, part.when) for part in _sorted(_of_state(line, CONFIRMED))]
    less = replace(line, agreed_units=line.agreed_units - units)
    return _with_confirmed(less, _first(parts, kept))


def redated(
    line: LineSupply, when: When, *, number: int | None = None, shipment: str | None = None
) -> LineSupply:
    """The line when all that is open comes on another day, or one part, or one shipment.

    Raises `InputRejected` where no such part is open.
    """
    if number is None and shipment is None:
        parts = tuple(replace(part, when=when) for part in line.parts)
        return replace(line, parts=parts, usual=when)

    def is_meant(part: Part) -> bool:
        return number in (None, part.number) and shipment in (None, part.shipment)

    if not any(map(is_meant, line.parts)):
        field, value = ("shipment", shipment) if number is None else ("part", number)
        raise InputRejected(f"no open part of the line has {field} '{value}'", field=field)
    parts = tuple(replace(p, when=when) if is_meant(p) else p for p in line.parts)
    return replace(line, parts=parts)


def arriving(
    line: LineSupply, units: int, *, shipment: str | None = None, number: int | None = None
) -> tuple[dict[int, int], int]:
    """Which parts units that arrive belong to, by number, and how many belong to none.

    The part or the shipment that is named goes first; else what has left, the earliest first, then
    what is confirmed. Goods of a shipment that nobody told of are none of another shipment while
    others are open. What belongs to no part was never confirmed, or is more than agreed.
    """
    ranked = [(_rank(part, shipment, number), _at(part), part) for part in line.parts]
    taken: dict[int, int] = {}
    left, unconfirmed = units, 0
    for rank, _, part in sorted(ranked, key=lambda found: (*found[:2], found[2].number)):
        if rank == OF_ANOTHER and not unconfirmed:
            unconfirmed = min(line.unconfirmed_units, left)
            left -= unconfirmed
        if share := min(part.units, left):
            taken[part.number] = share
            left -= share
    return taken, left + unconfirmed


NAMED, LEFT, STILL_THERE, OF_ANOTHER = range(4)


def _rank(part: Part, shipment: str | None, number: int | None) -> int:
    if part.number == number or (shipment is not None and part.shipment == shipment):
        return NAMED
    if part.state == CONFIRMED:
        return STILL_THERE
    return OF_ANOTHER if shipment is not None and part.shipment is not None else LEFT


def falls_behind(after: Iterable[Part], before: Iterable[Part]) -> bool:
    """Whether at some moment fewer units have come after a change than before it."""
    changes = [(part.when.at, part.units) for part in after]
    changes += [(part.when.at, -part.units) for part in before]
    moments = sorted({at for at, _ in changes})
    return any(sum(units for at, units in changes if at <= moment) < 0 for moment in moments)


def _with_confirmed(line: LineSupply, wanted: Sequence[tuple[int, When]]) -> LineSupply:
    """Confirmed parts as wanted: one that keeps its moment keeps its number too."""
    wanted = _merged(wanted)
    before = _sorted(_of_state(line, CONFIRMED))
    same = {part.when: part.number for part in before}
    kept = {when for _, when in wanted} & same.keys()
    numbers = _numbers((p.number for p in before if p.when not in kept), line.last_number)
    parts = [
        Part(same[when] if when in kept else next(numbers), units, when, CONFIRMED)
        for units, when in wanted
    ]
    return _with(line, [*_of_state(line, SHIPPED), *parts], agreed_units=line.agreed_units)


def _with(line: LineSupply, parts: Sequence[Part], *, agreed_units: int) -> LineSupply:
    last = max([line.last_number, *(part.number for part in parts)])
    kept = tuple(sorted(parts, key=lambda part: part.number))
    return replace(line, agreed_units=agreed_units, parts=kept, last_number=last)


def _numbers(freed: Iterable[int], last_number: int) -> Iterator[int]:
    yield from freed
    yield from count(last_number + 1)


def _of_state(line: LineSupply, state: str) -> tuple[Part, ...]:
    return tuple(part for part in line.parts if part.state == state)


def _at(part: Part) -> datetime:
    return part.when.at


def _sorted(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (part.when.at, part.number))


def _moment(told: tuple[int, When]) -> datetime:
    return told[1].at


def _merged(parts: Iterable[tuple[int, When]]) -> list[tuple[int, When]]:
    """Units of the same moment together, in the order of first mention."""
    together: dict[When, int] = {}
    for units, when in parts:
        together[when] = together.get(when, 0) + units
    return [(units, when) for when, units in together.items()]


def _first(parts: Iterable[tuple[int, When]], units: int) -> list[tuple[int, When]]:
    found = []
    for here, when in parts:
        taken = min(here, units)
        units -= taken
        if taken:
            found.append((taken, when))
    return found


def _without_first(parts: Iterable[tuple[int, When]], units: int) -> list[tuple[int, When]]:
    found = []
    for here, when in parts:
        skipped = min(here, units)
        units -= skipped
        if here > skipped:
            found.append((here - skipped, when))
    return found
