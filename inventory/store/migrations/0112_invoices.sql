-- What vendors charge for, held against what was ordered and what arrived.

-- What was ordered before it was kept: as it stands.
update purchase_order_lines l set ordered_units = l.quantity, due_on = p.expected_on
from purchase_orders p
where p.purchase_order_id = l.purchase_order_id and l.ordered_units is null and l.quantity > 0
    and p.state in ('sent', 'confirmed', 'shipped', 'partially_received', 'received', 'closed');

create table invoices (
    invoice_id bigint generated always as identity primary key,
    vendor text not null references vendors,
    -- The vendor's own number.
    number text not null,
    invoiced_on date,
    currency text,
    -- What the vendor says it comes to, and what of that is for no goods (freight, tax).
    total numeric,
    charges numeric not null default 0,
    -- The invoice of the same number that came before: this one is owed nothing.
    duplicate_of bigint references invoices,
    state text not null default 'open' check (state in ('open', 'approved', 'rejected')),
    document_id text,
    recorded_at timestamptz not null,
    recorded_by text not null,
    decided_at timestamptz,
    decided_by text,
    reason text
);
create unique index invoices_number on invoices (vendor, number) where duplicate_of is null;
create index invoices_open on invoices (invoice_id) where state = 'open';

create table invoice_lines (
    invoice_id bigint not null references invoices,
    line_no integer not null,
    purchase_order_id text,
    -- The line of that order which is meant; null: it has none.
    order_line integer,
    -- As the vendor calls it.
    sku text,
    quantity bigint not null check (quantity > 0),
    unit_price numeric not null check (unit_price >= 0),
    primary key (invoice_id, line_no)
);
create index invoice_lines_order on invoice_lines (purchase_order_id, order_line);

-- The three-way match of these invoices, as of now. Of several invoices for one line the earlier is
-- served first, so only the one that goes beyond what arrived is questioned. Refused invoices and
-- duplicates take nothing. What was refused, or still awaits approval, did not arrive.
create function invoice_discrepancies(asked_ids bigint[]) returns table (
    invoice_id bigint, line_no integer, kind text, purchase_order_id text, sku text,
    expected numeric, found numeric, money numeric
) language sql stable as $function$
with asked as materialized (
    select i.invoice_id, i.duplicate_of, i.total, i.charges,
        coalesce(v.invoice_quantity_share, a.invoice_quantity_share, 0)::numeric as quantity_share,
        coalesce(v.invoice_price_share, a.invoice_price_share, 0)::numeric as price_share
    from invoices i
    left join order_terms v on v.vendor = i.vendor
    left join order_terms a on a.vendor = '*'
    where i.invoice_id = any (asked_ids) and i.state <> 'rejected'
), goods as materialized (
    select a.invoice_id, sum(round(l.quantity * l.unit_price, 2)) as money, count(*) as lines
    from asked a join invoice_lines l on l.invoice_id = a.invoice_id group by a.invoice_id
), lines as materialized (
    select l.*, a.quantity_share, a.price_share, p.unit_cost::numeric as unit_cost,
        greatest(0, p.received_units - p.refused_units - coalesce((
            select b.awaiting_units from inbound b
            where b.inbound_id = p.purchase_order_id || ':' || p.line_no), 0)) as accepted,
        (
            select coalesce(sum(e.quantity), 0) from invoice_lines e
            join invoices f on f.invoice_id = e.invoice_id
            where e.purchase_order_id = l.purchase_order_id and e.order_line = l.order_line
                and f.state <> 'rejected' and f.duplicate_of is null
                and (e.invoice_id, e.line_no) < (l.invoice_id, l.line_no)
        ) as before
    from asked a join invoice_lines l on l.invoice_id = a.invoice_id
    left join purchase_order_lines p
        on p.purchase_order_id = l.purchase_order_id and p.line_no = l.order_line
    where a.duplicate_of is null
), judged as materialized (
    select l.*, least(quantity, greatest(0, accepted - before)) as owed,
        floor(accepted * (1 + quantity_share)) as tolerated
    from lines l
)
select j.invoice_id, j.line_no, 'not_ordered', j.purchase_order_id, j.sku, 0::numeric,
    j.quantity::numeric, round(j.quantity * j.unit_price, 2)
from judged j where j.order_line is null
union all
select j.invoice_id, j.line_no, 'not_received', j.purchase_order_id, j.sku, 0, j.quantity,
    round(j.quantity * j.unit_price, 2)
from judged j where j.order_line is not null and j.accepted = 0
union all
select j.invoice_id, j.line_no, 'quantity', j.purchase_order_id, j.sku, j.owed, j.quantity,
    round((j.quantity - j.owed) * j.unit_price, 2)
from judged j where j.accepted > 0 and j.before + j.quantity > j.tolerated
union all
select j.invoice_id, j.line_no, 'price', j.purchase_order_id, j.sku, j.unit_cost, j.unit_price,
    round(j.quantity * (j.unit_price - j.unit_cost), 2)
from judged j where abs(j.unit_price - j.unit_cost) > j.price_share * j.unit_cost
union all
-- Each line may have been rounded by itself.
select a.invoice_id, null, 'total', null, null, g.money + a.charges, a.total,
    a.total - g.money - a.charges
from asked a join goods g on g.invoice_id = a.invoice_id
where a.duplicate_of is null and abs(a.total - g.money - a.charges) > 0.01 * g.lines
union all
select a.invoice_id, null, 'duplicate', null, null, 0, g.money, g.money
from asked a join goods g on g.invoice_id = a.invoice_id where a.duplicate_of is not null
$function$;
