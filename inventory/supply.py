"""The supply of one SKU as one view sees it: what a location or a group may take, day by day.

Joins the projection of every position that matters with the promises made on groups, so that what
is published for a location already leaves room for what was promised on the groups around it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from inventory.availability import Units
from inventory.groups import (
    Cut,
    GroupPromise,
    connected,
    net_units,
    slack_from_each_day,
    tightest_cuts,
    tightest_from,
)
from inventory.projection import PositionFacts, Projection, member_method, serves


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
    cuts: Sequence[Cut] = ()
    """Per day, where promises on groups hold the answer back; empty where there are none."""
    promises: Sequence[GroupPromise] = ()
    """What the cuts point into."""

    @property
    def atp(self) -> list[int]:
        """ATP per day of the axis; nothing before the place's own day 0."""
        atp: list[int] = np.maximum(self.raw + self.oversell_units, 0).tolist()
        return [0] * self.day_zero + atp[self.day_zero :]


class SkuSupply:
    """One SKU at the locations that matter. Takings change when commitments are added."""

    def __init__(
        self,
        sku: str,
        projection: Projection,
        rows: Mapping[str, int],
        *,
        holds: Sequence[GroupHold] = (),
        groups: Mapping[str, Collection[str]] | None = None,
        oversell_units: int = 0,
    ) -> None:
        self.sku = sku
        self.projection = projection
        self.rows = dict(rows)
        self.groups = groups or {}
        self.oversell_units = oversell_units
        self._promised: dict[tuple[str, frozenset[int]], list[int]] = {}
        for hold in holds:
            members = self._eligible_rows(hold.group, hold.method, hold.excluded)
            self._promise(hold.group, members, projection.index(hold.promised_date), hold.units)

    def _facts(self, row: int) -> PositionFacts:
        return self.projection.positions[row]

    def _eligible_rows(
        self, group: str, method: str | None, excluded: Collection[str] = ()
    ) -> frozenset[int]:
        return frozenset(self.rows[location] for location in self.members(group, method, excluded))

    def members(self, group: str, method: str | None, excluded: Collection[str] = ()) -> list[str]:
        """The members of a group that may fulfil this way, in the order of their names."""
        return [
            location
            for location in sorted(self.groups[group])
            if location in self.rows
            and location not in excluded
            and serves(self._facts(self.rows[location]), self._member_method(location, method))
        ]

    def _member_method(self, location: str, method: str | None) -> str | None:
        return member_method(method, self._facts(self.rows[location]).location_type)

    def _promise(self, group: str, members: frozenset[int], day: int, units: int) -> None:
        by_day = self._promised.setdefault((group, members), [0] * self.projection.days)
        for later in range(max(day, 0), self.projection.days):
            by_day[later] += units

    def at_location(self, location: str) -> Taking:
        """What may be taken there, leaving every group promise feasible."""
        row = self.rows[location]
        raw: Units = self.projection.raw[row]
        asked = frozenset([row])
        promises = self._promises_near(asked)
        cuts = self._cuts(promises, asked, alone=False) if promises else []
        if cuts:
            raw = np.minimum(raw, slack_from_each_day(cuts))
        return Taking(
            raw,
            self._oversell(asked, promises),
            self.projection.day_zero[row],
            asked,
            cuts,
            promises,
        )

    def in_group(self, group: str, method: str | None, excluded: Collection[str] = ()) -> Taking:
        """What may be promised on the group, to be located at any of its members later."""
        asked = self._eligible_rows(group, method, excluded)
        zeros = [self.projection.day_zero[row] for row in asked]
        promises = self._promises_near(asked)
        cuts = self._cuts(promises, asked, alone=True)
        raw = slack_from_each_day(cuts)
        return Taking(
            raw, self._oversell(asked, promises), min(zeros, default=0), asked, cuts, promises
        )

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
        given: Units = np.maximum(self.projection.takeable, 0)
        return tightest_from(tightest_cuts(given, promises, frozenset(), alone=False), 0)

    def _promises_near(self, asked: frozenset[int]) -> list[GroupPromise]:
        return connected(self.promises, asked)

    def _cuts(
        self, promises: Sequence[GroupPromise], asked: frozenset[int], *, alone: bool
    ) -> list[Cut]:
        net = net_units(self.projection.projected, self.projection.takeable)
        return tightest_cuts(net, promises, asked, alone=alone)

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
        self.projection.commit(self.rows[location], day, units)
        self.projection.recompute()

    def commit_in(
        self,
        group: str,
        method: str | None,
        day: int,
        units: int,
        excluded: Collection[str] = (),
    ) -> None:
        """Promise units on a group for a day of the axis; negative units take a promise back."""
        self._promise(group, self._eligible_rows(group, method, excluded), day, units)
