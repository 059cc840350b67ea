-- What planners stated and withdrew, in the columns of the other records of change.

-- The order in which they were withdrawn, which is not that in which they were stated.
alter table forecast_override_withdrawals
    add column withdrawal_id bigint generated always as identity unique;

create view audit_overrides as
select override_id as book_id, 'override' as record, created_at as at, 'state' as act,
    coalesce(nullif(created_by, ''), 'system') as actor, 'forecast' as source, reason, sku, location,
    null::text as status, null::bigint as units, null::bigint as stated_units,
    null::text as outcome, null::timestamptz as effective_at, null::text as message_id,
    null::text as reservation_id, null::text as inbound_id, null::text as order_id,
    null::text as purchase_order_id, null::text as from_state, 'stated' as to_state,
    jsonb_strip_nulls(jsonb_build_object(
        'override', override_id, 'category', category, 'vendor', vendor, 'group', group_id,
        'from', first_day, 'to', last_day, 'quantity', quantity,
        'quantity_basis', case when quantity is not null then quantity_basis end,
        'factor', factor, 'note', nullif(note, ''), 'expires_at', expires_at)) as detail
from forecast_overrides;

create view audit_override_withdrawals as
select w.withdrawal_id as book_id, o.record, w.withdrawn_at as at, 'withdraw' as act,
    coalesce(nullif(w.withdrawn_by, ''), 'system') as actor, o.source, w.reason, o.sku, o.location,
    o.status, o.units, o.stated_units, o.outcome, o.effective_at, o.message_id, o.reservation_id,
    o.inbound_id, o.order_id, o.purchase_order_id, 'stated' as from_state,
    'withdrawn' as to_state, o.detail
from forecast_override_withdrawals w join audit_overrides o on o.book_id = w.override_id;
