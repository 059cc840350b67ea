"""The supply of one SKU as one view sees it: what a location or a group may take, day by day.

Joins the projection of every position that matters with the promises made on groups, so that what
is published for a location already leaves room for what was promised on the groups around it.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from inventory.availability import Units
from inventory.channel_quotas import ChannelQuotas
from inventory.groups import Cut, GroupLimits, GroupPromise, connected, net_units
from inventory.pre_sales import PreOrders
from inventory.projection import PositionFacts, Projection, member_method, serves
from inventory.spreading import spread


@dataclass(frozen=True, slots=True)
class GroupHold:
    """Open units promised on a group for one day, not located yet."""

    group: str
    promised_date: date
    units: int
    method: str | None = None
    excluded: frozenset[str] = frozenset()
    """Locations that already rejected it."""


@dataclass(frozen=True, slots=True, eq=False)
class Taking:
    """What may be taken at one place. `raw` has shape (D,), on the axis of the projection."""

    raw: Units
    oversell_units: int
    day_zero: int
    asked: frozenset[int] = frozenset()
    """Rows of the projection that were asked for."""
    limits: GroupLimits | None = None
    """How promises on groups hold the answer back; always there for a group."""
    room: Units | None = None
    """What is left of the channel's share, shape (D,): not even overselling goes beyond it."""
    stock: Units | None = None
    """What `raw` would be without the channel's share."""

    @property
    def atp(self) -> list[int]:
        """ATP per day of the axis; nothing before the place's own day 0."""
        units = self.raw + self.oversell_units
        if self.room is not None:
            units = np.minimum(units, self.room)
        atp: list[int] = np.maximum(units, 0).tolist()
        return [0] * self.day_zero + atp[self.day_zero :]

    def within(self, room: Units) -> "Taking":
        """The same within what is left of a share."""
        return replace(self, raw=np.minimum(self.raw, room), room=room, stock=self.raw)


class SkuSupply:
    """One SKU at the locations that matter. Takings change when commitments are added.

    `rows` says where each location is in the projection, as a member of groups fulfils. A location
    that was asked for by name and would fulfil in another way than as a member has a second row in
    `named_rows`: the same stock under the buffers of another view.
    """

    def __init__(
        self,
        sku: str,
        projection: Projection,
        rows: Mapping[str, int],
        *,
        named_rows: Mapping[str, int] | None = None,
        holds: Sequence[GroupHold] = (),
        groups: Mapping[str, Collection[str]] | None = None,
        oversell_units: int = 0,
        refusing: Collection[str] = (),
    ) -> None:
        self.sku = sku
        self.projection = projection
        self.rows = dict(rows)
        self.named_rows = dict(named_rows or {})
        self.groups = groups or {}
        self.oversell_units = oversell_units
        self.refusing = frozenset(refusing)
        """Locations that do not offer the method for which they were asked by name."""
        self._promised: dict[tuple[str, frozenset[int]], list[int]] = {}
        self._takings: dict[Hashable, Taking] = {}
        self._spare: tuple[dict[int, int], list[tuple[frozenset[int], int]]] | None = None
        self._needed: dict[int, int] | None = None
        self.quotas: ChannelQuotas | None = None
        """The shares of the channel that asks, where it has any."""
        self.pre_orders: dict[str, PreOrders] = {}
        """By location: what that channel may sell ahead."""
        for hold in holds:
            self.promise(hold)

    def _facts(self, row: int) -> PositionFacts:
        return self.projection.positions[row]

    def _eligible_rows(
        self, group: str, method: str | None, excluded: Collection[str] = ()
    ) -> frozenset[int]:
        return frozenset(self.rows[location] for location in self.members(group, method, excluded))

    def members(self, group: str, method: str | None, excluded: Collection[str] = ()) -> list[str]:
        """The members of a group that may fulfil this way, in the order of their names."""
        able = self._able(group, method, excluded)
        if self.quotas is None:
            return able
        return [location for location in able if self.quotas.links(self.rows[location])]

    def not_linked(self, group: str) -> list[str]:
        """Members that the channel does not sell from, whatever they are able to."""
        if self.quotas is None:
            return []
        known = [location for location in sorted(self.groups[group]) if location in self.rows]
        return [location for location in known if not self.quotas.links(self.rows[location])]

    def _able(self, group: str, method: str | None, excluded: Collection[str]) -> list[str]:
        """Those that may fulfil this way for any channel."""
        return [
            location
            for location in sorted(self.groups[group])
            if location in self.rows
            and location not in excluded
            and serves(self._facts(self.rows[location]), self._member_method(location, method))
        ]

    def _member_method(self, location: str, method: str | None) -> str | None:
        return member_method(method, self._facts(self.rows[location]).location_type)

    def row_at(self, location: str, *, named: bool = True) -> int:
        """The row of a location: as asked for by name, or as a member of groups."""
        return self.named_rows.get(location, self.rows[location]) if named else self.rows[location]

    def at_location(self, location: str, *, named: bool = True) -> Taking:
        """What may be taken there, leaving every group promise feasible.

        `named`: the location was asked for by name, rather than chosen among a group's members.
        """
        key = (location, named)
        if key not in self._takings:
            row = self.row_at(location, named=named)
            if named and location in self.refusing:
                self._takings[key] = self._nothing_at(row)
            else:
                self._takings[key] = self._taking_at(row, self.rows[location])
        return self._takings[key]

    def _nothing_at(self, row: int) -> Taking:
        """What may be taken through a method that is not offered there: only a lack shows."""
        lack: Units = np.minimum(self.projection.raw[row], 0)
        return Taking(lack, 0, self.projection.day_zero[row], frozenset([row]))

    def _taking_at(self, row: int, member_row: int) -> Taking:
        """`row`: the view that was asked through; `member_row`: where promises on groups count."""
        raw: Units = self.projection.takeable([row])[0]
        asked = frozenset([member_row])
        promises = self._promises_near(asked)
        limits = None
        if promises and not self._plenty_beside(member_row):
            limits = self._limits(promises, asked, seen_as=row)
            left = np.minimum(raw, limits.supply_units - limits.held_units())
            # More than groups would get there may be taken if they need nothing of it.
            more = (raw > limits.supply_units) & (left < raw)
            if more.any():
                more &= limits.held_units(raw) == 0
            raw = np.where(more, raw, left)
        taking = Taking(
            raw,
            self._oversell(asked, promises),
            self.projection.day_zero[row],
            frozenset([row]),
            limits,
        )
        return taking.within(self.quotas.room_at(row, member_row)) if self.quotas else taking

    def in_group(self, group: str, method: str | None, excluded: Collection[str] = ()) -> Taking:
        """What may be promised on the group, to be located at any of its members later."""
        key = (group, method, frozenset(excluded))
        if key not in self._takings:
            self._takings[key] = self._taking_on(self._eligible_rows(*key))
        return self._takings[key]

    def _taking_on(self, asked: frozenset[int]) -> Taking:
        zeros = [self.projection.day_zero[row] for row in asked]
        promises = self._promises_near(asked)
        limits = self._limits(promises, asked)
        raw = limits.supply_units - limits.held_units()
        oversell_units = self._oversell(asked, promises)
        taking = Taking(raw, oversell_units, min(zeros, default=0), asked, limits)
        return taking.within(self.quotas.room_on(asked)) if self.quotas else taking

    @property
    def promises(self) -> list[GroupPromise]:
        """What is promised on groups and not located yet."""
        return [
            GroupPromise(name, members, tuple(units))
            for (name, members), units in self._promised.items()
            if any(units)
        ]

    def tightest_cut(self, promises: Sequence[GroupPromise]) -> Cut:
        """Of promises by themselves; with slack below zero, they cannot all be located.

        What a location lacks for its own promises is not held against those on groups.
        """
        return self._limits(promises, frozenset()).cut_at(0)

    def _promises_near(self, asked: frozenset[int]) -> list[GroupPromise]:
        return connected(self.promises, asked) if self._promised else []

    def _plenty_beside(self, row: int) -> bool:
        """Whether promises on groups need nothing of a location, seen at a glance.

        So it is where the other members of every group could, from the first day that anything is
        due, give all that is promised on all groups together.
        """
        if self._spare is None:
            self._spare = self._spare_units()
        given, spare = self._spare
        return all(
            units >= (given.get(row, 0) if row in members else 0) for members, units in spare
        )

    def free_between(self, location: str) -> tuple[int, int]:
        """At least and at most what may be taken there on the first day that anything can leave.

        As a member of groups, without buffers and shares. Cheap where `at_location` is exact.
        """
        row = self.rows[location]
        most = int(self.projection.raw[row, self.projection.opens[row]])
        if not self._promised:
            return most, most
        if self._needed is None:
            self._needed = self._needed_at_most()
        return most - self._needed.get(row, 0), most

    def _needed_at_most(self) -> dict[int, int]:
        """By row: units of promises on groups that have no other place when it gives all it can."""
        promises = self.promises
        if not promises:
            return {}
        if self._spare is None:
            self._spare = self._spare_units()
        rows = list(self._spare[0])
        index = {row: i for i, row in enumerate(rows)}
        located = spread(
            list(self._spare[0].values()),
            [([index[row] for row in p.members], p.units_by_day[-1]) for p in promises],
        )
        if located is None:
            located = [sum(p.units_by_day[-1] for p in promises)] * len(rows)
        return dict(zip(rows, located, strict=True))

    def _spare_units(self) -> tuple[dict[int, int], list[tuple[frozenset[int], int]]]:
        """What each location gives on the first day due and every later one; per promise, what its
        members give beyond all that is promised.
        """
        promises = self.promises
        first = min(next(t for t, due in enumerate(p.units_by_day) if due) for p in promises)
        rows = sorted(frozenset[int]().union(*(promise.members for promise in promises)))
        lowest = np.maximum(self.projection.takeable(rows)[:, first:].min(axis=1), 0)
        given: dict[int, int] = dict(zip(rows, lowest.tolist(), strict=True))
        promised = sum(promise.units_by_day[-1] for promise in promises)
        spare = [(p.members, sum(given[row] for row in p.members) - promised) for p in promises]
        return given, spare

    def _limits(
        self,
        promises: Sequence[GroupPromise],
        asked: frozenset[int],
        *,
        seen_as: int | None = None,
    ) -> GroupLimits:
        """`seen_as`: the row whose view counts for the one location that was asked for."""
        rows = sorted(asked.union(*(promise.members for promise in promises)))
        views = rows if seen_as is None else [seen_as if row in asked else row for row in rows]
        projection = self.projection
        net = net_units(projection.projected[views], projection.takeable(views))
        return GroupLimits(dict(zip(rows, net, strict=True)), promises, asked, days=projection.days)

    def _oversell(self, asked: frozenset[int], near: Sequence[GroupPromise]) -> int:
        """What is left of the allowance, which counts once per SKU over all its locations.

        `near`: the promises on groups that the answer itself already leaves room for.
        """
        if self.oversell_units == 0:
            return 0
        short = self.projection.short_units
        elsewhere = sum(int(short[row]) for row in self.rows.values() if row not in asked)
        far = [promise for promise in self.promises if promise not in near]
        if far:
            elsewhere += max(0, -self.tightest_cut(far).slack_units)
        return max(0, self.oversell_units - elsewhere)

    def commit_at(self, location: str, day: int, units: int) -> None:
        """Take units at a location for a day of the axis."""
        for rows in (self.rows, self.named_rows):
            if location in rows:
                self.projection.take(rows[location], day, units)
                if self.quotas is not None:
                    self.quotas.take_at(rows[location], day, units)
        self._forget()

    def commit_in(
        self,
        group: str,
        method: str | None,
        day: int,
        units: int,
        excluded: Collection[str] = (),
    ) -> None:
        """Promise units on a group for a day of the axis; negative units take a promise back."""
        members = self._eligible_rows(group, method, excluded)
        self._count(group, members, day, units)
        if self.quotas is not None:
            self.quotas.promise_on(group, members, day, units)

    def promise(self, hold: GroupHold) -> None:
        """Leave room for units that were promised on a group, through whichever channel."""
        self._count_hold(hold, hold.units)

    def withdraw(self, hold: GroupHold) -> None:
        """Leave no room for them any more."""
        self._count_hold(hold, -hold.units)

    def _count_hold(self, hold: GroupHold, units: int) -> None:
        able = self._able(hold.group, hold.method, hold.excluded)
        members = frozenset(self.rows[location] for location in able)
        # What is overdue sits in day 0 of the first member, wherever the axis begins.
        day_zero = min((self.projection.day_zero[row] for row in members), default=0)
        day = max(self.projection.index(hold.promised_date), day_zero)
        self._count(hold.group, members, day, units)

    def _count(self, group: str, members: frozenset[int], day: int, units: int) -> None:
        by_day = self._promised.setdefault((group, members), [0] * self.projection.days)
        for later in range(max(day, 0), self.projection.days):
            by_day[later] += units
        self._forget()

    def _forget(self) -> None:
        """What was worked out before no longer holds."""
        self._takings.clear()
        self._spare = None
        self._needed = None
