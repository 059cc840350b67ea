"""Goods that arrived and wait for approval, with their order and the stock beside them."""

from typing import Any

import psycopg
from psycopg.rows import dict_row


def read_held(db: psycopg.Connection) -> list[dict[str, Any]]:
    """Inbounds with units that await approval, by id.

    `excess_units` of these nobody ordered; `waits_since` is the day on which they came last;
    `current_stock` is what can be sold of the SKU there, `demand_rate` units a day.
    """
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(_HELD).fetchall()


_HELD = """
select i.inbound_id, i.sku, i.location, i.awaiting_units, i.received_units,
    least(i.awaiting_units, coalesce(r.held_units, 0))::bigint as excess_units,
    (coalesce(r.last_at, i.updated_at) at time zone o.timezone)::date as waits_since,
    i.purchase_order_id as purchase_order, p.vendor,
    coalesce(l.unit_cost, s.unit_cost) as unit_cost, s.currency,
    coalesce(b.units, 0) - coalesce(b.committed_units, 0) as current_stock,
    y.reorder_point, w.demand_rate
from inbound i
join skus s using (sku)
join locations o using (location)
left join purchase_orders p using (purchase_order_id)
left join purchase_order_lines l on l.purchase_order_id = i.purchase_order_id and l.sku = i.sku
left join lateral (
    select sum(held_units) as held_units, max(recorded_at) as last_at
    from purchase_order_receipts
    where purchase_order_id = l.purchase_order_id and line_no = l.line_no
) r on true
left join policies y on y.sku = i.sku and y.location = i.location
left join demand_windows w on w.sku = i.sku and w.location = i.location
left join balances b on b.sku = i.sku and b.location = i.location and b.status = 'available'
where i.awaiting_units > 0 order by i.inbound_id
"""
