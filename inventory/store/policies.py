"""Reorder points in PostgreSQL, and the positions that they are worked out for.

What counts as **on order** of a position: open units of purchase orders that were accepted and not
closed, firmed lines of proposed ones, and inbound rows (planned, confirmed, shipped) that no
purchase order of ours made: transfers, returns, orders placed elsewhere. **Committed** are open
lines of orders and of holds that are alive, located at the position; what only a group holds has no
position yet.
"""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.errors import NotFound
from inventory.purchase_orders import ON_ORDER_STATES
from inventory.store.bulk import copy_in, copy_out
from inventory.store.paging import decode_cursor, encode_cursor

POSITION_SCHEMA = {
    "sku": pl.String, "location": pl.String, "vendor": pl.String, "category": pl.String,
    "lead_time_days": pl.Float64, "lead_time_sd_days": pl.Float64,
    "review_period_days": pl.Float64, "min_order_value": pl.Float64,
    "unit_cost": pl.Float64, "price": pl.Float64, "pack_size": pl.Float64,
    "min_order_quantity": pl.Float64, "shelf_life_days": pl.Float64,
    "holding_cost": pl.Float64, "order_cost": pl.Float64,
    "on_hand": pl.Float64, "on_order": pl.Float64, "committed": pl.Float64,
    "firmed": pl.Float64,
}  # fmt: skip
"""Columns of `read_positions`; units, days and money. `firmed` are units of proposed lines that a
person fixed: they are part of `on_order`, and planning adds nothing to them."""

POSITIONS = """
select f.sku, f.location, s.vendor, s.category, v.lead_time_days, v.lead_time_sd_days,
    v.review_period_days, v.min_order_value, s.unit_cost, s.price, s.pack_size,
    s.min_order_quantity, s.shelf_life_days, s.holding_cost, s.order_cost,
    coalesce(b.units, 0), coalesce(o.units, 0) + coalesce(i.units, 0), coalesce(c.units, 0),
    coalesce(o.firmed, 0)
from current_forecasts f
join skus s using (sku)
join locations l using (location)
left join vendors v using (vendor)
left join balances b on b.sku = f.sku and b.location = f.location and b.status = 'available'
left join (
    select sku, location, sum(open_units) as units from reservation_lines
    where open_units > 0 and location is not null and (class <> 'soft' or expires_at > {now})
    group by sku, location
) c on c.sku = f.sku and c.location = f.location
left join (
    select pl.sku, p.location, sum(greatest(pl.quantity - pl.received_units, 0)) as units,
        sum(pl.quantity) filter (where p.state = 'proposed') as firmed
    from purchase_orders p join purchase_order_lines pl using (purchase_order_id)
    where p.state = any({states}) or (p.state = 'proposed' and pl.firmed)
    group by pl.sku, p.location
) o on o.sku = f.sku and o.location = f.location
left join (
    select sku, location, sum(quantity) as units from inbound i
    where state in ('planned', 'confirmed', 'shipped')
      and not exists (select from purchase_orders p
                      where p.purchase_order_id = i.purchase_order_id)
    group by sku, location
) i on i.sku = f.sku and i.location = f.location
where l.type <> 'vendor' and ({skus}::text[] is null or f.sku = any({skus}))
order by f.sku, f.location
"""

POLICY_COLUMNS = (
    "sku", "location", "safety_stock", "reorder_point", "order_quantity", "order_up_to",
    "lead_time_days", "review_period_days", "service_level", "explanation", "run_id",
)  # fmt: skip


def read_positions(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """Every position that has a forecast, with its stock and what its vendor asks.

    Columns as `POSITION_SCHEMA`, sorted by SKU and location. Vendor columns are null where the SKU
    has no vendor.
    """
    query = sql.SQL(POSITIONS).format(
        now=sql.Literal(now),
        states=sql.Literal(list(ON_ORDER_STATES)),
        skus=sql.Literal(None if skus is None else list(skus)),
    )
    return copy_out(db, query, schema=POSITION_SCHEMA)


def write_policies(db: psycopg.Connection, policies: pl.DataFrame, *, now: datetime) -> int:
    """Insert or replace policies: columns `POLICY_COLUMNS`, explanation as JSON text.

    A policy whose figures and forecast run are as before is not written again, so `computed_at`
    stays when it last changed. Returns rows written.
    """
    with db.transaction():
        db.execute(
            "create temp table policies_staged (like policies including defaults) on commit drop"
        )
        staged = policies.select(POLICY_COLUMNS).with_columns(
            pl.lit(now.isoformat()).alias("computed_at")
        )
        copy_in(db, staged, table="policies_staged", columns=(*POLICY_COLUMNS, "computed_at"))
        figures = [c for c in POLICY_COLUMNS if c not in ("sku", "location")]
        names = sql.SQL(", ").join(map(sql.Identifier, (*figures, "computed_at")))
        old = sql.SQL(", ").join(sql.SQL("p.{}").format(sql.Identifier(c)) for c in figures)
        new = sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in figures)
        written = db.execute(
            sql.SQL(
                "insert into policies as p select * from policies_staged "
                "on conflict (sku, location) do update set ({names}) = row({new}, "
                "excluded.computed_at) where ({old}) is distinct from ({new})"
            ).format(names=names, old=old, new=new)
        ).rowcount
        db.execute("drop table policies_staged")
    return written


def read_policy(db: psycopg.Connection, sku: str, location: str) -> dict[str, object]:
    """The policy of a position, with its explanation: per figure, the terms that sum to it.

    Raises `NotFound` where none was worked out.
    """
    found = _select(db, sql.SQL("where sku = %(sku)s and location = %(location)s"),
                    {"sku": sku, "location": location})  # fmt: skip
    if not found:
        raise NotFound("policy", f"{sku}/{location}")
    return found[0]


def list_policies(
    db: psycopg.Connection,
    *,
    sku: str | None = None,
    location: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """Policies by SKU and location: `{"policies": [...], "next_cursor": text or None}`."""
    after = decode_cursor(cursor, str, str) if cursor else ["", ""]
    where = sql.SQL(
        "where (%(sku)s::text is null or sku = %(sku)s) "
        "and (%(location)s::text is null or location = %(location)s) "
        "and (sku, location) > (%(after_sku)s, %(after_location)s) "
        "order by sku, location limit %(limit)s"
    )
    given: dict[str, object] = {
        "sku": sku, "location": location, "after_sku": after[0], "after_location": after[-1],
        "limit": limit + 1,
    }  # fmt: skip
    found = _select(db, where, given)
    more = len(found) > limit
    last = found[limit - 1] if more else None
    return {
        "policies": found[:limit],
        "next_cursor": encode_cursor([str(last["sku"]), str(last["location"])]) if last else None,
    }


def _select(
    db: psycopg.Connection, where: sql.SQL, given: dict[str, object]
) -> list[dict[str, object]]:
    query = sql.SQL(
        "select sku, location, safety_stock, reorder_point, order_quantity, order_up_to, "
        "lead_time_days as lead_time, review_period_days as review_period, service_level, "
        "run_id, computed_at, explanation from policies "
    )
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query + where, given).fetchall()
