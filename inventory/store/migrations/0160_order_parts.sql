-- A line of an order is supplied in parts, each a row of inbound with its units, moment and state.

alter table inbound
    -- The line of its purchase order, and which part of it this is, from 1.
    add column order_line integer,
    add column part_no integer check (part_no > 0),
    -- The vendor's number of the shipment that brings it.
    add column shipment text,
    add check ((order_line is null) = (part_no is null)),
    add check (order_line is null or purchase_order_id is not null);

update inbound i set order_line = l.line_no, part_no = 1
from purchase_order_lines l
where l.purchase_order_id = i.purchase_order_id and l.sku = i.sku
    and i.inbound_id = l.purchase_order_id || ':' || l.line_no;

-- What was told as shipped of a line, and did not arrive yet, becomes a part of its own.
with moved as (
    update inbound i set quantity = i.quantity - l.shipped_units + l.received_units
    from purchase_order_lines l
    where l.purchase_order_id = i.purchase_order_id and l.line_no = i.order_line
        and i.state = 'confirmed' and l.shipped_units > l.received_units
        and i.quantity > l.shipped_units - l.received_units
    returning i.*, l.shipped_units - l.received_units as left_units
)
insert into inbound (inbound_id, sku, location, quantity, expected_at, state, source,
    purchase_order_id, updated_at, order_line, part_no)
select inbound_id || ':2', sku, location, left_units, expected_at, 'shipped', source,
    purchase_order_id, updated_at, order_line, 2
from moved;

create unique index inbound_parts on inbound (purchase_order_id, order_line, part_no)
    where order_line is not null;

-- What orders are still to bring: parts that their vendors told of, and, without a number of a part,
-- units that a vendor said nothing of. Those are on order, and no supply to promise from.
create view open_order_parts as
select p.purchase_order_id, p.vendor, p.location, p.state as order_state, l.line_no, l.sku,
    l.firmed, i.part_no, i.state, i.shipment, i.quantity as units,
    (i.expected_at at time zone o.timezone)::date as expected_on,
    coalesce(l.due_on, l.arrives_on, p.expected_on) as due_on
from purchase_orders p
join purchase_order_lines l using (purchase_order_id)
join locations o on o.location = p.location
join inbound i on i.purchase_order_id = l.purchase_order_id and i.order_line = l.line_no
where i.state in ('confirmed', 'shipped') and i.quantity > 0
union all
select p.purchase_order_id, p.vendor, p.location, p.state, l.line_no, l.sku, l.firmed, null,
    'ordered', null, l.quantity - l.received_units - coalesce(i.units, 0),
    coalesce(l.arrives_on, p.expected_on), coalesce(l.due_on, l.arrives_on, p.expected_on)
from purchase_orders p
join purchase_order_lines l using (purchase_order_id)
left join lateral (
    select sum(i.quantity) as units from inbound i
    where i.purchase_order_id = l.purchase_order_id and i.order_line = l.line_no
        and i.state in ('confirmed', 'shipped')
) i on true
where p.state in ('proposed', 'accepted', 'approved', 'sent', 'confirmed', 'shipped',
        'partially_received')
    and l.quantity - l.received_units > coalesce(i.units, 0);
