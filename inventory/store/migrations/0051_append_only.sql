-- The record of what happened is written once. A statement trigger costs writers of new rows nothing.

create function refuse_rewriting() returns trigger language plpgsql as $function$
begin
    raise exception '% is append-only: nothing recorded is changed or removed', tg_table_name
        using errcode = 'restrict_violation',
            hint = 'Record a correction as a new entry.';
end
$function$;
create trigger append_only before update or delete on entries
    for each statement execute function refuse_rewriting();
create trigger append_only before update or delete on reservation_events
    for each statement execute function refuse_rewriting();

-- A day of the record is found without an index entry per row.
create index reservation_events_at on reservation_events using brin (at);
create index reservations_created on reservations using brin (created_at);

-- Every record of change in the same columns: who, when, why, and from which source. What the clock
-- did by itself was done by `clock`, what a job did without a person by `system`; a reason that
-- nobody gave is what the record itself says.
create view audit_entries as
select entry_id as book_id, 'entry' as record, recorded_at as at, kind as act,
    coalesce(nullif(actor, ''), 'system') as actor, source,
    coalesce(reason, case
        when inbound_id is not null then kind || ' of inbound ' || inbound_id
        when reservation_id is not null then kind || ' of reservation ' || reservation_id
        else kind || ' stated by ' || source end) as reason,
    sku, location, status, units, stated_units, outcome, effective_at, message_id,
    reservation_id, inbound_id, null::text as order_id, null::text as purchase_order_id,
    null::text as from_state, null::text as to_state, null::jsonb as detail
from entries;

create view audit_placings as
select sequence as book_id, 'reservation' as record, created_at as at, 'place' as act,
    coalesce(nullif(actor, ''), 'system') as actor, 'channel ' || channel as source,
    kind || ' by ' || method as reason, null::text as sku, null::text as location,
    null::text as status, null::bigint as units, null::bigint as stated_units,
    null::text as outcome, null::timestamptz as effective_at, null::text as message_id,
    reservation_id, null::text as inbound_id, order_id, null::text as purchase_order_id,
    null::text as from_state,
    case when expires_at is null and confirmed_at = created_at then 'confirmed' else 'active' end
        as to_state,
    (select jsonb_agg(jsonb_build_array(l.sku, l.quantity, coalesce(l.location, l.group_id))
        order by l.line_no)
        from reservation_lines l where l.reservation_id = r.reservation_id) as detail
from reservations r;

create view audit_transitions as
select e.event_id as book_id, 'reservation' as record, e.at, e.act,
    coalesce(nullif(e.actor, ''), case when e.act = 'expire' then 'clock' else 'system' end)
        as actor,
    'channel ' || r.channel as source,
    coalesce(e.reason, case when e.act = 'expire' then 'it reached its expiry'
        else e.act || ' as asked' end) as reason,
    null::text as sku, null::text as location, null::text as status, null::bigint as units,
    null::bigint as stated_units, null::text as outcome, null::timestamptz as effective_at,
    null::text as message_id, e.reservation_id, null::text as inbound_id, r.order_id,
    null::text as purchase_order_id, e.from_state, e.to_state, e.body as detail
from reservation_events e join reservations r on r.reservation_id = e.reservation_id;

create view audit_purchase_orders as
select e.event_id as book_id, 'purchase_order' as record, e.at, e.act,
    coalesce(nullif(e.actor, ''), 'system') as actor, 'vendor ' || p.vendor as source,
    coalesce(e.reason, e.act || ' as asked') as reason, null::text as sku, p.location,
    null::text as status, null::bigint as units, null::bigint as stated_units,
    null::text as outcome, null::timestamptz as effective_at, null::text as message_id,
    null::text as reservation_id, null::text as inbound_id, null::text as order_id,
    e.purchase_order_id, e.from_state, e.to_state, e.changes as detail
from purchase_order_events e
join purchase_orders p on p.purchase_order_id = e.purchase_order_id;
