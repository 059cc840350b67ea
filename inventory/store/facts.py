"""All stock facts behind an availability answer, read in one statement: one moment for all.

What is asked for is a list of (SKU, location) and (SKU, group). The statement explodes bundles,
adds the members of the groups, and the members of every group that has outstanding promises on one
of the SKUs: those promises bear on what a single location may give. Every position is then looked
up through its indexes, so that the cost does not grow with the tables.
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
with asked as materialized (
    select * from unnest(%(skus)s::text[], %(locations)s::text[], %(groups)s::text[])
        as k (sku, location, group_id)
),
parts as materialized (
    select distinct coalesce(b.component, a.sku) as sku, a.location, a.group_id
    from asked a left join bundles b on b.sku = a.sku
),
part_skus as materialized (select distinct sku from parts),
holds as materialized (
    select l.sku, l.group_id, l.promised_date, l.method, l.excluded_locations,
        coalesce(l.expires_at <= %(now)s, false) as stale, sum(l.open_units)::bigint as units
    from part_skus p join reservation_lines l on l.sku = p.sku
    where l.open_units > 0 and l.location is null
    group by 1, 2, 3, 4, 5, 6
),
rules as materialized (
    select * from buffer_rules r
    where (r.sku is null or r.sku in (select sku from part_skus))
        and (r.method is null or r.method = any (%(methods)s))
        and (r.channel is null or r.channel = any (%(channels)s))
),
allowance as materialized (
    select * from channels where channel = any (%(channels)s)
),
positions as materialized (
    select sku, location from parts where location is not null
    union
    select p.sku, m.location from parts p join group_members m on m.group_id = p.group_id
    union
    select h.sku, m.location from holds h join group_members m on m.group_id = h.group_id
    union
    -- An allowance to oversell counts once per SKU: all its locations matter.
    select b.sku, b.location from balances b join part_skus p on p.sku = b.sku
    where exists (select from allowance where oversell_units > 0)
)
select 'position', json_build_array(p.sku, p.location, s.category,
    (select json_build_array(lo.type, lo.methods, lo.timezone, lo.cutoff, lo.put_away_lag_days)
        from locations lo where lo.location = p.location),
    (select json_agg(json_build_array(b.status, b.units)) from balances b
        where b.sku = p.sku and b.location = p.location),
    (select json_agg(json_build_array(c.promised_date, c.class, c.units, c.stale))
        from (
            select l.promised_date, l.class, sum(l.open_units)::bigint as units,
                coalesce(l.expires_at <= %(now)s, false) as stale
            from reservation_lines l
            where l.sku = p.sku and l.location = p.location and l.open_units > 0
            group by l.promised_date, l.class, coalesce(l.expires_at <= %(now)s, false)
        ) c),
    (select json_agg(json_build_array(i.inbound_id, i.expected_at, i.state, i.quantity))
        from inbound i
        where i.sku = p.sku and i.location = p.location
            and i.state in ('planned', 'confirmed', 'shipped') and i.state = any (%(states)s)
            and i.quantity > 0),
    (select json_agg(json_build_array(f.rule_id, f.first_day, f.units, f.run_id))
        from forecast_buffers f join rules r on r.rule_id = f.rule_id
        where f.sku = p.sku and f.location = p.location),
    case when exists (select from rules where days_of_cover is not null) then (
        select json_build_array(n.first_day, f.mean_units, n.run_id)
        from current_forecasts c
        join forecasts f on f.sku = c.sku and f.location = c.location and f.run_id = c.run_id
        join forecast_runs n on n.run_id = c.run_id and n.period_days = 1
        where c.sku = p.sku and c.location = p.location) end)
from positions p left join skus s on s.sku = p.sku
union all
select 'hold', json_build_array(sku, group_id, promised_date, method, excluded_locations, units,
    stale) from holds
union all
select 'group', json_build_array(g.group_id,
    (select json_agg(m.location) from group_members m where m.group_id = g.group_id))
from groups g
where g.group_id in (select group_id from asked union select group_id from holds)
union all
select 'bundle', json_build_array(b.sku, json_object_agg(b.component, b.units))
from bundles b where b.sku in (select sku from asked) group by b.sku
union all
select 'rule', to_json(r) from rules r
union all
select 'channel', json_build_array(channel, soft_ttl_seconds, order_ttl_seconds, oversell_units)
from allowance
"""
