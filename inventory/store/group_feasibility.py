"""Whether all promises on groups can still be located, each with a unit of stock of its own.

A promise set that cannot be is right only where supply fell and an event said who loses. Most are
told apart in one statement: where the members of each group have as much on the shelf, beside all
that is promised at them, as is promised of the SKU on all groups together, everybody is served. The
others are worked out one by one.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import psycopg

from inventory.store.facts import Facts, Place, read
from inventory.store.shortages import SHORTAGE, unbuffered_supply

SKUS_AT_ONCE = 200


def broken(db: psycopg.Connection) -> list[tuple[str, int, int]]:
    """Promises that cannot all be located, though nobody was told.

    Per SKU: which groups, the units promised on them, and how many of these can be located. As of
    the last thing that was recorded: what ends or falls due afterwards is not known to anybody yet.
    """
    (now,) = db.execute(_LAST_RECORDED).fetchone() or (None,)
    if now is None:
        return []
    suspects: dict[str, tuple[list[str], int]] = {
        sku: (groups, oversell_units)
        for sku, groups, oversell_units in db.execute(_SUSPECTS, {"now": now, "shortage": SHORTAGE})
    }
    skus = sorted(suspects)
    found = []
    for i in range(0, len(skus), SKUS_AT_ONCE):
        part = {sku: suspects[sku] for sku in skus[i : i + SKUS_AT_ONCE]}
        found += _broken(db, part, now=now)
    return found


def _broken(
    db: psycopg.Connection, suspects: dict[str, tuple[list[str], int]], *, now: datetime
) -> list[tuple[str, int, int]]:
    places = [Place(sku, None, group) for sku, (groups, _) in suspects.items() for group in groups]
    facts = read(db, places, channels=[], methods=[], now=now)
    found = []
    for sku, (_, oversell_units) in suspects.items():
        _forgive_the_clock(facts, sku, now=now)
        supply = unbuffered_supply(facts, sku, now=now)
        promises = supply.promises
        if not promises:
            continue
        cut = supply.tightest_cut(promises)
        if cut.slack_units >= -oversell_units:
            continue
        joined = {promise for promise, _ in cut.joined}
        promised = sum(promises[promise].units_by_day[-1] for promise in joined)
        key = _key(sku, [promises[promise].name for promise in joined])
        found.append((key, promised, promised + cut.slack_units))
    return found


def _forgive_the_clock(facts: Facts, sku: str, *, now: datetime) -> None:
    """A promise for a day that is over at some place counts as of the day that begins there.

    Past its cut-off a place cannot send today's parcels any more. Nobody took anything away.
    """
    begins = max(place.calendar.day_of(now) for place in facts.by_sku[sku].values())
    facts.holds[sku] = [
        replace(hold, promised_date=max(hold.promised_date, begins))
        for hold in facts.holds.get(sku, [])
    ]


def _key(sku: str, groups: Sequence[str]) -> str:
    return f"{sku} / {', '.join(sorted(set(groups)))}"


_LAST_RECORDED = """
    select greatest(
        (select max(created_at) from reservations),
        (select max(at) from reservation_events), (select max(recorded_at) from entries),
        (select max(created_at) from outbox))
"""

# A cart may take more than there is where its channel oversells, and may become an order. What is
# overdue is announced by whoever looks next; until then it is nobody's mistake.
_SUSPECTS = """
    with promised as (
        select l.sku, l.group_id, l.excluded_locations, sum(l.open_units) as units,
            max(case when r.kind = 'soft' then coalesce(c.oversell_units, 0) else 0 end)
                as oversell_units
        from reservation_lines l
        join reservations r on r.reservation_id = l.reservation_id
        left join channels c on c.channel = r.channel
        where l.open_units > 0 and l.location is null
            and (l.expires_at is null or l.expires_at > %(now)s)
        group by 1, 2, 3
    ), whole as (
        select sku, sum(units) as units, max(oversell_units) as oversell_units,
            array_agg(distinct group_id) as groups
        from promised group by sku
    ), served as (
        select p.sku, p.group_id, p.excluded_locations,
            sum(greatest(0, b.units - b.committed_units)) as units
        from promised p
        join group_members m on m.group_id = p.group_id
            and not m.location = any (p.excluded_locations)
        join locations lo on lo.location = m.location and cardinality(lo.methods) = 0
        join balances b on b.sku = p.sku and b.location = m.location and b.status = 'available'
        group by 1, 2, 3
    )
    select w.sku, w.groups, w.oversell_units::int
    from whole w
    where exists (
        select from promised p
        left join served s on s.sku = p.sku and s.group_id = p.group_id
            and s.excluded_locations = p.excluded_locations
        where p.sku = w.sku and coalesce(s.units, 0) < w.units
    ) and not exists (
        select from outbox o
        where o.kind = %(shortage)s and o.sku = w.sku and o.location is null
    ) and not exists (
        select from inbound i
        where i.sku = w.sku and i.quantity > 0 and i.expected_at <= %(now)s
            and i.state in ('planned', 'confirmed', 'shipped')
            and i.overdue_reported_for is distinct from i.expected_at
    )
"""
