"""What links leave a view at a position: the room in its share, and what is kept for others.

The rules are those of `inventory.channel_supply`; here they are worked out day by day.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np

from inventory.availability import Units, lowest_from_each_day
from inventory.catalog import METHODS, SupplyLink
from inventory.channel_supply import (
    ChannelSupply,
    GroupUse,
    Use,
    covers,
    largest_remainder,
    quota_units,
    share_of,
)


@dataclass(frozen=True, slots=True)
class Position:
    """What shares are taken of: one SKU at one place, over D days."""

    sku: str
    location: str
    location_type: str
    base_units: Units
    """Shape (D,): on hand and counted supply up to each day, before commitments."""
    free_units: Units
    """Shape (D,): what is still uncommitted on that and all later days."""
    first_day: date
    day_zero: int

    def index(self, day: date) -> int:
        return max((day - self.first_day).days, self.day_zero)


@dataclass(frozen=True, slots=True, eq=False)
class ViewLimits:
    """What channel supply leaves a view at a position, each of shape (D,)."""

    linked: bool = True
    room_units: Units | None = None
    """What is left of the share on each day, later days not yet looked at; None: no share."""
    reserved_units: Units | None = None
    """Set aside for others; None: nothing."""
    quota_source: str = ""
    reserved_source: str = ""


def view_limits(
    supply: ChannelSupply,
    position: Position,
    *,
    channel: str | None,
    method: str | None,
    elsewhere: Sequence[Use] = (),
) -> ViewLimits:
    """What a view may take at a position. Without a method: the method that may take most.

    `elsewhere`: units promised on groups that are thought of as being here (`placed_in_thought`).
    """
    links = supply.links_at(position.sku, position.location)
    uses = [*supply.uses.get((position.sku, position.location), ()), *elsewhere]
    restricted = supply.restricts(channel, position.sku)
    if method is None and restricted:
        ways = {m for m in METHODS if any(covers(k, channel, m) for k in links)}
        found = [
            view_limits(supply, position, channel=channel, method=way, elsewhere=elsewhere)
            for way in sorted(ways)
        ]
        if found:
            return max(found, key=_generosity)
    shelf = _Shelf(position, links, uses)
    reserved, whose = shelf.reserved_units(channel, method)
    if not restricted:
        return ViewLimits(reserved_units=reserved, reserved_source=whose)
    if not any(covers(k, channel, method) for k in links):
        nothing = np.zeros(len(position.base_units), np.int64)
        where = f"channel {channel} has no supply link there"
        return ViewLimits(False, nothing, reserved, where, whose)
    room, share = shelf.room_units(channel, method)
    return ViewLimits(True, room, reserved, share, whose)


def _generosity(limits: ViewLimits) -> tuple[bool, int, int]:
    room, reserved = limits.room_units, limits.reserved_units
    return (
        room is None,
        0 if room is None else int(room.min()),
        0 if reserved is None else -int(reserved.max()),
    )


class _Shelf:
    """The links and uses of one position, related to each other."""

    def __init__(
        self, position: Position, links: Sequence[SupplyLink], uses: Sequence[Use]
    ) -> None:
        self.position = position
        self.links = links
        self.uses = [(use, use.method_at(position.location_type)) for use in uses]
        self.used = used_of_reserves(links, self.uses)

    def unused_units(self, *, fitted: bool) -> dict[str, Units]:
        """What is left of each reserve, shape (D,). `fitted`: of what can be had of it.

        Reserves beyond what there is are cut in proportion, so that channels with reserves do not
        keep the last units from each other. Others are not given what the cut leaves over.
        """
        reserves = [k for k in self.links if k.reserve]
        days = len(self.position.base_units)
        wanted = sum(k.reserve for k in reserves)
        there = np.minimum(
            np.maximum(self.position.free_units, 0) + sum(self.used.values()), wanted
        )
        unused = {k.id: np.full(days, k.reserve - self.used[k.id], np.int64) for k in reserves}
        if not fitted or (there >= wanted).all():
            return unused
        weights = [Fraction(k.reserve) for k in reserves]
        for units in np.unique(there):
            cut = largest_remainder(int(units), weights)
            for link, reserve in zip(reserves, cut, strict=True):
                unused[link.id][there == units] = max(0, reserve - self.used[link.id])
        return unused

    def reserved_units(self, channel: str | None, method: str | None) -> tuple[Units | None, str]:
        """What is set aside for others than this view, and by which links."""
        others = [k for k in self.links if k.reserve and not covers(k, channel, method)]
        if not others:
            return None, ""
        owner = any(k.reserve and covers(k, channel, method) for k in self.links)
        unused = self.unused_units(fitted=owner)
        source = ", ".join(
            f"supply-link {k.id}: {k.reserve} for {k.channel}, {self.used[k.id]} of them used"
            for k in others
        )
        total: Units = np.sum([unused[k.id] for k in others], axis=0)
        return total, source

    def room_units(self, channel: str | None, method: str | None) -> tuple[Units | None, str]:
        """What is left of the share or the reserve of a view, and in words; None: all there is."""
        link = share_of(self.links, channel, method)
        if link is None:
            return None, ""
        quota, used = self._quota(link), self._used_by(link)
        room = quota - used
        own = [k for k in self.links if k.reserve and covers(k, channel, method)]
        if own:
            unused = self.unused_units(fitted=True)
            room = np.maximum(room, np.sum([unused[k.id] for k in own], axis=0))
        at = int(room.argmin())
        source = (
            f"supply-link {link.id}: {100 * (link.ratio or 0):g} % of "
            f"{int(self.position.base_units[at])} units is {int(quota[at])}, "
            f"{int(used[at])} of them used"
        )
        if own:
            source += ", or what is set aside by " + ", ".join(k.id for k in own)
        return room, source

    def _quota(self, link: SupplyLink) -> Units:
        shares = self._shares()
        ratios = [k.ratio or 0 for k in shares]
        quota = np.zeros(len(self.position.base_units), np.int64)
        for units in np.unique(self.position.base_units):
            mine = quota_units(int(units), ratios)[shares.index(link)]
            quota[self.position.base_units == units] = mine
        return quota

    def _shares(self) -> list[SupplyLink]:
        """The links with a ratio that hold for some view, in the order of their ids."""
        channels = sorted({k.channel for k in self.links})
        methods = (*METHODS, *sorted({method for _, method in self.uses} - set(METHODS)))
        found = [share_of(self.links, channel, way) for channel in channels for way in methods]
        return sorted({k.id: k for k in found if k is not None}.values(), key=lambda k: k.id)

    def _used_by(self, link: SupplyLink) -> Units:
        used = np.zeros(len(self.position.base_units), np.int64)
        for use, method in self.uses:
            mine = use.located and use.promised_date is not None
            if mine and share_of(self.links, use.channel, method) is link:
                assert use.promised_date is not None
                used[self.position.index(use.promised_date) :] += use.units
        return used


def used_of_reserves(
    links: Sequence[SupplyLink], uses: Iterable[tuple[Use, str]]
) -> dict[str, int]:
    """Units of each reserve that are used, by link: the most specific that has some left gives.

    `uses`: each with how the place fulfils it.
    """
    used = {k.id: 0 for k in links if k.reserve}
    # Those that fewer links would count come first, so that none takes another's only place.
    for use, method in sorted(uses, key=lambda pair: _choice(pair[0])):
        left = use.units
        for link in links:
            if link.reserve and covers(link, use.channel, method) and _counts(link, use):
                taken = min(left, link.reserve - used[link.id])
                used[link.id] += taken
                left -= taken
    return used


def _choice(use: Use) -> tuple[bool, float, bool]:
    started = use.since is not None
    return started, use.since.timestamp() if use.since else 0.0, use.promised_date is not None


def _counts(link: SupplyLink, use: Use) -> bool:
    """Whether a use takes from the reserve of the link: see the top of this file."""
    if link.starts_at is None:
        return use.promised_date is not None
    return use.since is not None and use.since >= link.starts_at


def placed_in_thought(
    supply: ChannelSupply,
    sku: str,
    *,
    groups: Mapping[str, Collection[str]],
    location_types: Mapping[str, str],
) -> dict[str, list[Use]]:
    """Units promised on groups, by member, where the channel has units set aside for them.

    They will be located at one member or another, and use up what is set aside at one of them: here
    the first by name that has some left. `location_types`: of the locations that were read.
    """
    found: dict[str, list[Use]] = {}
    for hold in supply.group_uses.get(sku, ()):
        left = hold.units
        for location in sorted(set(groups.get(hold.group, ())) - hold.excluded):
            if location not in location_types or not left:
                continue
            links, kind = supply.links_at(sku, location), location_types[location]
            before = [*supply.uses.get((sku, location), ()), *found.get(location, ())]
            used = _reserve_used(links, kind, before)
            units = _reserve_used(links, kind, [*before, _as_use(hold, left)]) - used
            if units:
                found.setdefault(location, []).append(_as_use(hold, units))
                left -= units
    return found


def _as_use(hold: GroupUse, units: int) -> Use:
    return Use(
        hold.channel, hold.method, units, hold.promised_date, hold.since, True, located=False
    )


def _reserve_used(links: Sequence[SupplyLink], location_type: str, uses: Iterable[Use]) -> int:
    return sum(used_of_reserves(links, [(u, u.method_at(location_type)) for u in uses]).values())


def left_on_each_day(room_units: Units) -> Units:
    """Room with all later days looked at, shape (D,), never below zero."""
    lowest: Units = lowest_from_each_day(np.maximum(room_units, 0)[None, :])[0]
    return lowest
