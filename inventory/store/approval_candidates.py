"""Proposed orders and transfers that no person touched, as rules of approval see them.

Touched is what a person edited in any way: a line taken out or a day put off changes what it means
as much as another quantity does. What a person refused, and came back since the need grew, is for
people too, until an order of it was sent.
"""

from datetime import date
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from inventory.auto_approval import Candidate, Subject

USUAL_TIMES = 10
"""The usual quantity of an item is the median of so many times that it was sent that way."""


def read(
    db: psycopg.Connection, subject: Subject, *, today: date, currency: str | None = None
) -> list[Candidate]:
    """Whole drafts of planning by id; of orders those whose day has come.

    currency : that of the house; None: all are taken to be in it.
    """
    given = {"today": today, "usual": USUAL_TIMES, "currency": currency}
    with db.cursor(row_factory=class_row(_candidate)) as cursor:  # type: ignore[arg-type]
        return cursor.execute(_DRAFTS[subject], given).fetchall()


def _candidate(segments: list[str], **row: Any) -> Candidate:  # noqa: ANN401 - columns.
    return Candidate(segments=frozenset(segments), **row)


_ORDERS = """
    with drafts as materialized (
        select p.purchase_order_id, p.version, p.vendor, p.location, l.sku, l.quantity,
            l.quantity * l.unit_cost as value,
            coalesce(p.currency <> %(currency)s::text, false) as is_foreign
        from purchase_orders p join purchase_order_lines l using (purchase_order_id)
        where p.state = 'proposed' and p.order_on <= %(today)s and not exists (
            select from purchase_order_lines x
            where x.purchase_order_id = p.purchase_order_id and x.firmed
        ) and not exists (
            select from purchase_order_events e
            where e.purchase_order_id = p.purchase_order_id and e.act = 'edit'
        ) and not exists (
            select from order_refusals r join purchase_order_lines x using (sku)
            where x.purchase_order_id = p.purchase_order_id and r.location = p.location
                and r.ended_by = 'planning' and not exists (
                    select from purchase_order_lines y
                    join purchase_orders q using (purchase_order_id)
                    where y.sku = r.sku and q.location = r.location and q.sent_at > r.ended_at))
    )
    select d.purchase_order_id as id, d.version, d.vendor, d.is_foreign as foreign,
        round(sum(d.value)::numeric, 2)::float8 as value,
        array_agg(distinct coalesce(c.segment, '')) as segments,
        case when count(*) = count(u.units)
            then max(abs(d.quantity - u.units) / u.units) end::float8 as deviation
    from drafts d
    left join policies c on c.sku = d.sku and c.location = d.location
    left join lateral (
        select percentile_cont(0.5) within group (order by ordered_units) as units from (
            select o.ordered_units from purchase_order_lines o
            join purchase_orders q using (purchase_order_id)
            where o.sku = d.sku and q.location = d.location and o.ordered_units > 0
            order by q.sent_at desc nulls last limit %(usual)s
        ) past
    ) u on true
    group by 1, 2, 3, 4 order by 1
"""

_TRANSFERS = """
    with drafts as materialized (
        select t.transfer_id, t.version, t.origin, t.destination, l.sku, l.quantity,
            l.quantity * k.unit_cost as value
        from transfers t join transfer_lines l using (transfer_id) join skus k using (sku)
        where t.state = 'proposed' and t.planned and not exists (
            select from transfer_lines x where x.transfer_id = t.transfer_id and x.firmed
        ) and not exists (
            select from transfer_events e where e.transfer_id = t.transfer_id and e.act = 'edit')
    )
    select d.transfer_id as id, d.version, d.origin, d.destination,
        round(sum(d.value)::numeric, 2)::float8 as value,
        array_agg(distinct coalesce(c.segment, '')) as segments,
        case when count(*) = count(u.units)
            then max(abs(d.quantity - u.units) / u.units) end::float8 as deviation
    from drafts d
    left join policies c on c.sku = d.sku and c.location = d.destination
    left join lateral (
        select percentile_cont(0.5) within group (order by shipped_units) as units from (
            select o.shipped_units from transfer_lines o join transfers q using (transfer_id)
            where o.sku = d.sku and q.origin = d.origin and q.destination = d.destination
                and o.shipped_units > 0
            order by q.transfer_id desc limit %(usual)s
        ) past
    ) u on true
    group by 1, 2, 3, 4 order by 1
"""

_DRAFTS: dict[Subject, LiteralString] = {"purchase_order": _ORDERS, "transfer": _TRANSFERS}
