"""All stock facts behind an availability answer, read in one statement: one moment for all.

What is asked for is a list of (SKU, location) and (SKU, group). The statement, a function in the
database, explodes bundles, adds the members of the groups, and the members of every group that has
outstanding promises on one of the SKUs: those promises bear on what a single location may give.
Every position is then looked up through its indexes: the cost does not grow with the tables.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, NamedTuple

import psycopg

from inventory.buffer_rules import BufferRule, DatedUnits
from inventory.calendar import Calendar
from inventory.errors import NotFound, UnknownLocation, UnknownSku
from inventory.projection import Commitment, Inbound, PositionFacts
from inventory.supply import GroupHold

COUNTED_INBOUND_STATES = ("confirmed", "shipped")
"""Supply that may be promised. A planned order is a wish, not yet supply."""


class Place(NamedTuple):
    """A SKU at a location, or on a group. The SKU may be a bundle."""

    sku: str
    location: str | None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """What a channel is granted: the life of its holds, and units it may sell below zero."""

    soft_ttl_seconds: int = 900
    order_ttl_seconds: int = 172_800
    oversell_units: int = 0


@dataclass(slots=True)
class Facts:
    """Everything that was read, by name."""

    by_sku: dict[str, dict[str, PositionFacts]] = field(default_factory=dict)
    """Positions by SKU and location."""
    holds: dict[str, list[GroupHold]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    bundles: dict[str, dict[str, int]] = field(default_factory=dict)
    rules: list[BufferRule] = field(default_factory=list)
    channels: dict[str, ChannelTerms] = field(default_factory=dict)
    stale_holds: bool = False
    """Some hold here expired and nobody wrote that down yet. It is not counted."""
    unknown_skus: set[str] = field(default_factory=set)
    unknown_locations: set[str] = field(default_factory=set)

    def check(self, place: Place) -> None:
        """Raise unless the place that was asked for exists."""
        if place.group is not None and place.group not in self.groups:
            raise NotFound("group", place.group)
        if self.unknown_skus.intersection(self.components(place.sku)):
            raise UnknownSku(place.sku)
        if place.location in self.unknown_locations:
            raise UnknownLocation(place.location)

    def components(self, sku: str) -> Mapping[str, int]:
        """The SKUs, with units, that promising one of `sku` takes."""
        return self.bundles.get(sku) or {sku: 1}


def read(
    db: psycopg.Connection,
    places: Collection[Place],
    *,
    channels: Iterable[str | None],
    methods: Iterable[str | None],
    now: datetime,
) -> Facts:
    """Read the facts. What is unknown is noted: see `Facts.check`."""
    asked = list(dict.fromkeys(places))
    wanted_methods = {method for method in methods if method is not None}
    if wanted_methods & {"ship", "sfs"}:
        wanted_methods |= {"ship", "sfs"}
    parameters = {
        "skus": [place.sku for place in asked],
        "locations": [place.location for place in asked],
        "groups": [place.group for place in asked],
        "channels": sorted({channel for channel in channels if channel is not None}),
        "methods": sorted(wanted_methods),
        "states": list(COUNTED_INBOUND_STATES),
        "now": now,
    }
    facts = Facts()
    for kind, row in db.execute(_READ, parameters):
        _ADD[kind](facts, row)
    _note_unknown_skus(db, asked, facts)
    return facts


def _add_position(facts: Facts, row: Sequence[Any]) -> None:
    sku, location, category, lo, balances, commitments, inbound, buffers, forecast = row
    if category is None:
        facts.unknown_skus.add(sku)
        return
    if lo is None:
        facts.unknown_locations.add(location)
        return
    location_type, methods, timezone, cutoff, lag = lo
    live = []
    for promised_date, commitment_class, units, stale in commitments or ():
        if stale:
            facts.stale_holds = True
        else:
            live.append(Commitment(date.fromisoformat(promised_date), commitment_class, units))
    facts.by_sku.setdefault(sku, {})[location] = PositionFacts(
        sku,
        location,
        category,
        location_type,
        methods,
        Calendar(timezone, None if cutoff is None else time.fromisoformat(cutoff), lag),
        dict(balances or ()),
        live,
        [Inbound(i, datetime.fromisoformat(at), s, u) for i, at, s, u in inbound or ()],
        {rule: _dated(first_day, units, run) for rule, first_day, units, run in buffers or ()},
        None if forecast is None else _dated(*forecast),
    )


def _dated(first_day: str, units: Sequence[float], run_id: str) -> DatedUnits:
    return DatedUnits(date.fromisoformat(first_day), units, run_id)


def _add_hold(facts: Facts, row: Sequence[Any]) -> None:
    sku, group, promised_date, method, excluded, units, stale = row
    if stale:
        facts.stale_holds = True
        return
    day = date.fromisoformat(promised_date)
    hold = GroupHold(group, day, units, method, frozenset(excluded))
    facts.holds.setdefault(sku, []).append(hold)


def _add_group(facts: Facts, row: Sequence[Any]) -> None:
    facts.groups[row[0]] = row[1] or []


def _add_bundle(facts: Facts, row: Sequence[Any]) -> None:
    facts.bundles[row[0]] = row[1]


def _add_rule(facts: Facts, row: Mapping[str, Any]) -> None:
    forecast = row["forecast"]
    names = (
        "rule_id", "sku", "category", "location", "location_type", "method", "channel",
        "quantity", "days_of_cover", "lookahead_days",
    )  # fmt: skip
    facts.rules.append(
        BufferRule(
            **{name: row[name] for name in names},
            from_forecast=forecast is not None,
            floor_units=int((forecast or {}).get("floor") or 0),
        )
    )


def _add_channel(facts: Facts, row: Sequence[Any]) -> None:
    facts.channels[row[0]] = ChannelTerms(*row[1:])


_ADD: dict[str, Callable[[Facts, Any], None]] = {
    "position": _add_position,
    "hold": _add_hold,
    "group": _add_group,
    "bundle": _add_bundle,
    "rule": _add_rule,
    "channel": _add_channel,
}


def _note_unknown_skus(db: psycopg.Connection, asked: Sequence[Place], facts: Facts) -> None:
    """A group without members has no position that would have shown whether the SKU exists."""
    unseen = {place.sku for place in asked if place.group and not facts.groups.get(place.group)}
    if unseen:
        found = db.execute("select sku from skus where sku = any (%s)", [list(unseen)])
        facts.unknown_skus |= unseen - {sku for (sku,) in found}


_READ = """
    select * from availability_facts(
        %(skus)s, %(locations)s, %(groups)s, %(channels)s, %(methods)s, %(states)s, %(now)s)
"""
