"""New dates for promises: the first day that can carry them, or another that was asked for.

What is promised already stays promised: lines that get a new date are taken out of the supply they
rest on, and put back where they fit beside everybody else. Promise buffers are not held against
them: they protect promises, and these are some.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from inventory.availability import earliest_index
from inventory.errors import InputRejected, InsufficientStock, Shortage
from inventory.pegs import Claim, serving_order
from inventory.promising import day_asked
from inventory.reservations import PromisedLine, Reservation
from inventory.shortages import OpenLine
from inventory.supply import SkuSupply, Taking


@dataclass(frozen=True, slots=True)
class Wait:
    """Units of a SKU that are owed at a place, on no day yet."""

    sku: str
    units: int
    location: str | None
    group: str | None
    excluded: Sequence[str] = ()

    def taking(self, supply: SkuSupply, method: str) -> Taking:
        """What may be taken at its place."""
        if self.location is not None:
            return supply.at_location(self.location)
        assert self.group is not None
        return supply.in_group(self.group, method, self.excluded)

    def commit(self, supply: SkuSupply, method: str, day: int, units: int) -> None:
        """Take units at its place for a day of the axis; negative units give them back."""
        if self.location is not None:
            supply.commit_at(self.location, day, units)
        else:
            assert self.group is not None
            supply.commit_in(self.group, method, day, units, self.excluded)


Supplies = Mapping[str, SkuSupply]


def first_dates(supplies: Supplies, waits: Sequence[Wait], *, method: str) -> list[date | None]:
    """For each, in turn, the first day that can carry it; it is committed there.

    None where no day of the axis can.
    """
    found: list[date | None] = []
    for wait in waits:
        supply = supplies[wait.sku]
        taking = wait.taking(supply, method)
        day = earliest_index(taking.atp, wait.units, start=taking.day_zero)
        if day is not None:
            wait.commit(supply, method, day, wait.units)
        found.append(None if day is None else supply.projection.date(day))
    return found


def days_left(supply: SkuSupply, victims: Sequence[tuple[OpenLine, int]]) -> list[date | None]:
    """For units that lost their supply: the first day on which each could be had after all.

    Who loses last chooses first. Leaves the supply as it is when they all take those days.
    """
    found = []
    waits = [
        Wait(supply.sku, units, line.location, line.group, line.excluded) for line, units in victims
    ]
    for (line, units), wait in zip(victims, waits, strict=True):
        day = supply.projection.index(line.promised_date)
        wait.commit(supply, line.method, day, -units)
    for (line, _), wait in zip(reversed(victims), reversed(waits), strict=True):
        found += first_dates({supply.sku: supply}, [wait], method=line.method)
    return found[::-1]


def sooner(supply: SkuSupply, claims: Iterable[Claim]) -> list[tuple[Claim, date]]:
    """Claims that an earlier day could carry, with that day, in the order of serving.

    Each is asked beside all others, and beside the earlier days found before it.
    """
    found = []
    projection = supply.projection
    for claim in sorted(claims, key=serving_order):
        group = None if claim.location is not None else claim.group
        wait = Wait(supply.sku, claim.units, claim.location, group, claim.excluded)
        method = claim.method or ""
        promised = projection.index(claim.promised_date)
        wait.commit(supply, method, promised, -claim.units)
        taking = wait.taking(supply, method)
        day = earliest_index(taking.atp, claim.units, start=taking.day_zero)
        if day is None or day >= promised:
            day = promised
        else:
            found.append((claim, projection.date(day)))
        wait.commit(supply, method, day, claim.units)
    return found


def redated(
    supplies: Supplies, order: Reservation, lines: Sequence[PromisedLine], *, on: date | None
) -> list[PromisedLine]:
    """All lines of the order, `lines` of it with new dates; components of a bundle share theirs.

    Raises `InsufficientStock` naming what no day, or not the day asked for, can carry.
    """
    waits = {line.line_no: _wait(line) for line in lines}
    for line in lines:
        supply = supplies[line.sku]
        day = supply.projection.index(line.promised_date)
        waits[line.line_no].commit(supply, order.method, day, -line.open_units)
    moved = {}
    for together in _together(lines):
        launch = max(_launch(supplies[line.sku], line, on) for line in together)
        day = max(
            _day_of(supplies, waits[line.line_no], order.method, on, launch) for line in together
        )
        for line in together:
            supply = supplies[line.sku]
            waits[line.line_no].commit(supply, order.method, day, line.open_units)
            moved[line.line_no] = _moved_to(line, supply.projection.date(day))
    return [moved.get(line.line_no, line) for line in order.lines]


def _wait(line: PromisedLine) -> Wait:
    group = None if line.location is not None else line.group
    return Wait(line.sku, line.open_units, line.location, group, line.excluded)


def _together(lines: Sequence[PromisedLine]) -> list[list[PromisedLine]]:
    """Components of one bundle together, other lines alone."""
    sets: dict[tuple[int, int], list[PromisedLine]] = defaultdict(list)
    for line in lines:
        alone = 0 if line.bundle is not None else line.line_no
        sets[line.request_line, alone].append(line)
    return list(sets.values())


def _launch(supply: SkuSupply, line: PromisedLine, on: date | None) -> int:
    """The day of the axis before which a line that was sold ahead does not leave; 0 for others."""
    if line.pre_sale is None or line.location is None:
        return 0
    sales = supply.projection.positions[supply.rows[line.location]].pre_sales
    launches = [sale.available_on for sale in sales if sale.pre_sale_id == line.pre_sale]
    if on is not None and launches and on < launches[0]:
        raise InputRejected(f"'{line.sku}' does not leave before {launches[0]}", field="on")
    return max([0, *map(supply.projection.index, launches)])


def _day_of(supplies: Supplies, wait: Wait, method: str, on: date | None, not_before: int) -> int:
    supply = supplies[wait.sku]
    projection = supply.projection
    taking = wait.taking(supply, method)
    if on is None:
        start = max(taking.day_zero, not_before)
        day = earliest_index(taking.atp, wait.units, start=start)
        asked_for = projection.days - 1
    else:
        asked_for = day_asked(projection, on, day_zero=taking.day_zero)
        day = asked_for if taking.atp[asked_for] >= wait.units else None
    if day is None:
        raise InsufficientStock(
            [
                Shortage(
                    wait.sku,
                    wait.location or wait.group or "",
                    projection.date(asked_for),
                    wait.units,
                    taking.atp[asked_for],
                    in_group=wait.location is None,
                )
            ]
        )
    return day


def _moved_to(line: PromisedLine, day: date) -> PromisedLine:
    if day == line.promised_date:
        return line
    first = line.first_promised_date or line.promised_date
    # Goods that were set aside go to others in the meantime.
    filled_at = line.filled_at if day < line.promised_date else None
    return replace(line, promised_date=day, first_promised_date=first, filled_at=filled_at)
