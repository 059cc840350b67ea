"""Reorder points in PostgreSQL, and the positions that they are worked out for.

What counts as **on order** of a position: open units of purchase orders that were accepted and not
closed, firmed lines of proposed ones, and inbound rows (planned, confirmed, shipped) that no
purchase order of ours made: transfers, returns, orders placed elsewhere. **Committed** are open
lines of orders and of holds that are alive, located at the position; what only a group holds has no
position yet.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.errors import NotFound
from inventory.policy_terms import explanation
from inventory.purchase_orders import ON_ORDER_STATES
from inventory.store import demand_laws
from inventory.store.bulk import copy_out
from inventory.store.paging import decode_cursor, page_of

POSITION_SCHEMA = {
    "sku": pl.String, "location": pl.String, "location_type": pl.String, "vendor": pl.String,
    "category": pl.String, "run_id": pl.String,
    "lead_time_days": pl.Float64, "lead_time_sd_days": pl.Float64,
    "lead_time_orders": pl.Int64, "lead_time_of_vendor": pl.String,
    "review_period_days": pl.Float64, "min_order_value": pl.Float64,
    "unit_cost": pl.Float64, "price": pl.Float64, "pack_size": pl.Float64,
    "min_order_quantity": pl.Float64, "shelf_life_days": pl.Float64,
    "holding_cost": pl.Float64, "order_cost": pl.Float64, "max_order_quantity": pl.Float64,
    "pallet_size": pl.Float64, "currency": pl.String, "vendor_currency": pl.String,
    "vendor_order_cost": pl.Float64, "truck_units": pl.Float64, "full_pallets": pl.String,
    "lead_time_assumed": pl.String, "stated_days": pl.Float64, "addressed": pl.String,
    "hub": pl.String, "lane_days": pl.Float64,
    "on_hand": pl.Float64, "on_order": pl.Float64, "committed": pl.Float64,
    "firmed": pl.Float64, "sells": pl.String,
}  # fmt: skip
"""Columns of `read_positions`; units, days and money. `firmed` are units of proposed lines that a
person fixed: they are part of `on_order`, and planning adds nothing to them. `sells` is 't' where
the forecast is of the position itself, not of places that it supplies alone. `lead_time_orders` are
orders that the lead time was learned from, of all the vendor's lanes where `lead_time_of_vendor` is
't'; null where it is what the vendor states."""

POSITIONS = """
select f.sku, f.location, l.type, s.vendor, s.category, f.run_id,
    coalesce(t.mean_days, a.mean_days, v.lead_time_days),
    coalesce(t.sd_days, a.sd_days, v.lead_time_sd_days), coalesce(t.orders, a.orders),
    t.orders is null, v.review_period_days, v.min_order_value,
    s.unit_cost, s.price, s.pack_size, s.min_order_quantity, s.shelf_life_days,
    s.holding_cost, s.order_cost, s.max_order_quantity, s.pallet_size, s.currency,
    v.currency, v.order_cost, v.truck_units, v.full_pallets, v.lead_time_assumed,
    v.lead_time_days,
    v.email is not null or exists (
        select from vendor_dispatch d where d.vendor = v.vendor), h.hub, h.lead_time_days,
    coalesce(b.units, 0), coalesce(o.units, 0) + coalesce(i.units, 0), coalesce(c.units, 0),
    coalesce(o.firmed, 0), f.sells
from ({positions}) f
join skus s using (sku)
join locations l using (location)
left join vendors v using (vendor)
left join lane_lead_times t on t.vendor = s.vendor and t.location = f.location
left join lane_lead_times a on a.vendor = s.vendor and a.location = ''
left join supply_lanes h on h.location = f.location
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

FORECAST = """
    with recursive above as (
        select location, hub from supply_lanes
        union
        select a.location, h.hub from above a join supply_lanes h on h.location = a.hub
    )
    select sku, location, run_id, true as sells from current_forecasts
    union all
    -- A hub that sells nothing itself is planned for what places below it sell.
    select c.sku, h.hub, max(c.run_id), false from current_forecasts c join above h using (location)
    where not exists (
        select from current_forecasts x where x.sku = c.sku and x.location = h.hub)
    group by c.sku, h.hub
"""
"""Positions that have a forecast, or supply one that has, through other hubs too."""

NAMED = (
    "select sku, location, null as run_id, true as sells "
    "from unnest({}::text[], {}::text[]) as x (sku, location)"
)

POLICY_SCHEMA = {
    "sku": pl.String, "location": pl.String, "safety_stock": pl.Float64,
    "reorder_point": pl.Float64, "order_quantity": pl.Float64, "order_up_to": pl.Float64,
    "lead_time_days": pl.Float64, "lead_time_sd_days": pl.Float64,
    "review_period_days": pl.Float64, "service_level": pl.Float64, "target_kind": pl.String,
    "lead_time_mean": pl.Float64, "review_mean": pl.Float64, "target_units": pl.Float64,
    "economic_lot": pl.Float64, "min_order_units": pl.Float64, "pack_units": pl.Float64,
    "max_units": pl.Float64, "segment": pl.String, "demand_law": pl.String, "run_id": pl.String,
    "basis_id": pl.Int64, "unit_cost": pl.Float64, "order_cost": pl.Float64,
    "holding_cost": pl.Float64,
}  # fmt: skip
"""Columns of a policy as it is written. `max_units` null: no maximum."""

POLICY_COLUMNS = tuple(POLICY_SCHEMA)


def read_positions(
    db: psycopg.Connection,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    named: Sequence[tuple[str, str]] | None = None,
) -> pl.DataFrame:
    """Every position that has a forecast, with its stock and what its vendor asks.

    named : SKUs and locations, in place of those with a forecast.

    Columns as `POSITION_SCHEMA`, sorted by SKU and location. Vendor columns are null where the SKU
    has no vendor.
    """
    positions: sql.Composable = sql.SQL(FORECAST)
    if named is not None:
        pairs = ([pair[column] for pair in named] for column in (0, 1))
        positions = sql.SQL(NAMED).format(*pairs)
    query = sql.SQL(POSITIONS).format(
        positions=positions,
        now=sql.Literal(now),
        states=sql.Literal(list(ON_ORDER_STATES)),
        skus=sql.Literal(None if skus is None else list(skus)),
    )
    return copy_out(db, query, schema=POSITION_SCHEMA)


def bases(db: psycopg.Connection, sources: Collection[str]) -> dict[str, int]:
    """Ids of sets of sources, JSON objects as text; those not known yet are kept."""
    listed = sorted(sources)
    db.execute(
        "insert into policy_bases (sources) select x::jsonb from unnest(%s::text[]) as x "
        "on conflict do nothing",
        [listed],
    )
    found = db.execute(
        "select x, b.basis_id from unnest(%s::text[]) as x "
        "join policy_bases b on b.sources = x::jsonb",
        [listed],
    ).fetchall()
    return dict(found)


def read_policy(db: psycopg.Connection, sku: str, location: str) -> dict[str, object]:
    """The policy of a position, with its explanation: per figure, the terms that sum to it.

    Raises `NotFound` where none was worked out.
    """
    found = _select(db, sql.SQL("where sku = %(sku)s and location = %(location)s"),
                    {"sku": sku, "location": location})  # fmt: skip
    if not found:
        remedy = "the daily job works one out where sales are known: `vouch daily`"
        raise NotFound("policy", f"{sku}/{location}", remedy=remedy)
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
    return page_of(found, name="policies", limit=limit, by=("sku", "location"))


def _select(
    db: psycopg.Connection, where: sql.SQL, given: dict[str, object]
) -> list[dict[str, object]]:
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(sql.SQL(_POLICIES) + where, given).fetchall()
    return [_told(row) for row in found]


_POLICIES: LiteralString = """
select * from (
    select y.*, k.vendor, b.sources, d.reason as law_reason, d.judged_by, d.windows,
        d.path_misfit, d.normal_misfit, d.negative_binomial_misfit, d.empirical_misfit, d.chosen_on
    from policies y join skus k using (sku) left join policy_bases b using (basis_id)
    left join demand_laws d on d.sku = y.sku and d.location = y.location
) as p
"""


def _told(row: dict[str, Any]) -> dict[str, object]:
    """A policy as a client reads it: figures, where their settings come from, and the terms."""
    return {
        "sku": row["sku"],
        "location": row["location"],
        "safety_stock": row["safety_stock"],
        "reorder_point": row["reorder_point"],
        "order_quantity": row["order_quantity"],
        "order_up_to": row["order_up_to"],
        "lead_time": row["lead_time_days"],
        "lead_time_sd": row["lead_time_sd_days"],
        "review_period": row["review_period_days"],
        "service_level": row["service_level"],
        "target": row["target_kind"],
        "segment": row["segment"],
        "demand_law": row["demand_law"],
        "law_choice": demand_laws.told(row),
        "sources": row["sources"] or {},
        "run_id": row["run_id"],
        "computed_at": row["computed_at"],
        "explanation": explanation(row),
    }
