-- Invoices in another currency are questioned, and one that was rejected leaves its number free for
-- that which puts it right. A price is another one where it makes a cent of difference: 10 per dozen
-- is 0.8333... per unit, and no order can say so exactly.

-- What orders without a currency of their own are in, when the invoice came. Null: not known then.
alter table invoices add column house_currency text;

drop index invoices_number;
with next as (
    select distinct on (d.duplicate_of) d.duplicate_of as rejected, d.invoice_id
    from invoices d join invoices f on f.invoice_id = d.duplicate_of and f.state = 'rejected'
    where d.state <> 'rejected'
    order by d.duplicate_of, d.state = 'approved' desc, d.invoice_id
)
update invoices d set duplicate_of = nullif(next.invoice_id, d.invoice_id)
from next where d.duplicate_of = next.rejected and d.state <> 'rejected';
create unique index invoices_number on invoices (vendor, number)
    where duplicate_of is null and state <> 'rejected';
create index invoices_duplicates on invoices (duplicate_of) where duplicate_of is not null;

-- It reads the currency of orders, which a later migration adds.
set local check_function_bodies = off;

-- The three-way match of these invoices, as of now. Of several invoices for one line the earlier is
-- served first, so only the one that goes beyond what arrived is questioned. Refused invoices and
-- duplicates take nothing. Nothing is owed in another currency than the order's, and prices in two
-- currencies are not compared. What was refused, or still awaits approval, did not arrive.
create or replace function invoice_discrepancies(asked_ids bigint[]) returns table (
    invoice_id bigint, line_no integer, kind text, purchase_order_id text, sku text,
    expected numeric, found numeric, money numeric
) language sql stable as $function$
with asked as materialized (
    select i.invoice_id, i.duplicate_of, i.total, i.charges, i.currency, i.house_currency,
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
        coalesce(a.currency <> coalesce(o.currency, a.house_currency), false) as is_foreign,
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
    left join purchase_orders o on o.purchase_order_id = l.purchase_order_id
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
from judged j
where abs(j.unit_price - j.unit_cost) > j.price_share * j.unit_cost and not j.is_foreign
    and round(j.quantity * (j.unit_price - j.unit_cost), 2) <> 0
union all
select j.invoice_id, null, 'currency', min(j.purchase_order_id), null, 0,
    sum(round(j.quantity * j.unit_price, 2)), sum(round(j.quantity * j.unit_price, 2))
from judged j where j.is_foreign group by j.invoice_id
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
