"""What is known of feeds: rows that could not go in, when each was heard last, and about what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.store.bulk import copy_out

POSITION_SCHEMA = {"feed": pl.String, "sku": pl.String, "location": pl.String}


def read_feeds(db: psycopg.Connection, *, now: datetime) -> list[dict[str, Any]]:
    """Feeds with rows that could not go in, and those that brought an entry in sixty days.

    feed, rows (open in quarantine), problem (of the latest), last_at (its last entry), days (on
    which it came in the fourteen up to that), told_silent (whether an open alert says that nothing
    came since `last_at`), closed (whether a person closed such an alert).
    """
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(_FEEDS, {"now": now}).fetchall()


_FEEDS = """
with failing as (
    select feed, count(*) as rows, (array_agg(problem order by quarantine_id desc))[1] as problem
    from quarantine where resolved_at is null group by feed
), days as (
    select source as feed, recorded_at::date as day, max(recorded_at) as at
    from entries
    where recorded_at > %(now)s - interval '60 days' and recorded_at <= %(now)s
        and kind in ('snapshot', 'delta') and reservation_id is null and inbound_id is null
        and source not in ('full file', 'order', 'inbound')
    group by 1, 2
), last as (
    select feed, max(at) as at from days group by feed
), heard as (
    select feed, last.at as last_at, count(*) as days
    from last join days using (feed) where days.at > last.at - interval '14 days'
    group by 1, 2
), silent as (
    select detail->>'feed' as feed, max((detail->>'silent_since')::timestamptz) as last_at,
        bool_or(resolved_at is null) as is_open, max(resolved_at) as closed_at
    from alerts
    where split_part(kind, ':', 1) = 'sync_failure' and detail->>'silent_since' is not null
        and (resolved_at is null or resolved_by is not null)
    group by 1
)
select coalesce(f.feed, h.feed, s.feed) as feed, coalesce(f.rows, 0) as rows, f.problem,
    coalesce(h.last_at, s.last_at) as last_at, coalesce(h.days, 0) as days,
    coalesce(s.is_open and (h.last_at is null or h.last_at <= s.last_at), false) as told_silent,
    coalesce(s.closed_at > coalesce(h.last_at, s.last_at), false) as closed
from failing f full join heard h using (feed) full join silent s using (feed) order by 1
"""


def read_feed_positions(
    db: psycopg.Connection, silent: Mapping[str, datetime | None]
) -> pl.DataFrame:
    """Positions that feeds told of, columns `POSITION_SCHEMA`, each once per feed.

    Of their rows in quarantine; and of the week up to the last entry of a feed that fell silent at
    the moment given, None for a feed that did not. Also what the catalogue does not know.
    """
    query = sql.SQL(_POSITIONS).format(
        feeds=sql.Literal(list(silent)), moments=sql.Literal(list(silent.values()))
    )
    return copy_out(db, query, schema=POSITION_SCHEMA)


_POSITIONS = """
with asked as (
    select * from unnest({feeds}::text[], {moments}::timestamptz[]) as x (feed, at)
)
select e.source, e.sku, e.location
from asked x join entries e on e.source = x.feed
    and e.recorded_at > x.at - interval '7 days' and e.recorded_at <= x.at
union
select q.feed, q.body->>'sku', coalesce(q.body->>'location', q.location)
from asked x join quarantine q using (feed) where q.resolved_at is null
order by 1, 2, 3
"""
