"""What others are told of positions: thresholds crossed, and promises that lost their supply.

Whoever changes what is free at a position holds its sellable balance, and calls `announce` before
letting go: an event follows when the change crossed a threshold, and only then. Ids of events rise
in the order in which a position changed, because they are taken under that lock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from inventory import asking
from inventory.asking import HORIZON_DAYS, Question
from inventory.shortages import OpenLine, victims
from inventory.store import outbox
from inventory.store.facts import COUNTED_INBOUND_STATES, Facts, Place, read
from inventory.supply import SkuSupply
from inventory.thresholds import event_kind, stock_state

SHORTAGE = "shortage"


class _Crossing(NamedTuple):
    """A position as others know it, and the units that are free there now."""

    sku: str
    location: str
    announced: str
    low_units: int | None
    free_units: int
    grouped: bool

    @property
    def state(self) -> str:
        return stock_state(self.free_units, self.low_units)


def announce(
    db: psycopg.Connection,
    positions: Iterable[tuple[str, str]],
    *,
    now: datetime,
    cause: str | None = None,
) -> int:
    """Tell others which of these positions ran low, ran out, or came back; returns how many did.

    Call once per transaction, after the last change, holding the sellable balances of `positions`
    (SKU, location). What is free is judged as it stands then: on hand, dated supply, orders and
    live holds, before any buffer, and leaving room for promises on groups. Any number of positions
    is one statement, and a second one where something crossed. `cause` goes into the event.
    """
    columns = _columns(positions)
    if not columns[0]:
        return 0
    found = db.execute(_CROSSINGS, [*columns, list(COUNTED_INBOUND_STATES), now])
    near = [_Crossing(*row) for row in found]
    grouped = [position for position in near if position.grouped]
    crossed = [position for position in near if not position.grouped]
    if grouped:
        crossed += _beside_group_promises(db, grouped, now=now)
    if crossed:
        _tell(db, sorted(crossed), now=now, cause=cause)
    return len(crossed)


_CROSSINGS = "select * from announced_crossings(%s, %s, %s, %s)"


def _beside_group_promises(
    db: psycopg.Connection, positions: Sequence[_Crossing], *, now: datetime
) -> list[_Crossing]:
    """Those that crossed, when room is left for what groups were promised around them.

    Positions that nobody holds here may have crossed with them: their SKUs are noted for
    `inventory.store.announcements`.
    """
    asked = defaultdict(list)
    for position in positions:
        asked[position.sku].append(position)
    places = [Place(position.sku, position.location) for position in positions]
    facts = read(db, places, channels=[], methods=[], now=now)
    crossed = []
    for sku, here in asked.items():
        supply = _supply(facts, sku, now=now)
        for position in here:
            taking = supply.at_location(position.location)
            known = position._replace(free_units=int(taking.raw[taking.day_zero]))
            if known.state != known.announced:
                crossed.append(known)
    beyond = [sku for sku, here in asked.items() if len(facts.by_sku[sku]) > len(here)]
    outbox.look_again(db, beyond, now=now)
    return crossed


def _tell(
    db: psycopg.Connection, crossed: Sequence[_Crossing], *, now: datetime, cause: str | None
) -> None:
    rows = [
        (
            position.sku,
            position.location,
            position.state,
            event_kind(position.announced, position.state),
            Jsonb(
                {
                    "free_units": position.free_units,
                    "low_units": position.low_units,
                    "from": position.announced,
                    "to": position.state,
                    "cause": cause,
                }
            ),
        )
        for position in crossed
    ]
    db.execute(_TELL, [*map(list, zip(*rows, strict=True)), now])


_TELL = """
    with told as (
        select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[])
            with ordinality as k (sku, location, state, kind, payload, place)
    ), remembered as (
        update balances b set announced = t.state from told t
        where b.sku = t.sku and b.location = t.location and b.status = 'available'
    )
    insert into outbox (kind, sku, location, payload, created_at)
    select kind, sku, location, payload, %s from told order by place
"""


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
    outbox.emit(db, kind=SHORTAGE, payload=payload, now=now, sku=sku, location=location)
