"""Positions that a transfer could take from or bring to, with all that decides about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import polars as pl
import psycopg
from psycopg import sql

from inventory.store.bulk import EPOCH, copy_out
from inventory.transfers import PROPOSED

SCHEMA = {
    "sku": pl.String, "location": pl.String, "category": pl.String,
    "price": pl.Float64, "unit_cost": pl.Float64, "shelf_life_days": pl.Float64,
    "reorder_point": pl.Float64, "order_up_to": pl.Float64,
    "lead_time_days": pl.Float64, "review_period_days": pl.Float64,
    "on_hand": pl.Float64, "sellable": pl.Float64, "leaving": pl.Float64,
}  # fmt: skip
"""Units, money, days. `sellable` is on hand and not committed; `leaving` will go with transfers
that somebody wants and that are not commitments yet."""

COMING = {"sku": pl.String, "location": pl.String, "day": pl.Date, "units": pl.Int64}
"""Dated supply, with what was ordered and not confirmed yet."""

_POSITIONS = """
with ends as (
    select origin as location from transfer_lanes union select destination from transfer_lanes
)
select p.sku, p.location, s.category, s.price, s.unit_cost, s.shelf_life_days, p.reorder_point,
    p.order_up_to, p.lead_time_days, p.review_period_days,
    coalesce(b.units, 0), coalesce(b.units, 0) - coalesce(c.units, 0), coalesce(o.units, 0)
from policies p
join ends e using (location)
join skus s using (sku)
left join current_forecasts f on f.sku = p.sku and f.location = p.location
left join balances b on b.sku = p.sku and b.location = p.location and b.status = 'available'
left join (
    select sku, location, sum(open_units) as units from reservation_lines
    where open_units > 0 and location is not null and (class <> 'soft' or expires_at > {now})
    group by sku, location
) c on c.sku = p.sku and c.location = p.location
left join (
    select l.sku, t.origin as location, sum(l.quantity) as units
    from transfers t join transfer_lines l using (transfer_id)
    where t.state = 'accepted' or t.state = {proposed} and l.firmed
    group by l.sku, t.origin
) o on o.sku = p.sku and o.location = p.location
where ({skus}::text[] is null or p.sku = any({skus}))
    -- A hub that sells nothing itself has a policy, and no forecast.
    and (f.sku is not null or exists (select from supply_lanes h where h.hub = p.location))
order by p.sku, p.location
"""

_COMING = f"""
select sku, location, day - {EPOCH}, units from (
select i.sku, i.location, (i.expected_at at time zone l.timezone)::date as day,
    i.quantity as units
from inbound i join locations l using (location)
where i.state in ('planned', 'confirmed', 'shipped') and i.quantity > 0
    and ({{skus}}::text[] is null or i.sku = any({{skus}}))
union all
select sku, location, expected_on, units from open_order_parts
where part_no is null and (order_state <> {{proposed}} or firmed)
    and ({{skus}}::text[] is null or sku = any({{skus}}))
union all
select l.sku, t.destination, t.expected_on, l.quantity
from transfers t join transfer_lines l using (transfer_id)
where t.state = {{proposed}} and l.firmed and ({{skus}}::text[] is null or l.sku = any({{skus}}))
) coming
"""  # noqa: S608 - our own text.


def read_candidates(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """Positions with a policy and a forecast, or of hubs, at an end of a lane: columns `SCHEMA`,
    sorted.
    """
    return copy_out(db, _composed(_POSITIONS, now=now, skus=skus), schema=SCHEMA)


def read_coming(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """Dated supply, columns `COMING`: inbound, orders to vendors, firmed proposals of both."""
    return copy_out(db, _composed(_COMING, now=now, skus=skus), schema=COMING)


def _composed(query: LiteralString, *, now: datetime, skus: Sequence[str] | None) -> sql.Composed:
    return sql.SQL(query).format(
        now=sql.Literal(now),
        proposed=sql.Literal(PROPOSED),
        skus=sql.Literal(None if skus is None else list(skus)),
    )
