"""Accepting a basket: every line against what is left after the lines before it.

Lines are summed by (SKU, place, date) first, bundles are exploded into their components, and each
sum is checked against the supply as the earlier sums leave it. All or nothing, unless a partial
promise was asked for: then each line, in its order, gets what can be had.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from inventory.availability import Units, earliest_index
from inventory.bundles import bundle_atp, bundle_atp_by_day, explode
from inventory.errors import InputRejected, InsufficientStock, Shortage
from inventory.pre_sales import PreOrders
from inventory.projection import Projection
from inventory.supply import SkuSupply, Taking


@dataclass(frozen=True, slots=True)
class Ask:
    """One line of a basket: whole SKUs or bundles at one place for one day."""

    line: int
    sku: str
    units: int
    location: str | None = None
    group: str | None = None
    method: str | None = None
    on: date | None = None
    components: Mapping[str, int] | None = None
    """Units per bundle; None for a SKU that is not a bundle."""
    ship_together: bool = False
    """A bundle whose components must leave from one location."""
    pre_order: bool = False
    """May take what is sold ahead of its stock."""
    earliest: bool = False
    """Without a date: the first day on which the line can be had, rather than day 0."""

    @property
    def place(self) -> str:
        return self.location or self.group or ""

    def shortage(self, axis: Projection, day: int, units: int, atp: Sequence[int]) -> Shortage:
        """Too little of what this line asks for on a day of the axis. `atp`: of each day."""
        found = earliest_index(atp, units, start=day)
        return Shortage(
            self.sku,
            self.place,
            axis.date(day),
            units,
            atp[day],
            in_group=self.location is None,
            earliest_date=None if found is None else axis.date(found),
        )

    @property
    def parts(self) -> Mapping[str, int]:
        return self.components or {self.sku: 1}


class SoldFrom(NamedTuple):
    """Where units were sold ahead, and under which pre-sale."""

    location: str
    pre_sale: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What an ask gets: so many SKUs or bundles on a day."""

    ask: Ask
    units: int
    promised_date: date
    sold_ahead: Mapping[str, SoldFrom] = field(default_factory=dict)
    """By SKU: the pre-sale that it was taken from, and where that is."""


Supplies = Mapping[str, SkuSupply]
"""By SKU; all of them over one projection."""


def taking_of(supply: SkuSupply, ask: Ask) -> Taking:
    """What may be taken at the place of an ask, for one of its component SKUs."""
    ahead = _pre_orders(supply, ask)
    if ahead:
        rows = frozenset(supply.row_at(location) for location in ahead)
        units: Units = np.max([orders.units_by_day for orders in ahead.values()], axis=0)
        return Taking(units, 0, min(supply.projection.day_zero[row] for row in rows), rows)
    if ask.location is not None:
        return supply.at_location(ask.location, named=ask.group is None)
    assert ask.group is not None
    return supply.in_group(ask.group, ask.method)


def _pre_orders(supply: SkuSupply, ask: Ask) -> dict[str, PreOrders]:
    """What a pre-order takes from, by location: all it can get, for the days it speaks of."""
    if not ask.pre_order or not supply.pre_orders:
        return {}
    if ask.location is not None:
        places = [ask.location]
    else:
        places = supply.members(ask.group or "", ask.method)
    return {
        place: ahead
        for place in places
        if (ahead := supply.pre_orders.get(place)) and (ask.on is None or ask.on >= ahead.first_day)
    }


def _sell_ahead(ahead: Mapping[str, PreOrders], day: int, units: int) -> SoldFrom:
    """Sell units from one pre-sale: where most is left, the first by name of equals."""
    location = min(ahead, key=lambda place: (-int(ahead[place].units_by_day[day]), place))
    return SoldFrom(location, ahead[location].take(day, units))


def available_units(supplies: Supplies, ask: Ask, day: int) -> int:
    """How many of the asked SKU or bundle can be promised for a day of the axis, now."""
    atp = {sku: taking_of(supplies[sku], ask).atp[day] for sku in ask.parts}
    return bundle_atp(atp, ask.parts)


def available_by_day(supplies: Supplies, ask: Ask) -> list[int]:
    """The same for every day of the axis."""
    return bundle_atp_by_day(
        {sku: taking_of(supplies[sku], ask).atp for sku in ask.parts}, ask.parts
    )


def day_of(supplies: Supplies, ask: Ask, units: int) -> int:
    """The day of the axis for so many of an ask: its date, its earliest chance, or day 0."""
    takings = [taking_of(supplies[sku], ask) for sku in ask.parts]
    day_zero = max(taking.day_zero for taking in takings)
    if ask.on is not None:
        return day_asked(_projection(supplies), ask.on, day_zero=day_zero)
    if not ask.earliest:
        return day_zero
    atp = available_by_day(supplies, ask)
    found = earliest_index(atp, units, start=day_zero)
    return len(atp) - 1 if found is None else found


def day_asked(projection: Projection, on: date, *, day_zero: int) -> int:
    """The index of a date that was asked for; days that are over are refused."""
    day = projection.index(on)
    if day < day_zero:
        first = projection.date(day_zero).isoformat()
        raise InputRejected(f"{on} is over there; the first day left is {first}", field="on")
    return day


def _projection(supplies: Supplies) -> Projection:
    return next(iter(supplies.values())).projection


def _take(supplies: Supplies, ask: Ask, day: int, units: int) -> dict[str, SoldFrom]:
    """Take units of the asked SKU or its components; what was sold ahead of them, by SKU."""
    sold_ahead = {}
    for sku, component_units in explode(ask.parts, units).items():
        ahead = _pre_orders(supplies[sku], ask)
        if ahead:
            sold_ahead[sku] = _sell_ahead(ahead, day, component_units)
        elif ask.location is not None:
            supplies[sku].commit_at(ask.location, day, component_units)
        else:
            assert ask.group is not None
            supplies[sku].commit_in(ask.group, ask.method, day, component_units)
    return sold_ahead


def grant_all(supplies: Supplies, asks: Sequence[Ask]) -> list[Grant]:
    """Every ask in full, or `InsufficientStock` with every sum that cannot be had.

    The shortage of a sum states what is left of it beside the sums that fit.
    """
    together: Counter[tuple[str, str]] = Counter()
    for ask in asks:
        together[ask.sku, ask.place] += ask.units
    days = [day_of(supplies, ask, together[ask.sku, ask.place]) for ask in asks]
    summed: dict[tuple[str, str | None, str | None, int], tuple[Ask, int]] = {}
    for ask, day in zip(asks, days, strict=True):
        for sku, units in explode(ask.parts, ask.units).items():
            key = (sku, ask.location, ask.group, day)
            earlier = summed[key][1] if key in summed else 0
            summed[key] = (_component_ask(ask, sku), earlier + units)
    shortages = []
    sold_ahead: dict[tuple[str, str | None, str | None, int], dict[str, SoldFrom]] = {}
    for (sku, location, group, day), (ask, units) in summed.items():
        available = available_units(supplies, ask, day)
        if units <= available:
            sold_ahead[sku, location, group, day] = _take(supplies, ask, day, units)
        else:
            atp = available_by_day(supplies, ask)
            shortages.append(ask.shortage(_projection(supplies), day, units, atp))
    if shortages:
        raise InsufficientStock(shortages)
    projection = _projection(supplies)
    grants = []
    for ask, day in zip(asks, days, strict=True):
        taken = [sold_ahead[sku, ask.location, ask.group, day] for sku in ask.parts]
        sold_from = {sku: sale for part in taken for sku, sale in part.items()}
        grants.append(Grant(ask, ask.units, projection.date(day), sold_from))
    return grants


def _component_ask(ask: Ask, sku: str) -> Ask:
    return replace(ask, sku=sku, units=1, components=None)


def grant_partly(supplies: Supplies, asks: Sequence[Ask]) -> list[Grant]:
    """Each ask, in order, gets what can be had; `InsufficientStock` when that is nothing at all."""
    grants, shortages = [], []
    for ask in asks:
        day = day_of(supplies, ask, ask.units)
        available = available_units(supplies, ask, day)
        granted = min(ask.units, available)
        if granted:
            # As early as what there is can be had: nobody waits for what is not promised.
            day = day_of(supplies, ask, granted)
            promised_date = _projection(supplies).date(day)
            sold_from = _take(supplies, ask, day, granted)
            grants.append(Grant(ask, granted, promised_date, sold_from))
        else:
            atp = available_by_day(supplies, ask)
            shortages.append(ask.shortage(_projection(supplies), day, ask.units, atp))
    if not grants:
        raise InsufficientStock(shortages)
    return grants
