"""Events for others, written in the transaction that made them true (an outbox)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime

import psycopg
from psycopg.types.json import Jsonb

from inventory import asking
from inventory.asking import HORIZON_DAYS, Question
from inventory.shortages import OpenLine, victims
from inventory.store.facts import Facts, Place, read
from inventory.supply import SkuSupply

SHORTAGE = "shortage"


def emit(
    db: psycopg.Connection,
    *,
    kind: str,
    payload: Mapping[str, object],
    now: datetime,
    sku: str | None = None,
    location: str | None = None,
) -> None:
    """Append an event. Runs inside the caller's transaction."""
    db.execute(
        "insert into outbox (kind, sku, location, payload, created_at) values (%s, %s, %s, %s, %s)",
        [kind, sku, location, Jsonb(payload), now],
    )


def report_shortages(
    db: psycopg.Connection, positions: Iterable[tuple[str, str]], *, now: datetime
) -> int:
    """Say so where less is coming than was promised, naming who loses, in order.

    Call after a change of supply (a count, a loss, a late or cancelled inbound) in its transaction.
    One event per position whose look-ahead balance is below zero, and one per SKU whose promises on
    groups cannot all be located any more. Returns how many. Only positions with open promises are
    looked at, so that a large feed costs one look-up per position.
    """
    promised = db.execute(_PROMISED, _columns(positions)).fetchall()
    if not promised:
        return 0
    places = [Place(sku, location) for sku, location in promised]
    facts = read(db, places, channels=[], methods=[], now=now)
    asked = {(place.sku, place.location) for place in places}
    events = 0
    for sku in facts.by_sku:
        supply = _supply(facts, sku, now=now)
        named = [location for location in supply.rows if (sku, location) in asked]
        events += sum(_report_position(db, supply, location, now=now) for location in named)
        events += _report_groups(db, supply, now=now)
    return events


def _columns(positions: Iterable[tuple[str, str]]) -> list[list[str]]:
    distinct = sorted(set(positions))
    return [[sku for sku, _ in distinct], [location for _, location in distinct]]


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


def _supply(facts: Facts, sku: str, *, now: datetime) -> SkuSupply:
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


def _report_position(
    db: psycopg.Connection, supply: SkuSupply, location: str, *, now: datetime
) -> int:
    projected = supply.projection.projected[supply.rows[location]]
    short = -int(projected.min())
    if short <= 0:
        return 0
    day = supply.projection.date(int(projected.argmin()))
    lines = db.execute(
        _LINES + " and l.location = %s order by r.sequence", [supply.sku, day, now, location]
    )
    _emit_shortage(
        db, lines, sku=supply.sku, location=location, short_units=short, day=day, now=now
    )
    return 1


def _report_groups(db: psycopg.Connection, supply: SkuSupply, *, now: datetime) -> int:
    """At most one event: the tightest cut of all promises on groups."""
    promises = supply.promises
    if not promises:
        return 0
    cut = supply.tightest_cut(promises)
    if cut.slack_units >= 0:
        return 0
    groups = sorted({promises[promise].name for promise, _ in cut.joined})
    day = supply.projection.date(max(at for _, at in cut.joined))
    lines = db.execute(
        _LINES + " and l.location is null and l.group_id = any (%s) order by r.sequence",
        [supply.sku, day, now, groups],
    )
    _emit_shortage(
        db,
        lines,
        sku=supply.sku,
        location=None,
        short_units=-cut.slack_units,
        day=day,
        now=now,
        groups=groups,
    )
    return 1


_LINES = """
    select r.reservation_id, r.order_id, l.class, l.open_units, r.priority, r.sequence, l.expires_at
    from reservation_lines l join reservations r on r.reservation_id = l.reservation_id
    where l.sku = %s and l.open_units > 0 and l.promised_date <= %s
        and (l.expires_at is null or l.expires_at > %s)
"""


def _emit_shortage(
    db: psycopg.Connection,
    lines: Iterable[tuple[object, ...]],
    *,
    sku: str,
    location: str | None,
    short_units: int,
    day: date,
    now: datetime,
    groups: Collection[str] = (),
) -> None:
    chosen = victims((OpenLine(*line) for line in lines), short_units)  # type: ignore[arg-type]
    payload = {
        "short_units": short_units,
        "date": day.isoformat(),
        "groups": list(groups),
        "victims": [
            {
                "reservation": line.reservation_id,
                "order": line.order_id,
                "class": line.commitment_class,
                "units": units,
            }
            for line, units in chosen
        ],
    }
    emit(db, kind=SHORTAGE, payload=payload, now=now, sku=sku, location=location)
