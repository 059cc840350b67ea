"""Filling pegs in PostgreSQL: goods that arrived are set aside for those who waited for them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

import psycopg
from psycopg.types.json import Jsonb

from inventory import asking, pegs
from inventory.asking import Question
from inventory.pegs import Claim
from inventory.projection import PEG
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
    filled line is an order for today: what it waited for is set aside. Where promises on groups
    bear on positions that are not held, the SKU is noted, and `inventory.store.announcements`
    fills it.
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
    fills = [
        (claim, units, today)
        for claim, units in pegs.filled(shelf, _claims(db, sku, shelf, now=now))
        if claim.promised_date <= (today := _today(shelf, claim)) or not due_only
    ]
    for claim, units, today in fills:
        _write(db, claim, units, sku=sku, today=today, now=now)
    return len(fills)


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
        r.order_id
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
        first_promised_date = case when promised_date > %(ready_on)s
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
            if claim.commitment_class == PEG and claim.confirmed
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
