-- What was done with transfers stands in the record of changes, beside orders to vendors.
create view audit_transfers as
select e.event_id as book_id, 'transfer' as record, e.at, e.act,
    coalesce(nullif(e.actor, ''), 'system') as actor, 'transfer ' || e.transfer_id as source,
    coalesce(e.reason, e.act || ' as asked') as reason, null::text as sku,
    t.destination as location, null::text as status, null::bigint as units,
    null::bigint as stated_units, null::text as outcome, null::timestamptz as effective_at,
    null::text as message_id, null::text as reservation_id, null::text as inbound_id,
    null::text as order_id, null::text as purchase_order_id, e.from_state, e.to_state,
    jsonb_build_object('transfer', e.transfer_id, 'origin', t.origin)
        || coalesce(e.changes, '{}') as detail
from transfer_events e join transfers t on t.transfer_id = e.transfer_id;
