"""Bundles whose components must leave together, asked of a group.

Promises on a group are located later, each component by itself: nothing then says that they meet
in one place. So such a bundle gets its location when it is promised. A line of several bundles may
still be split over locations, whole bundles at each, over as few as can be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from inventory.availability import Availability, Term, earliest_index
from inventory.bundles import bundle_atp, bundle_atp_by_day, explode
from inventory.errors import InsufficientStock, Shortage
from inventory.promising import Ask, Grant, Supplies, day_asked
from inventory.supply import SkuSupply

Placed = Sequence[tuple[str, int]]
"""Locations, each with whole bundles."""


def bundles_by_day(supplies: Supplies, ask: Ask) -> list[int]:
    """Whole bundles that the members of the group can send, for each day of the axis."""
    parts = [supplies[sku] for sku in ask.parts]
    days = parts[0].projection.days
    if not any(part.promises or part.oversell_units or part.quotas for part in parts):
        # Locations do not bear on each other: what each can send adds up.
        by_location = [_whole_by_day(supplies, ask, at) for at in _members(supplies, ask)]
        return [sum(units) for units in zip(*by_location, strict=True)] or [0] * days
    return [sum(units for _, units in placed_on(supplies, ask, day)) for day in range(days)]


def placed_on(supplies: Supplies, ask: Ask, day: int, *, units: int | None = None) -> Placed:
    """Where so many bundles, or as many as can be, would leave from on a day; nothing is taken."""
    placed = list(_take(supplies, ask, day, units))
    for location, bundles in placed:
        _commit(supplies, ask, location, day, -bundles)
    return placed


def _members(supplies: Supplies, ask: Ask) -> list[str]:
    """Members of the group that may fulfil every component."""
    assert ask.group is not None
    able = [set(supplies[sku].members(ask.group, ask.method)) for sku in ask.parts]
    return sorted(set.intersection(*able))


def _whole_by_day(supplies: Supplies, ask: Ask, location: str) -> list[int]:
    there = {sku: supplies[sku].at_location(location, named=False).atp for sku in ask.parts}
    return bundle_atp_by_day(there, ask.parts)


def _whole(supplies: Supplies, ask: Ask, location: str, day: int) -> int:
    there: Mapping[str, int] = {
        sku: supplies[sku].at_location(location, named=False).atp[day] for sku in ask.parts
    }
    return bundle_atp(there, ask.parts)


def _take(supplies: Supplies, ask: Ask, day: int, units: int | None) -> Iterator[tuple[str, int]]:
    """Take from the fullest location, then from the next, by name among equals."""
    members = _members(supplies, ask)
    left = units
    while members and left != 0:
        fullest = min(members, key=lambda at: (-_whole(supplies, ask, at, day), at))
        bundles = _whole(supplies, ask, fullest, day)
        if bundles <= 0:
            return
        taken = bundles if left is None else min(left, bundles)
        _commit(supplies, ask, fullest, day, taken)
        yield fullest, taken
        left = None if left is None else left - taken
        members.remove(fullest)


def _commit(supplies: Supplies, ask: Ask, location: str, day: int, bundles: int) -> None:
    for sku, units in explode(ask.parts, bundles).items():
        supplies[sku].commit_at(location, day, units)


def answer_together(
    supplies: Supplies,
    ask: Ask,
    *,
    channel: str | None,
    horizon_days: int,
    quantity: int | None,
    explain: bool,
) -> Availability:
    """What a view may promise of such a bundle on a group; explained by location."""
    supply = _any(supplies, ask)
    assert ask.group is not None
    projection = supply.projection
    day_zero = _day_zero(supplies, ask)
    day = day_zero if ask.on is None else day_asked(projection, ask.on, day_zero=day_zero)
    by_day = bundles_by_day(supplies, ask)
    earliest = None if quantity is None else earliest_index(by_day, quantity, start=day)
    placed = placed_on(supplies, ask, day) if explain else ()
    return Availability(
        sku=ask.sku,
        location=None,
        group=ask.group,
        channel=channel,
        method=ask.method,
        as_of=projection.now,
        atp=by_day[day],
        raw=by_day[day],
        binding_date=projection.date(day),
        first_day=projection.date(day_zero),
        atp_by_day=tuple(by_day[day_zero : day_zero + horizon_days + 1]),
        quantity=quantity,
        earliest_date=None if earliest is None else projection.date(earliest),
        terms=tuple(Term("bundles", units, f"whole at {at}") for at, units in placed)
        if explain
        else None,
    )


def grant_together(supplies: Supplies, asks: Sequence[Ask], *, partly: bool) -> list[Grant]:
    """Promise such bundles at locations of their groups; what they take is taken from the supply.

    Raises `InsufficientStock`: unless `partly`, with every line that cannot be had in full; else
    when there is nothing at all.
    """
    grants: list[Grant] = []
    shortages: list[Shortage] = []
    for ask in asks:
        projection = _any(supplies, ask).projection
        day, available = _day_of(supplies, ask)
        short = ask.units > available
        if short:
            by_day = bundles_by_day(supplies, ask)
            shortages.append(ask.shortage(projection, day, ask.units, by_day))
        if short and not partly:
            continue
        for location, units in _take(supplies, ask, day, min(ask.units, available)):
            grants.append(Grant(replace(ask, location=location), units, projection.date(day)))
    if shortages and not (partly and grants):
        raise InsufficientStock(shortages)
    return grants


def _day_zero(supplies: Supplies, ask: Ask) -> int:
    """The first day on which something can leave from where all components can."""
    supply = _any(supplies, ask)
    zeros = [supply.projection.day_zero[supply.rows[at]] for at in _members(supplies, ask)]
    return min(zeros, default=0)


def _any(supplies: Supplies, ask: Ask) -> SkuSupply:
    return supplies[next(iter(ask.parts))]


def _day_of(supplies: Supplies, ask: Ask) -> tuple[int, int]:
    """The day for an ask, and how many bundles there are on it."""
    day_zero = _day_zero(supplies, ask)
    if ask.on is not None:
        day = day_asked(_any(supplies, ask).projection, ask.on, day_zero=day_zero)
    elif ask.earliest:
        by_day = bundles_by_day(supplies, ask)
        found = earliest_index(by_day, ask.units, start=day_zero)
        day = len(by_day) - 1 if found is None else found
    else:
        day = day_zero
    return day, sum(units for _, units in placed_on(supplies, ask, day))
