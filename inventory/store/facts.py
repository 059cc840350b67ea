"""All stock facts behind an availability answer, read in one statement: one moment for all.

What is asked for is a list of (SKU, location) and (SKU, group). The statement, a function in the
database, explodes bundles, adds the members of the groups, and the members of every group that has
outstanding promises on one of the SKUs: those promises bear on what a single location may give.
Every position is then looked up through its indexes: the cost does not grow with the tables. Rows
come back flat, and what positions share (a location and its calendar) is built once for all.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import TransactionStatus

from inventory.buffer_rules import BufferRule, DatedUnits
from inventory.calendar import Calendar
from inventory.channel_supply import ChannelSupply
from inventory.errors import NotFound, UnknownLocation, UnknownSku
from inventory.ledger import AVAILABLE
from inventory.projection import Commitment, Inbound, PositionFacts
from inventory.store import channel_supply
from inventory.store.database import snapshot
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


Location = tuple[str, tuple[str, ...], Calendar]
"""Its type, its methods and its calendar."""


@dataclass(slots=True)
class Facts:
    """Everything that was read, by name."""

    by_sku: dict[str, dict[str, PositionFacts]] = field(default_factory=dict)
    """Positions by SKU and location."""
    locations: dict[str, Location] = field(default_factory=dict)
    """Every location that bears on the answers."""
    holds: dict[str, list[GroupHold]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    bundles: dict[str, dict[str, int]] = field(default_factory=dict)
    ship_together: set[str] = field(default_factory=set)
    """Bundles asked of a group whose components must leave from one location."""
    rules: list[BufferRule] = field(default_factory=list)
    channels: dict[str, ChannelTerms] = field(default_factory=dict)
    stale_holds: bool = False
    """Some hold here expired and nobody wrote that down yet. It is not counted."""
    is_limited: bool = False
    """Supply links, stock set aside or a pre-sale may bear on the answers."""
    channel_supply: ChannelSupply | None = None
    """The links that do; None where there are none."""
    vendor_dated: set[str] = field(default_factory=set)
    """Locations from which a SKU leaves after the lead time of its vendor."""
    unknown_skus: set[str] = field(default_factory=set)
    unknown_locations: set[str] = field(default_factory=set)

    def position(self, sku: str, location: str) -> PositionFacts | None:
        """What was read of a position; None where it is unknown."""
        return self.by_sku.get(sku, {}).get(location)

    def check(self, place: Place) -> None:
        """Raise unless the place that was asked for exists."""
        if place.group is None and not self.unknown_skus and not self.unknown_locations:
            return
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
    with_statuses: bool = False,
) -> Facts:
    """Read the facts. What is unknown is noted: see `Facts.check`.

    `with_statuses`: also the units that are not for sale, which only an explanation names.
    """
    asked = list(dict.fromkeys(places))
    named = {channel for channel in channels if channel is not None}
    wanted = list(methods)

    def stock() -> Facts:
        return _read_stock(
            db, asked, channels=named, methods=wanted, now=now, with_statuses=with_statuses
        )

    facts = stock()
    if not facts.is_limited:
        return facts
    if db.info.transaction_status != TransactionStatus.IDLE:
        _read_channel_supply(db, facts, named, now=now)
        return facts
    with snapshot(db):  # What was read and what limits it are of one moment.
        facts = stock()
        _read_channel_supply(db, facts, named, now=now)
    return facts


def _read_channel_supply(
    db: psycopg.Connection, facts: Facts, channels: set[str], *, now: datetime
) -> None:
    found = channel_supply.read(db, facts.by_sku, channels=channels, now=now)
    facts.channel_supply = found if found.links or found.linked else None


def _read_stock(
    db: psycopg.Connection,
    asked: Sequence[Place],
    *,
    channels: set[str],
    methods: Iterable[str | None],
    now: datetime,
    with_statuses: bool,
) -> Facts:
    parameters = [
        [place.sku for place in asked],
        [place.location for place in asked],
        # Shorter than the others where no group is asked for: the rest counts as null.
        [place.group for place in asked] if any(place.group for place in asked) else [],
        sorted(channels),
        rule_methods(methods),
        list(COUNTED_INBOUND_STATES),
        now,
        with_statuses,
    ]
    facts = facts_of(db.execute(_READ, parameters, binary=True).fetchall())
    _note_unknown(db, asked, facts)
    date_vendors(db, facts)
    if facts.bundles and any(place.group is not None for place in asked):
        found = db.execute(_TOGETHER, [list(facts.bundles)])
        facts.ship_together.update(sku for (sku,) in found)
    return facts


Row = tuple[Any, ...]
"""(kind, SKU, place, units, day, word, moment, detail): which are set depends on the kind. But that
of `positions` is four columns side by side: SKUs, locations, balances and categories."""


def rule_methods(methods: Iterable[str | None]) -> list[str]:
    """The methods whose rules may bear: a parcel is a parcel, from a store or not."""
    wanted = {method for method in methods if method is not None}
    if wanted & {"ship", "sfs"}:
        wanted |= {"ship", "sfs"}
    return sorted(wanted)


def facts_of(rows: Iterable[Row]) -> Facts:
    """Facts from the rows of the statement."""
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row[0], []).append(row[8:] if row[0] == "positions" else row[:8])
    facts = Facts()
    for kind, take in _TAKE.items():
        if kind in by_kind:
            take(facts, by_kind[kind])
    return facts


def _take_locations(facts: Facts, rows: Sequence[Row]) -> None:
    for _, _, location, _, _, told, _, _ in rows:
        vendor_dated, facts.locations[location] = _location(told)
        if vendor_dated:
            facts.vendor_dated.add(location)


@lru_cache(maxsize=4096)
def _location(told: str) -> tuple[bool, Location]:
    """A row of `locations`, as JSON text: read once for as long as it says the same."""
    row = json.loads(told)
    cutoff = row["cutoff"]
    calendar = Calendar(
        row["timezone"],
        None if cutoff is None else time.fromisoformat(cutoff),
        row["put_away_lag_days"],
        row["handling_days"] or 0,
    )
    vendor_dated = row["type"] == "vendor" and row["handling_days"] is None
    return vendor_dated, (row["type"], tuple(row["methods"]), calendar)


def _take_positions(facts: Facts, rows: Sequence[Row]) -> None:
    by_sku, locations = facts.by_sku, facts.locations
    for sku, location, units, category in zip(*rows[0], strict=True):
        place = locations.get(location)
        if category is None:
            facts.unknown_skus.add(sku)
        elif place is None:
            facts.unknown_locations.add(location)
        else:
            known = by_sku.get(sku)
            if known is None:
                known = by_sku[sku] = {}
            on_hand: dict[str, int] = {} if units is None else {AVAILABLE: units}
            known[location] = PositionFacts(sku, location, category, *place, on_hand)


def _take_statuses(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, location, units, _, status, _, _ in rows:
        if position := facts.position(sku, location):
            position.on_hand_units = {**position.on_hand_units, status: units}


def _take_commitments(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, location, units, promised_date, commitment_class, _, _ in rows:
        if position := facts.position(sku, location):
            commitment = Commitment(promised_date, commitment_class, units)
            position.commitments = [*position.commitments, commitment]


def _take_inbound(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, location, units, _, inbound_id, expected_at, state in rows:
        if position := facts.position(sku, location):
            inbound = Inbound(inbound_id, expected_at, state, units)
            position.inbound = [*position.inbound, inbound]


def _take_buffers(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, location, _, first_day, rule_id, _, (units, run_id) in rows:
        if position := facts.position(sku, location):
            buffer = DatedUnits(first_day, units, run_id)
            position.computed_buffers = {**position.computed_buffers, rule_id: buffer}


def _take_forecasts(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, location, _, first_day, run_id, _, mean_units in rows:
        if position := facts.position(sku, location):
            position.forecast = DatedUnits(first_day, mean_units, run_id)


def _take_stale(facts: Facts, _rows: Sequence[Row]) -> None:
    facts.stale_holds = True


def _take_holds(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, group, units, promised_date, method, _, excluded in rows:
        hold = GroupHold(group, promised_date, units, method, frozenset(excluded))
        facts.holds.setdefault(sku, []).append(hold)


def _take_groups(facts: Facts, rows: Sequence[Row]) -> None:
    for _, _, group, *_, members in rows:
        facts.groups[group] = members or []


def _take_bundles(facts: Facts, rows: Sequence[Row]) -> None:
    for _, sku, component, units, *_ in rows:
        facts.bundles.setdefault(sku, {})[component] = units


def _take_rules(facts: Facts, rows: Sequence[Row]) -> None:
    facts.rules += [_rule(told) for _, _, _, _, _, told, _, _ in rows]


@lru_cache(maxsize=4096)
def _rule(told: str) -> BufferRule:
    """A row of `buffer_rules`, as JSON text: read once for as long as it says the same."""
    rule = json.loads(told)
    forecast = rule["forecast"]
    return BufferRule(
        **{name: rule[name] for name in _RULE_FIELDS},
        from_forecast=forecast is not None,
        floor_units=int((forecast or {}).get("floor") or 0),
    )


_RULE_FIELDS = (
    "rule_id", "sku", "category", "location", "location_type", "method", "channel",
    "quantity", "days_of_cover", "lookahead_days",
)  # fmt: skip


def _take_channels(facts: Facts, rows: Sequence[Row]) -> None:
    for _, _, channel, oversell_units, _, _, _, (soft_seconds, order_seconds) in rows:
        facts.channels[channel] = ChannelTerms(soft_seconds, order_seconds, oversell_units)


def _take_limited(facts: Facts, _rows: Sequence[Row]) -> None:
    facts.is_limited = True


Take = Callable[[Facts, Sequence[Row]], None]

DATED: dict[str, Take] = {
    "commitment": _take_commitments,
    "inbound": _take_inbound,
    "buffer": _take_buffers,
    "forecast": _take_forecasts,
}
"""What to do with what is dated at a position that was taken already."""

_TAKE: dict[str, Take] = {
    "location": _take_locations,
    "positions": _take_positions,
    "status": _take_statuses,
    "stale": _take_stale,
    **DATED,
    "hold": _take_holds,
    "group": _take_groups,
    "bundle": _take_bundles,
    "rule": _take_rules,
    "channel": _take_channels,
    "limited": _take_limited,
}
"""What to do with the rows of each kind, in this order."""


def _note_unknown(db: psycopg.Connection, asked: Sequence[Place], facts: Facts) -> None:
    """A group without members has no position that would have shown whether the SKU exists."""
    unseen = {place.sku for place in asked if place.group and not facts.groups.get(place.group)}
    if unseen:
        found = db.execute("select sku from skus where sku = any (%s)", [list(unseen)])
        facts.unknown_skus |= unseen - {sku for (sku,) in found}


def date_vendors(db: psycopg.Connection, facts: Facts) -> None:
    """Stock at a vendor's can leave when the vendor of the SKU had the time to send it."""
    if not facts.vendor_dated:
        return
    found = db.execute(_VENDOR_DAYS, [sorted(facts.by_sku)])
    for sku, days in found:
        for location in facts.vendor_dated:
            if position := facts.position(sku, location):
                position.calendar = replace(position.calendar, handling_days=days)


_TOGETHER = "select distinct sku from bundles where sku = any (%s) and ship_together"
_VENDOR_DAYS = """
    select s.sku, ceil(v.lead_time_days)::int from skus s join vendors v on v.vendor = s.vendor
    where s.sku = any (%s)
"""

_READ = "select * from stock_facts(%b, %b, %b, %s, %s, %s, %s, %s)"
