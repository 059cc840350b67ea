"""From the ledger to daily sales: what left the shelf for customers, and how long there was any.

Tills and orders report movement by movement. Once a day those of the last weeks are summed per SKU,
location and local day, for days that no file has told. The sums are made anew each time, so a sale
that arrives late is counted, and running twice changes nothing.
"""

from datetime import date, datetime, timedelta

import psycopg

WINDOW_DAYS = 35
"""Movements that arrive later than this stay out of the history; nobody waits longer for a till."""

OPENS_HOUR, CLOSES_HOUR = 6, 22
"""Local hours of trade: an empty shelf at night costs no sale."""


def roll_up_ledger_sales(db: psycopg.Connection, *, through: date, now: datetime) -> int:
    """Sum ledger sales into `sales_days` up to and including the local day `through`.

    A delta with reason `sale` and every shipment to a customer is a sale on the local day of its
    effect; what leaves for another location of ours is none. Where a
    location reported any sale on a day, its other SKUs in stock sold none. `in_stock` is the share
    of opening hours with units on the shelf. Returns the rows added or changed.
    """
    first = through - timedelta(days=WINDOW_DAYS)
    return db.execute(
        _ROLL_UP,
        {
            "first": first,
            "through": through,
            "now": now,
            "opens": OPENS_HOUR,
            "closes": CLOSES_HOUR,
        },
    ).rowcount


_ROLL_UP = """
with moved as (
    select e.sku, e.location, e.entry_id, e.effective_at, e.units, e.stated_units,
        (e.reason = 'sale' or e.kind = 'shipment' and e.reason is distinct from 'transfer')
            and e.stated_units < 0 as is_sale,
        (e.effective_at at time zone l.timezone)::date as day
    from entries e join locations l using (location)
    -- What took effect since was recorded since: clocks ahead of ours are set back.
    where e.status = 'available'
        and e.recorded_at >= %(first)s::timestamp at time zone 'UTC' - interval '1 day'
        and e.effective_at >= %(first)s::timestamp at time zone 'UTC' - interval '1 day'
),
sold as (
    select sku, location, day, -sum(stated_units) as units
    from moved
    where is_sale and day between %(first)s and %(through)s
    group by sku, location, day
),
traded as (select distinct location, day from sold),
-- Positions exist from their first entry on; those without an entry in the window existed before.
present as (
    select b.sku, b.location, b.units, t.day,
        ((t.day + make_interval(hours => %(opens)s)) at time zone l.timezone) as opens_at,
        ((t.day + make_interval(hours => %(closes)s)) at time zone l.timezone) as closes_at
    from traded t
    join locations l using (location)
    join balances b on b.location = t.location and b.status = 'available'
    where exists (
        select from entries e
        where position_key(e.sku, e.location) = position_key(b.sku, b.location)
            and e.sku = b.sku and e.location = b.location and e.status = 'available'
            and e.effective_at < (t.day + 1)::timestamp at time zone l.timezone)
),
-- Units on the shelf between one entry and the next, walking back from the balance of now.
spans as (
    select m.sku, m.location, m.effective_at as starts_at,
        lead(m.effective_at, 1, 'infinity') over later as ends_at,
        b.units - sum(m.units) over earlier + m.units as units
    from moved m join balances b using (sku, location)
    where b.status = 'available'
    window
        later as (partition by m.sku, m.location order by m.effective_at, m.entry_id),
        earlier as (partition by m.sku, m.location order by m.effective_at desc, m.entry_id desc)
    union all
    select m.sku, m.location, '-infinity', min(m.effective_at), b.units - sum(m.units)
    from moved m join balances b using (sku, location)
    where b.status = 'available'
    group by m.sku, m.location, b.units
),
shelf as (
    select p.sku, p.location, p.day,
        coalesce(
            sum(extract(epoch from
                    least(s.ends_at, p.closes_at) - greatest(s.starts_at, p.opens_at)))
                filter (where s.units > 0)
                / max(extract(epoch from p.closes_at - p.opens_at)),
            case when count(s.sku) > 0 or p.units <= 0 then 0 else 1 end) as in_stock
    from present p
    left join spans s on s.sku = p.sku and s.location = p.location
        and s.starts_at < p.closes_at and s.ends_at > p.opens_at
    group by p.sku, p.location, p.day, p.units
)
insert into sales_days as d (sku, location, day, units, in_stock, known_at, source)
select k.sku, k.location, k.day, coalesce(sold.units, 0), least(k.in_stock, 1), %(now)s, 'ledger'
from shelf k left join sold using (sku, location, day)
on conflict (sku, location, day) do update
    set units = excluded.units, in_stock = excluded.in_stock, known_at = excluded.known_at,
        source = 'ledger'
    where (d.source = 'ledger' or d.units is null)
        and (d.units, d.in_stock) is distinct from (excluded.units, excluded.in_stock)
"""
