"""Promises that lost their supply: who loses, in order, and the day that is left for each."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg

from inventory import asking
from inventory.asking import HORIZON_DAYS, Question
from inventory.redating import days_left
from inventory.shortages import OpenLine, victims
from inventory.store import outbox
from inventory.store.facts import Facts, Place, read
from inventory.supply import SkuSupply

SHORTAGE = "shortage"


def report(db: psycopg.Connection, positions: Iterable[tuple[str, str]], *, now: datetime) -> int:
    """Say so where less is coming than was promised, naming who loses, in order.

    Call after a change of supply (a count, a loss, a late or cancelled inbound) in its transaction.
    One event per position whose look-ahead balance is below zero, and one per SKU whose promises on
    groups cannot all be located any more. Returns how many. Only positions with open promises are
    looked at, so that a large feed costs one look-up per position.
    """
    distinct = sorted(set(positions))
    columns = [[sku for sku, _ in distinct], [location for _, location in distinct]]
    promised = db.execute(_PROMISED, columns).fetchall()
    if not promised:
        return 0
    places = [Place(sku, location) for sku, location in promised]
    facts = read(db, places, channels=[], methods=[], now=now)
    asked = {(place.sku, place.location) for place in places}
    events = 0
    for sku in facts.by_sku:
        supply = unbuffered_supply(facts, sku, now=now)
        named = [location for location in supply.rows if (sku, location) in asked]
        found = short_at(db, supply, named, now=now)
        for short in found:
            _emit(db, supply, short, now=now)
        events += len(found)
    return events


_PROMISED = """
    select k.sku, k.location from unnest(%s::text[], %s::text[]) as k (sku, location)
    where exists (
        select from reservation_lines l
        where l.sku = k.sku and l.location = k.location and l.open_units > 0
    ) or exists (
        select from reservation_lines l
        join group_members m on m.group_id = l.group_id and m.location = k.location
        where l.sku = k.sku and l.open_units > 0 and l.location is null
    )
"""


def unbuffered_supply(facts: Facts, sku: str, *, now: datetime) -> SkuSupply:
    """All that is known of a SKU, as promises see it that were made already: without buffers."""
    question = Question(
        sku=sku,
        location=None,
        group=None,
        channel=None,
        method=None,
        positions=facts.by_sku[sku],
        groups=facts.groups,
        holds=facts.holds.get(sku, ()),
    )
    last_day = asking.check_horizon(HORIZON_DAYS, None, now=now)
    return asking.supplies_of([question], (), last_day=last_day, now=now)[0]


def in_use(facts: Facts, sku: str) -> set[tuple[str, str]]:
    """Positions of a SKU where something is, comes or was promised: others of a group bear on none.

    A member that never had the SKU has no balance either, and nothing to hold.
    """
    return {
        (sku, location)
        for location, position in facts.by_sku[sku].items()
        if position.on_hand_units or position.commitments or position.inbound or position.pre_sales
    }


@dataclass(frozen=True, slots=True)
class Short:
    """Promises that cannot all be kept, and who loses how many units, in order."""

    victims: Sequence[tuple[OpenLine, int]]
    day: date
    location: str | None = None
    groups: Collection[str] = ()


def short_at(
    db: psycopg.Connection, supply: SkuSupply, locations: Iterable[str], *, now: datetime
) -> list[Short]:
    """What is short at these locations, and at most once on groups."""
    at_locations = [_short_position(db, supply, location, now=now) for location in locations]
    return [short for short in [*at_locations, _short_groups(db, supply, now=now)] if short]


def _short_position(
    db: psycopg.Connection, supply: SkuSupply, location: str, *, now: datetime
) -> Short | None:
    projected = supply.projection.projected[supply.rows[location]]
    short = -int(projected.min())
    if short <= 0:
        return None
    day = supply.projection.date(int(projected.argmin()))
    lines = _open_lines(db, supply.sku, day, location=location, now=now)
    return Short(victims(lines, short), day, location)


def _short_groups(db: psycopg.Connection, supply: SkuSupply, *, now: datetime) -> Short | None:
    """The tightest cut of all promises on groups."""
    promises = supply.promises
    if not promises:
        return None
    cut = supply.tightest_cut(promises)
    if cut.slack_units >= 0:
        return None
    groups = sorted({promises[promise].name for promise, _ in cut.joined})
    day = supply.projection.date(max(at for _, at in cut.joined))
    lines = _open_lines(db, supply.sku, day, groups=groups, now=now)
    return Short(victims(lines, -cut.slack_units), day, groups=groups)


def _open_lines(
    db: psycopg.Connection,
    sku: str,
    day: date,
    *,
    location: str | None = None,
    groups: Collection[str] = (),
    now: datetime,
) -> list[OpenLine]:
    """Live lines for that day or before: at the location, or waiting on the groups."""
    rows = db.execute(
        _LINES,
        {"sku": sku, "day": day, "location": location, "groups": list(groups), "now": now},
    )
    return [OpenLine(*row) for row in rows]


_LINES = """
    select r.reservation_id, r.order_id, l.class, l.open_units, r.priority, r.sequence,
        l.expires_at, l.promised_date, l.method, l.location, l.group_id, l.excluded_locations
    from reservation_lines l join reservations r on r.reservation_id = l.reservation_id
    where l.sku = %(sku)s and l.open_units > 0 and l.promised_date <= %(day)s
        and (l.expires_at is null or l.expires_at > %(now)s)
        and (l.location = %(location)s or (l.location is null and l.group_id = any (%(groups)s)))
    order by r.sequence, l.line_no
"""


def _emit(db: psycopg.Connection, supply: SkuSupply, short: Short, *, now: datetime) -> None:
    payload = {
        "short_units": sum(units for _, units in short.victims),
        "date": short.day.isoformat(),
        "groups": list(short.groups),
        "victims": [
            {
                "reservation": line.reservation_id,
                "order": line.order_id,
                "class": line.commitment_class,
                "units": units,
                "promised_date": line.promised_date.isoformat(),
                "new_date": None if left is None else left.isoformat(),
            }
            for (line, units), left in zip(
                short.victims, days_left(supply, short.victims), strict=True
            )
        ],
    }
    outbox.emit(
        db, kind=SHORTAGE, payload=payload, now=now, sku=supply.sku, location=short.location
    )
