-- What waiting for an order costs: worked out by planning and at every change of the order.

alter table purchase_orders
    -- critical, high, medium or low by the earliest stock-out of its lines; null: no forecast.
    add column urgency text check (urgency in ('critical', 'high', 'medium', 'low')),
    add column stock_out_on date,
    add column cover_days double precision,
    add column revenue_protected numeric;
alter table purchase_order_lines
    -- The same of the line, with the terms that sum to each figure.
    add column worth jsonb;
create index purchase_orders_urgency on purchase_orders (
    (case urgency when 'critical' then 0 when 'high' then 1 when 'medium' then 2 when 'low' then 3
        else 4 end), purchase_order_id desc)
    where state in ('proposed', 'accepted', 'approved', 'sent', 'confirmed', 'shipped',
        'partially_received');
