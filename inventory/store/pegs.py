"""Filling pegs in PostgreSQL: goods that arrived are set aside for those who waited for them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from inventory import asking, pegs
from inventory.asking import HORIZON_DAYS, Question
from inventory.pegs import Claim
from inventory.projection import PEG, Commitment, PositionFacts
from inventory.redating import sooner
from inventory.store import outbox
from inventory.store.facts import Facts, Place, read
from inventory.store.shortages import in_use, unbuffered_supply
from inventory.supply import SkuSupply

PEG_FILLED = "peg_filled"
SOONER = "sooner_possible"


def fill(
    db: psycopg.Connection,
    positions: Collection[tuple[str, str]],
    *,
    now: datetime,
    due_only: bool = False,
) -> int:
    """Deal out what is on the shelf there to confirmed pegs; returns how many lines were filled.

    Call where goods came, holding the sellable balances of `positions`; or, `due_only`, where some
    were given up by others: then a peg whose day has not come leaves them to who buys today. A
    filled line is an order for today, or for its launch: what it waited for is set aside. Where
    promises on groups bear on positions that are not held, the SKU is noted, and
    `inventory.store.announcements` fills it.
    """
    waiting = _waiting(db, {sku for sku, _ in positions})
    if not waiting:
        return 0
    held = {(sku, location) for sku, location in positions if sku in waiting}
    facts = read(db, [Place(*place) for place in held], channels=[], methods=[], now=now)
    count = 0
    for sku in facts.by_sku:
        if in_use(facts, sku) <= held:
            count += _fill_sku(db, facts, sku, now=now, due_only=due_only)
        else:
            outbox.look_again(db, [sku], now=now)
    return count


def _waiting(db: psycopg.Connection, skus: Collection[str]) -> set[str]:
    found = db.execute(
        "select distinct sku from reservation_lines "
        "where class = 'peg' and open_units > 0 and expires_at is null and sku = any (%s)",
        [sorted(skus)],
    )
    return {sku for (sku,) in found}


def _fill_sku(
    db: psycopg.Connection, facts: Facts, sku: str, *, now: datetime, due_only: bool
) -> int:
    shelf = _shelf(facts, sku, now=now)
    claims = [
        _with_launch(facts, sku, claim, now=now) for claim in _claims(db, sku, shelf, now=now)
    ]
    if due_only or not any(claim.launch for claim in claims):
        found = pegs.filled(shelf, claims)
    else:
        ahead = _ahead(facts, sku, now=now)
        found = pegs.filled(shelf, claims, ahead=ahead, came_units=_came(db, sku))
    fills = [
        (claim, units, today)
        for claim, units in found
        if claim.promised_date <= (today := _today(shelf, claim)) or not due_only
    ]
    for claim, units, today in fills:
        _write(db, claim, units, sku=sku, today=today, now=now)
    return len(fills)


def watch(db: psycopg.Connection, positions: Collection[tuple[str, str]], *, now: datetime) -> None:
    """From here on what comes to these positions may be kept for a launch.

    Call before a promise that is sold ahead is written, holding the positions. Where others wait
    already nothing changes: what came is dealt out to them as it comes.
    """
    if positions:
        columns = [list(column) for column in zip(*sorted(set(positions)), strict=True)]
        db.execute(_WATCH, [*columns, now])


# Entries of a position are numbered under its lock: those to come are beyond the last given number.
_WATCH = """
    insert into pre_sale_arrivals as a (sku, location, through_entry_id)
    select k.sku, k.location, s.last_value
    from unnest(%s::text[], %s::text[]) as k (sku, location) cross join entries_entry_id_seq s
    on conflict (sku, location) do update set through_entry_id = excluded.through_entry_id
    where not exists (
        select from reservation_lines l
        where l.sku = a.sku and l.location = a.location and l.pre_sale_id is not null
            and l.class = 'peg' and l.open_units > 0
            and (l.expires_at is null or l.expires_at > %s)
    )
"""


def _came(db: psycopg.Connection, sku: str) -> dict[str, int]:
    """What came to each place since it was last dealt out, and is being dealt out now."""
    return dict(db.execute(_CAME, [sku, sku]).fetchall())


_CAME = """
    with came as (
        select a.location, sum(e.units)::bigint as units, max(e.entry_id) as entry_id
        from pre_sale_arrivals a join entries e
            on position_key(e.sku, e.location) = position_key(a.sku, a.location)
            and e.sku = a.sku and e.location = a.location
        where a.sku = %s and e.status = 'available' and e.units > 0
            and e.entry_id > a.through_entry_id
        group by a.location
    ), dealt_out as (
        update pre_sale_arrivals a set through_entry_id = c.entry_id
        from came c where a.sku = %s and a.location = c.location
    )
    select location, units from came
"""


def _with_launch(facts: Facts, sku: str, claim: Claim, *, now: datetime) -> Claim:
    """The claim with the launch it waits for, unless that day is over: then it is due like any."""
    if claim.pre_sale is None or claim.location is None or claim.commitment_class != PEG:
        return claim
    position = facts.by_sku[sku][claim.location]
    day_zero = position.calendar.day_of(now)
    for sale in position.pre_sales:
        if sale.pre_sale_id == claim.pre_sale and sale.available_on >= day_zero:
            return replace(claim, launch=sale.available_on)
    return claim


def _ahead(facts: Facts, sku: str, *, now: datetime) -> SkuSupply:
    """The days to come without what is sold ahead and still waits, and without any buffer."""
    bare = {
        location: _without_pre_sales(position, now=now)
        for location, position in facts.by_sku[sku].items()
    }
    question = Question(
        sku, None, None, None, None,
        positions=bare, groups=facts.groups, holds=facts.holds.get(sku, ()),
    )  # fmt: skip
    launches = [
        sale.available_on for known in facts.by_sku[sku].values() for sale in known.pre_sales
    ]
    furthest = now.date() + timedelta(days=asking.HORIZON_DAYS_MAX)
    last_day = max(
        [asking.check_horizon(HORIZON_DAYS, None, now=now)]
        + [day for day in launches if day <= furthest]
    )
    return asking.supplies_of([question], (), last_day=last_day, now=now)[0]


def _without_pre_sales(position: PositionFacts, *, now: datetime) -> PositionFacts:
    if not position.pre_sales:
        return position
    day_zero = position.calendar.day_of(now)
    waiting = [
        Commitment(part.promised_date, PEG, -part.waiting_units)
        for sale in position.pre_sales
        if sale.available_on >= day_zero
        for part in sale.sold
    ]
    return replace(position, pre_sales=(), commitments=[*position.commitments, *waiting])


def _shelf(facts: Facts, sku: str, *, now: datetime) -> SkuSupply:
    """What is on hand, as if nothing were promised and nothing to come."""
    bare = {
        location: replace(position, commitments=(), inbound=(), pre_sales=())
        for location, position in facts.by_sku[sku].items()
    }
    question = Question(sku, None, None, None, None, positions=bare, groups=facts.groups)
    return asking.supplies_of([question], (), last_day=now.date(), now=now)[0]


def _claims(db: psycopg.Connection, sku: str, supply: SkuSupply, *, now: datetime) -> list[Claim]:
    values = {"sku": sku, "locations": list(supply.rows), "now": now}
    return [Claim(*row) for row in db.execute(_CLAIMS, values)]


_CLAIMS = """
    select l.reservation_id, l.line_no, l.class, l.open_units, l.promised_date, r.priority,
        r.sequence, l.location, l.group_id, l.method, l.excluded_locations, l.expires_at is null,
        r.order_id, l.pre_sale_id
    from reservation_lines l join reservations r on r.reservation_id = l.reservation_id
    where l.sku = %(sku)s and l.open_units > 0
        and (l.location is null or l.location = any (%(locations)s))
        and (l.expires_at is null or l.expires_at > %(now)s)
"""


def _today(shelf: SkuSupply, claim: Claim) -> date:
    """The first day on which goods for a claim can leave."""
    projection = shelf.projection
    if claim.location is not None:
        return projection.date(projection.opens[shelf.rows[claim.location]])
    assert claim.group is not None
    asked = shelf.in_group(claim.group, claim.method, claim.excluded).asked
    return projection.date(min(projection.opens[row] for row in asked))


def _write(
    db: psycopg.Connection, claim: Claim, units: int, *, sku: str, today: date, now: datetime
) -> None:
    rest = claim.units - units
    ready_on = min(claim.promised_date, today)
    if claim.launch is not None:
        ready_on = max(ready_on, claim.launch)
    line = {
        "id": claim.reservation_id,
        "line": claim.line_no,
        "units": units,
        "ready_on": ready_on,
        "now": now,
    }
    if rest:
        db.execute(_SPLIT, line)
    db.execute(_FILL, line)
    payload = {
        "reservation": claim.reservation_id,
        "order": claim.order_id,
        "line": claim.line_no,
        "group": claim.group if claim.location is None else None,
        "units": units,
        "waiting_units": rest,
        "promised_date": claim.promised_date.isoformat(),
        "ready_on": ready_on.isoformat(),
    }
    db.execute(_NOTE, {"id": claim.reservation_id, "now": now, "body": Jsonb(payload)})
    outbox.emit(db, kind=PEG_FILLED, payload=payload, now=now, sku=sku, location=claim.location)


# The rest becomes a line of its own, with everything else that the line had.
_SPLIT = """
    with next as (
        select max(line_no) + 1 as line_no from reservation_lines where reservation_id = %(id)s
    ), kept as (
        select l.*, next.line_no as rest_no from reservation_lines l, next
        where l.reservation_id = %(id)s and l.line_no = %(line)s
    )
    insert into reservation_lines
    select (jsonb_populate_record(null::reservation_lines, to_jsonb(k) || jsonb_build_object(
        'line_no', k.rest_no, 'quantity', k.open_units - %(units)s,
        'open_units', k.open_units - %(units)s, 'shipped_units', 0, 'returned_units', 0))).*
    from kept k
"""

_FILL = """
    update reservation_lines set class = 'hard', filled_at = %(now)s,
        quantity = quantity - (open_units - %(units)s), open_units = %(units)s,
        first_promised_date = case when promised_date <> %(ready_on)s
            then coalesce(first_promised_date, promised_date) else first_promised_date end,
        promised_date = %(ready_on)s
    where reservation_id = %(id)s and line_no = %(line)s
"""

_NOTE = """
    insert into reservation_events (reservation_id, act, from_state, to_state, at, body)
    select reservation_id, 'fill', state, state, %(now)s, %(body)s
    from reservations where reservation_id = %(id)s
"""


def report_sooner(
    db: psycopg.Connection, positions: Collection[tuple[str, str]], *, now: datetime
) -> int:
    """Say which confirmed pegs could have an earlier day, now that more or earlier supply comes.

    One event per SKU, with the days in the order of serving; dates move when somebody asks
    (`redate`). Returns how many events. The sellable balances of `positions` are held.
    """
    waiting = _waiting(db, {sku for sku, _ in positions})
    if not waiting:
        return 0
    places = [Place(*place) for place in positions if place[0] in waiting]
    facts = read(db, places, channels=[], methods=[], now=now)
    count = 0
    for sku in facts.by_sku:
        supply = unbuffered_supply(facts, sku, now=now)
        claims = [
            claim
            for claim in _claims(db, sku, supply, now=now)
            # What is sold ahead is not to be had before its launch.
            if claim.commitment_class == PEG and claim.confirmed and claim.pre_sale is None
        ]
        if found := sooner(supply, claims):
            payload = {"lines": [_offer(claim, day) for claim, day in found]}
            outbox.emit(db, kind=SOONER, payload=payload, now=now, sku=sku)
            count += 1
    return count


def _offer(claim: Claim, day: date) -> dict[str, object]:
    return {
        "reservation": claim.reservation_id,
        "order": claim.order_id,
        "line": claim.line_no,
        "location": claim.location,
        "units": claim.units,
        "promised_date": claim.promised_date.isoformat(),
        "new_date": day.isoformat(),
    }
