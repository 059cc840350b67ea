"""What proposed transfers would bring and take, what they load, and which moves people refused."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import LiteralString

import polars as pl
import psycopg
from psycopg import sql

from inventory.store.bulk import copy_out

SCHEMA = {
    "sku": pl.String, "location": pl.String, "coming": pl.Float64, "leaving": pl.Float64,
}  # fmt: skip
"""Columns of `read`, units."""

_MOVES: LiteralString = """
select sku, location, sum(coming), sum(leaving) from (
    select l.sku, t.destination as location, l.quantity as coming, 0 as leaving
    from transfers t join transfer_lines l using (transfer_id)
    where t.state = 'proposed' and (l.firmed or not {firmed})
    union all
    -- What is accepted is announced where it arrives, and not yet committed where it leaves.
    select l.sku, t.origin, 0, l.quantity
    from transfers t join transfer_lines l using (transfer_id)
    where t.state = 'accepted' or t.state = 'proposed' and (l.firmed or not {firmed})
) m where {skus}::text[] is null or sku = any({skus})
group by sku, location order by sku, location
"""


def read(
    db: psycopg.Connection, *, skus: Sequence[str] | None = None, firmed: bool = False
) -> pl.DataFrame:
    """Per position the units that would come and go with transfers, beyond what its supply and its
    commitments say already: columns `SCHEMA`.

    firmed : without what planning may still change.
    """
    asked = sql.Literal(None if skus is None else list(skus))
    query = sql.SQL(_MOVES).format(skus=asked, firmed=sql.Literal(firmed))
    return copy_out(db, query, schema=SCHEMA)


def read_fixed(
    db: psycopg.Connection, *, skus: Sequence[str] | None = None
) -> set[tuple[str, str, str]]:
    """Moves (sku, origin, destination) on proposals of planning whose units a person fixed."""
    found = db.execute(
        "select l.sku, t.origin, t.destination "
        "from transfers t join transfer_lines l using (transfer_id) "
        "where t.state = 'proposed' and t.planned and l.firmed "
        "and (%(skus)s::text[] is null or l.sku = any(%(skus)s))",
        {"skus": None if skus is None else list(skus)},
    ).fetchall()
    return {(sku, origin, destination) for sku, origin, destination in found}


def loads(
    db: psycopg.Connection, *, skus: Sequence[str] | None = None
) -> dict[tuple[str, str], int]:
    """Units by (origin, destination) on proposals of planning that planning `skus` leaves there."""
    found = db.execute(
        "select t.origin, t.destination, sum(l.quantity)::bigint "
        "from transfers t join transfer_lines l using (transfer_id) "
        "where t.state = 'proposed' and t.planned and (l.firmed or l.sku <> all(%s)) group by 1, 2",
        [None if skus is None else list(skus)],
    ).fetchall()
    return {(origin, destination): units for origin, destination, units in found}


def read_refused(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> set[tuple[str, str, str]]:
    """Moves (sku, origin, destination) that a person refused, while a purchase in their place is
    still to come.

    Refused is what was rejected or cancelled, and a line that somebody took out. Until the vendor
    of the destination could have delivered instead, asking again is no news.
    """
    found = db.execute(
        _REFUSED, {"now": now, "skus": None if skus is None else list(skus)}
    ).fetchall()
    return {(sku, origin, destination) for sku, origin, destination in found}


_REFUSED = """
    select distinct r.sku, r.origin, r.destination from (
        select l.sku, t.origin, t.destination, t.updated_at as at
        from transfers t join transfer_lines l using (transfer_id)
        where t.state in ('rejected', 'cancelled')
        union all
        select x ->> 'sku', t.origin, t.destination, e.at
        from transfer_events e join transfers t using (transfer_id)
        cross join lateral jsonb_array_elements(e.changes -> 'lines') x
        where e.act = 'edit' and (x ->> 'to')::bigint = 0
    ) r join policies p on p.sku = r.sku and p.location = r.destination
    where (%(skus)s::text[] is null or r.sku = any(%(skus)s))
        and r.at <= %(now)s
        and r.at + (p.lead_time_days + p.review_period_days) * interval '1 day' > %(now)s
"""


def skus_of(db: psycopg.Connection, transfer_ids: Collection[str]) -> list[str]:
    """SKUs on these transfers."""
    found = db.execute(
        "select distinct sku from transfer_lines where transfer_id = any(%s) order by sku",
        [list(transfer_ids)],
    )
    return [str(row[0]) for row in found]
