-- How severe an alert was when it was told: one that becomes more severe is told again.

alter table alert_delivery_items
    add column severity text check (severity in ('info', 'warning', 'critical'));
update alert_delivery_items i set severity = a.severity from alerts a where a.alert_id = i.alert_id;
alter table alert_delivery_items
    alter column severity set not null,
    drop constraint alert_delivery_items_pkey,
    add primary key (subscription_id, alert_id, event, severity),
    drop constraint alert_delivery_items_event_check,
    add check (event in ('raised', 'escalated', 'resolved'));

-- From 1 for what may wait to 3 for what may not.
create function severity_rank(severity text) returns integer
    language sql immutable parallel safe
    return array_position(array['info', 'warning', 'critical'], severity);
