"""What alerts rest on: positions with stock, policy and demand, and more of those in trouble."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, LiteralString, TypeVar

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.alerts import Thresholds
from inventory.shelf import Lot, Supply
from inventory.store.bulk import EPOCH, copy_in, copy_out
from inventory.thresholds import KINDS

KEY = ("sku", "location")

SCHEMA = {
    "sku": pl.String, "location": pl.String, "price": pl.Float64, "unit_cost": pl.Float64,
    "shelf_life_days": pl.Float64, "sellable": pl.Float64, "on_order": pl.Float64,
    "reorder_point": pl.Float64, "order_up_to": pl.Float64, "rate": pl.Float64,
    "proposed": pl.Float64, "purchase_order": pl.String, "transfer_in": pl.String,
    "transfer_out": pl.String, "low_mark": pl.Float64,
    "min_order": pl.Float64, "pack": pl.Float64, "max_order": pl.Float64,
    "currency": pl.String, "obstacle": pl.String,
    "low_cover_days": pl.Float64, "over_cover_days": pl.Float64, "slow_cover_days": pl.Float64,
    "expiring_days": pl.Float64, "planned": pl.Boolean,
}  # fmt: skip
"""Columns of a position. Units, money, days; `rate` is units a day, `sellable` is on hand and not
committed, `low_mark` what a person set, `proposed` what orders and transfers to here propose,
`max_order` null where there is none, `obstacle` what keeps planning from ordering, `planned`
whether it has a policy."""

ON_ORDER = ("accepted", "approved", "sent", "confirmed", "shipped", "partially_received")

_POSITIONS = """
with committed as (
    select sku, location, sum(open_units) as units from reservation_lines
    where open_units > 0 and location is not null and (class <> 'soft' or expires_at > {now})
        and ({skus}::text[] is null or sku = any({skus}))
    group by sku, location
), ordered as (
    select l.sku, p.location, sum(greatest(l.quantity - l.received_units, 0)) as units
    from purchase_orders p join purchase_order_lines l using (purchase_order_id)
    where p.state = any({on_order}) group by l.sku, p.location
), coming as (
    select i.sku, i.location, sum(i.quantity) as units from inbound i
    where i.state in ('planned', 'confirmed', 'shipped')
        and not exists (select from purchase_orders p
            where p.purchase_order_id = i.purchase_order_id)
    group by i.sku, i.location
), proposed as (
    select l.sku, p.location, sum(l.quantity) as units, min(p.purchase_order_id) as id
    from purchase_orders p join purchase_order_lines l using (purchase_order_id)
    where p.state = 'proposed' group by l.sku, p.location
), bringing as (
    select l.sku, t.destination as location, sum(l.quantity) as units, min(t.transfer_id) as id
    from transfers t join transfer_lines l using (transfer_id)
    where t.state = 'proposed' group by l.sku, t.destination
), taking as (
    select l.sku, t.origin as location, min(t.transfer_id) as id
    from transfers t join transfer_lines l using (transfer_id)
    where t.state = 'proposed' group by l.sku, t.origin
), obstacles as (
    select sku, location, min(message) as message from planning_exceptions
    where resolved_at is null and blocks and sku is not null group by sku, location
), held as (
    select sku, location, reorder_point, order_up_to, min_order_units, pack_units, max_units,
        true as planned
    from policies
    union all
    select b.sku, b.location, 0, 0, 0, 1, null, false
    from balances b join skus k using (sku)
    where {unplanned} and b.status = 'available' and b.units > 0 and k.shelf_life_days is not null
        and not exists (select from policies y where y.sku = b.sku and y.location = b.location)
)
select p.sku, p.location, s.price, s.unit_cost, s.shelf_life_days,
    coalesce(b.units, 0) - coalesce(c.units, 0), coalesce(o.units, 0) + coalesce(i.units, 0),
    p.reorder_point, p.order_up_to, coalesce(w.demand_rate, 0),
    coalesce(n.units, 0) + coalesce(ti.units, 0), n.id, ti.id, t.id,
    coalesce(here.units, everywhere.units), p.min_order_units, p.pack_units, p.max_units,
    s.currency, coalesce(x.message, y.message),
    coalesce(own.low_cover_days, usual.low_cover_days, {low}),
    coalesce(own.over_cover_days, usual.over_cover_days, {over}),
    coalesce(own.slow_cover_days, usual.slow_cover_days, {slow}),
    coalesce(own.expiring_days, usual.expiring_days, {expiring}), p.planned::text
from held p
join skus s using (sku)
left join demand_windows w using (sku, location)
left join balances b on b.sku = p.sku and b.location = p.location and b.status = 'available'
left join committed c on c.sku = p.sku and c.location = p.location
left join ordered o on o.sku = p.sku and o.location = p.location
left join coming i on i.sku = p.sku and i.location = p.location
left join proposed n on n.sku = p.sku and n.location = p.location
left join bringing ti on ti.sku = p.sku and ti.location = p.location
left join taking t on t.sku = p.sku and t.location = p.location
left join obstacles x on x.sku = p.sku and x.location = p.location
left join obstacles y on y.sku = p.sku and y.location is null
left join low_marks here on here.sku = p.sku and here.location = p.location
left join low_marks everywhere on everywhere.sku = p.sku and everywhere.location is null
left join alert_thresholds own on own.sku = p.sku
left join alert_thresholds usual on usual.sku = '*'
where {skus}::text[] is null or p.sku = any({skus})
order by p.sku, p.location
"""


def read_positions(
    db: psycopg.Connection,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    unplanned: bool = False,
) -> pl.DataFrame:
    """Every position with a policy: columns `SCHEMA`, by SKU and location.

    unplanned : also those without one where goods lie that expire; their levels are 0.
    """
    usual = Thresholds()
    query = sql.SQL(_POSITIONS).format(
        now=sql.Literal(now),
        skus=sql.Literal(None if skus is None else list(skus)),
        on_order=sql.Literal(list(ON_ORDER)),
        unplanned=sql.Literal(unplanned),
        low=sql.Literal(usual.low_cover_days),
        over=sql.Literal(usual.over_cover_days),
        slow=sql.Literal(usual.slow_cover_days),
        expiring=sql.Literal(usual.expiring_days),
    )
    return copy_out(db, query, schema=SCHEMA)


def read_ageing(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """Positions, by SKU and location, where units lie that expire soon enough to tell, or did.

    What came first is sold first, so old units are there where fewer came lately than there are.
    Two days more than the threshold: a day begins elsewhere at another moment.
    """
    query = sql.SQL(_AGEING).format(
        now=sql.Literal(now),
        skus=sql.Literal(None if skus is None else list(skus)),
        expiring=sql.Literal(Thresholds().expiring_days),
    )
    return copy_out(db, query, schema=dict.fromkeys(KEY, pl.String))


_AGEING = """
select b.sku, b.location
from balances b
join skus s using (sku)
left join alert_thresholds own on own.sku = b.sku
left join alert_thresholds usual on usual.sku = '*'
cross join lateral (
    select coalesce(sum(e.units), 0) as units from entries e
    where position_key(e.sku, e.location) = position_key(b.sku, b.location)
        and e.sku = b.sku and e.location = b.location and e.status = 'available' and e.units > 0
        and e.effective_at > {now}::timestamptz - interval '1 day' * (s.shelf_life_days - 2
            - coalesce(own.expiring_days, usual.expiring_days, {expiring}))
) lately
where b.status = 'available' and b.units > 0 and s.shelf_life_days is not null
    and lately.units < b.units and ({skus}::text[] is null or b.sku = any({skus}))
"""


Place = tuple[str, str]
Dated = TypeVar("Dated", Supply, Lot)


def read_details(
    db: psycopg.Connection, positions: pl.DataFrame
) -> tuple[dict[Place, list[Supply]], dict[Place, list[Lot]], dict[Place, date]]:
    """Of some positions: dated supply, lots on the shelf, and since when it is empty."""
    with db.transaction():
        db.execute("create temp table troubled (sku text, location text) on commit drop")
        copy_in(db, positions, table="troubled", columns=KEY)
        db.execute("analyze troubled")
        supply = _by_place(db, _SUPPLY, Supply)
        lots = _by_place(db, _LOTS, Lot)
        out = copy_out(
            db,
            sql.SQL(_OUT_SINCE),
            schema={"sku": pl.String, "location": pl.String, "day": pl.Date},
        )
        db.execute("drop table troubled")
    return supply, lots, {(sku, location): day for sku, location, day in out.iter_rows()}


def _by_place(
    db: psycopg.Connection, query: LiteralString, kind: Callable[[date, int], Dated]
) -> dict[Place, list[Dated]]:
    schema = {"sku": pl.String, "location": pl.String, "day": pl.Date, "units": pl.Int64}
    found: dict[Place, list[Dated]] = {}
    for sku, location, day, units in copy_out(db, sql.SQL(query), schema=schema).iter_rows():
        found.setdefault((sku, location), []).append(kind(day, units))
    return found


_SUPPLY = f"""
select i.sku, i.location, (i.expected_at at time zone l.timezone)::date - {EPOCH}, i.quantity
from troubled t join inbound i using (sku, location) join locations l using (location)
where i.state in ('planned', 'confirmed', 'shipped') and i.quantity > 0
union all
select o.sku, o.location, o.expected_on - {EPOCH}, o.units
from troubled t join open_order_parts o using (sku, location)
where o.part_no is null and o.order_state <> 'proposed'
"""  # noqa: S608 - our own text.

_LOTS = f"""
select k.sku, k.location, (k.arrived_at at time zone l.timezone)::date - {EPOCH},
    sum(k.units)::bigint
from (
    select b.sku, b.location, e.effective_at as arrived_at,
        least(e.units, b.units - (sum(e.units) over (partition by b.sku, b.location
            order by e.effective_at desc, e.entry_id desc) - e.units)) as units
    from troubled t
    join balances b on b.sku = t.sku and b.location = t.location and b.status = 'available'
    join entries e on position_key(e.sku, e.location) = position_key(b.sku, b.location)
        and e.sku = b.sku and e.location = b.location and e.status = 'available' and e.units > 0
    where b.units > 0
) k join locations l using (location)
where k.units > 0
group by 1, 2, 3
"""  # noqa: S608

_OUT_SINCE = f"""
select t.sku, t.location, (last.at at time zone l.timezone)::date - {EPOCH}
from troubled t
join locations l using (location)
join balances b on b.sku = t.sku and b.location = t.location and b.status = 'available'
cross join lateral (
    select max(e.effective_at) as at from entries e
    where position_key(e.sku, e.location) = position_key(t.sku, t.location)
        and e.sku = t.sku and e.location = t.location and e.status = 'available' and e.units < 0
) last
where b.units <= 0 and last.at is not null
"""  # noqa: S608


def read_late_lines(
    db: psycopg.Connection, ids: Sequence[str], *, today: date, limit: int
) -> dict[str, list[dict[str, Any]]]:
    """What is late of orders, and open of transfers, by id, with stock; the most urgent first.

    `lines`, `all_stock` and `all_reorder_point` are of all its late lines, at most `limit` listed.
    """
    with db.cursor(row_factory=dict_row) as rows:
        asked = {"ids": list(ids), "today": today, "limit": limit}
        found = rows.execute(_LATE_LINES, asked).fetchall()
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in found:
        lines.setdefault(line.pop("id"), []).append(line)
    return lines


_LATE_LINES = """
with coming as (
    select purchase_order_id as id, location, sku, sum(units)::bigint as units
    from open_order_parts
    where purchase_order_id = any(%(ids)s)
        and (expected_on < %(today)s or expected_on > due_on)
    group by purchase_order_id, location, line_no, sku
    union all
    select transfer_id, destination, sku, units from open_transfer_lines
    where transfer_id = any(%(ids)s)
)
select * from (
    select o.id, o.sku, o.units as open_units,
        coalesce(b.units, 0) - coalesce(b.committed_units, 0) as current_stock,
        c.reorder_point, w.demand_rate, count(*) over everything as lines,
        (sum(coalesce(b.units, 0) - coalesce(b.committed_units, 0)) over everything)::bigint
            as all_stock,
        sum(c.reorder_point) over everything as all_reorder_point,
        row_number() over (partition by o.id order by
            (coalesce(b.units, 0) - coalesce(b.committed_units, 0)) / nullif(w.demand_rate, 0),
            o.sku) as place
    from coming o
    left join policies c on c.sku = o.sku and c.location = o.location
    left join demand_windows w on w.sku = o.sku and w.location = o.location
    left join balances b on b.sku = o.sku and b.location = o.location and b.status = 'available'
    window everything as (partition by o.id)
) x where place <= %(limit)s order by id, place
"""


def take_crossed(db: psycopg.Connection, *, limit: int) -> list[str]:
    """SKUs that ran low, ran out or came back since the last time, and note that they were taken.

    Within the caller's transaction, which works on them; empty where somebody else is at it.
    """
    row = db.execute(_CROSSED, {"kinds": list(KINDS), "limit": limit}).fetchone()
    return [] if row is None or row[0] is None else list(row[0])


_CROSSED = """
with last as (
    select sequence from alerts_followed for update skip locked
), next as (
    select o.sequence, o.sku from outbox o, last
    where o.sequence > last.sequence and o.kind = any(%(kinds)s)
    order by o.sequence limit %(limit)s
), noted as (
    update alerts_followed f set sequence = (select max(sequence) from next)
    where exists (select from next)
)
select array_agg(distinct sku) from next
"""
