"""What a count needs to know from the database: what happened after it, and what was promised.

A snapshot replaces a balance except for the changes that became true after it. A NET one has
already taken off the orders that were open at its moment. A FULL file also counts what it lacks.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg

from inventory.feeds import Stated
from inventory.ledger import (
    AVAILABLE,
    Balance,
    Basis,
    Fact,
    Key,
    Recorded,
    accepts_snapshot,
    decide_snapshot,
)
from inventory.store.ledger import later_units


def decide_counts(
    db: psycopg.Connection,
    facts: Sequence[Fact],
    *,
    balances: Mapping[Key, Balance],
    basis: Basis,
) -> tuple[list[Recorded], dict[Key, Balance]]:
    """Decide on snapshots of locked accounts, in order. Outcomes, and the balances after."""
    hopeful = [f for f in facts if accepts_snapshot(balances[f.key], f, basis=basis)]
    moments = [(fact.key, fact.effective_at) for fact in hopeful]
    later = dict(zip(moments, later_units(db, moments), strict=True))
    sellable = [moment for moment in moments if moment[0].status == AVAILABLE]
    held = dict(zip(sellable, open_hard_units(db, sellable), strict=True)) if basis == "net" else {}
    after = dict(balances)
    recorded = []
    for fact in facts:
        key = fact.key
        entry, after[key] = decide_snapshot(
            after[key],
            fact,
            later_units=later.get((key, fact.effective_at), 0),
            basis=basis,
            open_hard_units=held.get((key, fact.effective_at), 0),
        )
        recorded.append(entry)
    return recorded, after


def open_hard_units(db: psycopg.Connection, moments: Sequence[tuple[Key, datetime]]) -> list[int]:
    """Units of orders open at each position as of each moment.

    Open then = open now + shipped since + let go since. What was let go is told by the moment the
    order closed; an order that closed by shipping short let go of the rest when it last shipped.
    """
    if not moments:
        return []
    skus = [key.sku for key, _ in moments]
    locations = [key.location for key, _ in moments]
    found = db.execute(_OPEN_HARD, [skus, locations, [moment for _, moment in moments]]).fetchall()
    return [units for (units,) in found]


_OPEN_HARD = """
    with k as materialized (
        select * from unnest(%b::text[], %b::text[], %b::timestamptz[])
            with ordinality as k (sku, location, moment, place)
    ), candidates as (
        select k.place, l.reservation_id
        from k join reservation_lines l on l.sku = k.sku and l.location = k.location
        where l.open_units > 0
        union
        select k.place, e.reservation_id
        from k join entries e on position_key(e.sku, e.location) = position_key(k.sku, k.location)
            and e.sku = k.sku and e.location = k.location
            and e.status = 'available' and e.effective_at > k.moment
        where e.kind = 'shipment'
        union
        select k.place, l.reservation_id
        from reservations r join reservation_lines l using (reservation_id)
            join k on k.sku = l.sku and k.location = l.location
        where r.closed_at > (select min(moment) from k)
    ), orders as (
        select k.place, k.moment, r.state, r.closed_at,
            sum(l.quantity) as quantity,
            sum(l.open_units) as open_units,
            sum(l.shipped_units) as shipped_units,
            coalesce((
                select -sum(e.stated_units) from entries e
                where position_key(e.sku, e.location) = position_key(k.sku, k.location)
                    and e.sku = k.sku and e.location = k.location and e.status = 'available'
                    and e.effective_at > k.moment and e.kind = 'shipment'
                    and e.reservation_id = r.reservation_id), 0) as shipped_since
        from candidates c join k using (place)
            join reservations r using (reservation_id)
            join reservation_lines l
                on l.reservation_id = r.reservation_id and l.sku = k.sku and l.location = k.location
        where l.class = 'hard' and coalesce(r.confirmed_at, r.created_at) <= k.moment
            -- Expired by then, whether or not anybody has written that down.
            and not (r.state = 'active' and r.expires_at <= k.moment)
        group by k.place, k.sku, k.location, k.moment, r.reservation_id
    )
    select coalesce(sum(o.open_units + o.shipped_since
        + case when o.closed_at > o.moment and (o.state <> 'shipped' or o.shipped_since > 0)
            then o.quantity - o.shipped_units - o.open_units else 0 end), 0)::bigint
    from k left join orders o using (place)
    group by place order by place
"""


class FullFile(NamedTuple):
    """What a FULL file says of one location by the rows it has."""

    location: str
    rows: int
    effective_at: datetime
    sequence: int
    statuses: frozenset[str]


def full_files(rows: Iterable[Stated], *, row_counts: Mapping[str, int]) -> list[FullFile]:
    """One per location, as of its latest row. `row_counts` counts broken rows too."""
    found: dict[str, FullFile] = {}
    for row in rows:
        moment = (row.effective_at, row.sequence or 0)
        file = found.get(row.location)
        if file is None:
            file = FullFile(row.location, row_counts[row.location], *moment, frozenset({AVAILABLE}))
        latest = max(moment, (file.effective_at, file.sequence))
        found[row.location] = file._replace(
            effective_at=latest[0], sequence=latest[1], statuses=file.statuses | {row.status}
        )
    return [found[location] for location in sorted(found)]


def last_row_counts(
    db: psycopg.Connection, *, feed: str, locations: Collection[str]
) -> dict[str, int]:
    """Rows of the last FULL file that was taken, per location; held until the transaction ends."""
    found = db.execute(
        "select location, rows, received_at from full_feeds "
        "where feed = %s and location = any (%s) order by location, status for update",
        [feed, list(locations)],
    ).fetchall()
    return {location: rows for location, rows, _ in sorted(found, key=lambda row: row[2])}


def keep_full_files(
    db: psycopg.Connection, files: Sequence[FullFile], *, feed: str, basis: Basis, now: datetime
) -> None:
    """Remember the size of the FULL files that were taken, and the latest moment they told of."""
    with db.cursor() as cursor:
        cursor.executemany(
            """
            insert into full_feeds as f
                (feed, basis, received_at, location, status, rows, effective_at, sequence)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (feed, location, status) do update set
                rows = excluded.rows, received_at = excluded.received_at,
                (effective_at, sequence, basis) = (
                    select k.effective_at, k.sequence, k.basis
                    from (values (f.effective_at, f.sequence, f.basis),
                            (excluded.effective_at, excluded.sequence, excluded.basis))
                        as k (effective_at, sequence, basis)
                    order by 1 desc, 2 desc, 3 desc limit 1)
            """,
            [
                (feed, basis, now, f.location, status, f.rows, f.effective_at, f.sequence)
                for f in files
                for status in sorted(f.statuses)
            ],
        )


def accounts(db: psycopg.Connection, file: FullFile, *, basis: Basis) -> list[Key]:
    """All accounts that a FULL file speaks of, whether it lists them or not.

    A NET file also speaks of orders on positions that were never stocked: they were open.
    """
    found = db.execute(
        """
        select sku, location, status from balances where location = %(location)s
            and status = any (%(statuses)s)
        union
        select sku, location, 'available' from reservation_lines
        where %(net)s and location = %(location)s and open_units > 0 and class = 'hard'
        """,
        {
            "location": file.location,
            "statuses": list(file.statuses),
            "net": basis == "net",
        },
    )
    return [Key(*row) for row in found]
