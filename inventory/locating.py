"""Choosing locations for what was promised on a group.

Each choice leaves the other promises on groups feasible, so that nobody is stranded. Where they are
not feasible any more, because stock was lost, they are kept in the order in which they are served,
each that fits beside those kept before it; the others hold nothing back until supply comes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from inventory.supply import GroupHold, SkuSupply

Located = list[tuple[str, int]]
"""Locations, each with units."""


def locate(
    supply: SkuSupply, candidates: Sequence[str], hold: GroupHold, *, late: bool = False
) -> Located | None:
    """Choose members for a promise: one location if one has it all, else as few as can be.

    The fullest location first, then by name, so that the others keep what little they have. The
    commitments are added to the supply. None when even all together cannot: nothing is added then.
    Taking the fullest never strands the rest of the line: what a set of locations can give beside
    the other promises does not depend on the order in which it is taken.

    `late`: also from locations from which it can leave only after the promised day.
    """
    asked_day = supply.projection.index(hold.promised_date)
    chosen: Located = []
    left = hold.units
    while left:
        location, free = _fullest(supply, candidates, asked_day, late=late)
        taken = min(left, free)
        if taken <= 0:
            _give_back(supply, chosen, asked_day)
            return None
        supply.commit_at(location, asked_day, taken)
        chosen.append((location, taken))
        left -= taken
    return chosen


def _give_back(supply: SkuSupply, chosen: Located, day: int) -> None:
    for location, units in chosen:
        supply.commit_at(location, day, -units)


def _fullest(
    supply: SkuSupply, candidates: Sequence[str], asked_day: int, *, late: bool
) -> tuple[str, int]:
    """The location that can give most, and how much; the first by name of equals."""
    projection = supply.projection
    best, most = "", 0
    rows = {location: supply.row_at(location, named=False) for location in candidates}
    begins = projection.opens if late else projection.day_zero
    last = projection.days - 1
    days = {at: min(max(asked_day, begins[row]), last) for at, row in rows.items()}
    # Promises on groups only take away: who has less before them need not be asked.
    before = {at: int(projection.raw[row, days[at]]) for at, row in rows.items()}
    for location in sorted(candidates, key=lambda at: (-before[at], at)):
        if before[location] + supply.oversell_units < max(most, 1):
            break
        free = supply.at_location(location, named=False).atp[days[location]]
        if (-free, location) < (-most, best):
            best, most = location, free
    return best, most


def locate_in_turn(
    supply: SkuSupply,
    candidates: Sequence[str],
    hold: GroupHold,
    *,
    before: Sequence[GroupHold],
    after: Sequence[GroupHold],
) -> Located | None:
    """As `locate`, where promises on groups cannot all be kept any more.

    `before`, `after`: the other open promises on groups of the SKU, as they are served. Those that
    fit beside the ones kept before them are left room for; so is the promise itself, or None.
    """
    for other in (*before, *after):
        supply.withdraw(other)
    kept = _keep(supply, before)
    chosen = None
    # As a promise that may only go to the candidates, it takes its own turn.
    elsewhere = set(supply.members(hold.group, hold.method)).difference(candidates)
    own = replace(hold, excluded=hold.excluded | elsewhere)
    if _keep(supply, [own]):
        kept += _keep(supply, after)
        supply.withdraw(own)
        chosen = locate(supply, candidates, hold)
    for other in kept:
        supply.withdraw(other)
    for other in (*before, *after):
        supply.promise(other)
    return chosen


def _keep(supply: SkuSupply, holds: Iterable[GroupHold]) -> list[GroupHold]:
    """Leave room for each promise that fits beside those there is room for already; which do."""
    kept = []
    for hold in holds:
        supply.promise(hold)
        if supply.tightest_cut(supply.promises).slack_units >= 0:
            kept.append(hold)
        else:
            supply.withdraw(hold)
    return kept
