-- Transfers are approved as orders to vendors are: by rules, or by one or two people; and they may
-- be late.

alter table transfers
    -- Buyers who approved what it says now.
    add column approved_by text[] not null default '{}',
    -- The day on which it should come, as told when it was approved, and again when it left.
    add column due_on date;
update transfers set due_on = expected_on
    where state in ('approved', 'shipped', 'partially_received');

-- Above what value a transfer needs a second, different buyer; of what leaves '*': any origin.
create table transfer_terms (
    origin text primary key,
    second_approval_above numeric check (second_approval_above >= 0),
    updated_at timestamptz not null,
    updated_by text not null
);

-- A rule is about orders to vendors, or about transfers: then of these ends; null: any.
alter table auto_approval_rules
    add column subject text not null default 'purchase_order'
        check (subject in ('purchase_order', 'transfer')),
    add column origin text references locations on delete cascade,
    add column destination text references locations on delete cascade,
    add check (vendor is null or subject = 'purchase_order'),
    add check (coalesce(origin, destination) is null or subject = 'transfer');

create index transfer_events_approvals on transfer_events (at) where act = 'approve';

-- What was approved in these days (UTC), as it was approved last where it went back in between, by
-- which rule (null: by people), and what it is worth: at the order's prices, or at unit cost.
create function approvals_between(first_day date, last_day date)
returns table (subject text, id text, vendor text, rule text, value numeric)
language sql stable as $function$
    with bounds as (
        select first_day::timestamp at time zone 'UTC' as since,
            (last_day + 1)::timestamp at time zone 'UTC' as until
    ), orders as (
        select distinct on (e.purchase_order_id) e.purchase_order_id, e.actor
        from purchase_order_events e, bounds b
        where e.act = 'approve' and e.to_state = 'approved' and e.at >= b.since and e.at < b.until
        order by e.purchase_order_id, e.event_id desc
    ), moves as (
        select distinct on (e.transfer_id) e.transfer_id, e.actor
        from transfer_events e, bounds b
        where e.act = 'approve' and e.to_state = 'approved' and e.at >= b.since and e.at < b.until
        order by e.transfer_id, e.event_id desc
    )
    select 'purchase_order', o.purchase_order_id, p.vendor, substring(o.actor from '^rule:(.*)$'),
        coalesce((
            select round(sum(coalesce(l.ordered_units, l.quantity) * l.unit_cost)::numeric, 2)
            from purchase_order_lines l where l.purchase_order_id = o.purchase_order_id), 0)
    from orders o join purchase_orders p using (purchase_order_id)
    union all
    select 'transfer', m.transfer_id, null, substring(m.actor from '^rule:(.*)$'), coalesce((
            select round(sum(l.quantity * k.unit_cost)::numeric, 2)
            from transfer_lines l join skus k using (sku) where l.transfer_id = m.transfer_id), 0)
    from moves m
$function$;

create or replace function analytics_automation(first_day date, last_day date)
returns table (vendor text, approved bigint, automatic bigint, automatic_share double precision,
    value double precision, automatic_value double precision, value_share double precision)
language sql stable as $function$
    select a.vendor, count(*), count(a.rule), count(a.rule)::double precision / count(*),
        sum(a.value)::double precision,
        coalesce(sum(a.value) filter (where a.rule is not null), 0)::double precision,
        (coalesce(sum(a.value) filter (where a.rule is not null), 0)
            / nullif(sum(a.value), 0))::double precision
    from approvals_between(first_day, last_day) a where a.subject = 'purchase_order'
    group by grouping sets ((a.vendor), ())
    having count(*) > 0 order by a.vendor nulls first
$function$;

-- Units that a transfer is still to bring: of what left, once something did.
create view open_transfer_lines as
select l.transfer_id, l.line_no, l.sku, t.destination,
    case when t.state = 'approved' then l.quantity else l.shipped_units end - l.received_units
        as units
from transfers t join transfer_lines l using (transfer_id)
where t.state in ('approved', 'shipped', 'partially_received')
    and case when t.state = 'approved' then l.quantity else l.shipped_units end > l.received_units;
