"""The shares of one channel over all places of a SKU, as promises take from them.

What a channel promised on groups will be located within its shares: it may go to any linked member
that has room. Whether there is room for more is the same question as for stock, so it is answered
in the same way (`inventory.groups`), with room in the place of units.
"""

import operator
from collections.abc import Mapping, Sequence

import numpy as np

from inventory.availability import Units, lowest_from_each_day
from inventory.channel_limits import ViewLimits
from inventory.groups import GroupLimits, GroupPromise, connected

UNLIMITED = 1 << 50
"""More than any stock, and sums of many stay inside 64 bits."""


class ChannelQuotas:
    """Room by row of the projection. `promises`: of this channel on groups, among linked rows."""

    def __init__(
        self, limits: Mapping[int, ViewLimits], promises: Sequence[GroupPromise], *, days: int
    ) -> None:
        self.limits = limits
        self.days = days
        self._promised: dict[tuple[str, frozenset[int]], list[int]] = {}
        for promise in promises:
            own = self._promised.setdefault((promise.name, promise.members), [0] * days)
            own[:] = map(operator.add, own, promise.units_by_day)
        self._room = {row: _room(limit, days) for row, limit in limits.items()}

    def links(self, row: int) -> bool:
        """Whether the channel may sell there."""
        return self.limits[row].linked

    def room_at(self, row: int, member_row: int) -> Units:
        """Room at a location, shape (D,). `member_row`: where promises on groups may go to it."""
        room = self._left(row)
        near = connected(self._promises(), frozenset([member_row]))
        if not near:
            return room
        held = self._limits(near, frozenset([member_row])).held_units(np.maximum(room, 0))
        left: Units = room - held
        return left

    def room_on(self, rows: frozenset[int]) -> Units:
        """Room over the linked members of a group, shape (D,)."""
        near = connected(self._promises(), rows)
        limits = self._limits(near, rows)
        room: Units = limits.supply_units - limits.held_units()
        return room

    def take_at(self, row: int, day: int, units: int) -> None:
        """Use room at a location from a day on."""
        self._room[row][max(day, 0) :] -= units

    def promise_on(self, group: str, rows: frozenset[int], day: int, units: int) -> None:
        """Use room at any of the rows from a day on."""
        promised = self._promised.setdefault((group, rows), [0] * self.days)
        for later in range(max(day, 0), self.days):
            promised[later] += units

    def _left(self, row: int) -> Units:
        lowest: Units = lowest_from_each_day(self._room[row][None, :])[0]
        return lowest

    def _promises(self) -> list[GroupPromise]:
        return [
            GroupPromise(name, members, tuple(units))
            for (name, members), units in self._promised.items()
            if any(units)
        ]

    def _limits(self, near: Sequence[GroupPromise], asked: frozenset[int]) -> GroupLimits:
        rows = asked.union(*(promise.members for promise in near))
        net = {row: np.maximum(self._left(row), 0) for row in rows}
        return GroupLimits(net, near, asked, days=self.days)


def _room(limit: ViewLimits, days: int) -> Units:
    if limit.room_units is None:
        return np.full(days, UNLIMITED, np.int64)
    return limit.room_units.copy()
