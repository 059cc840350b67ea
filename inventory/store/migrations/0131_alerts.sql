-- Alerts that wait, whom they reach, and what was sent: once per event, and never in storms.

-- A cause that somebody wants to hear of later: kind, SKU and location as in `alerts`.
create table alert_snoozes (
    kind text not null,
    sku text,
    location text,
    until timestamptz not null,
    reason text,
    snoozed_by text not null,
    snoozed_at timestamptz not null
);
create unique index alert_snoozes_cause
    on alert_snoozes (kind, coalesce(sku, ''), coalesce(location, ''));

-- When a SKU is worth an alert; row '*' holds for every SKU, and null for what is usual.
create table alert_thresholds (
    sku text primary key,
    -- Stock that lasts less than this is low although an order is on its way.
    low_cover_days double precision check (low_cover_days >= 0),
    -- Stock above the order-up-to level that lasts this much longer is too much.
    over_cover_days double precision check (over_cover_days >= 0),
    -- Stock that lasts longer than this moves slowly.
    slow_cover_days double precision check (slow_cover_days > 0),
    -- Units that will not sell before they expire are told so many days ahead.
    expiring_days double precision check (expiring_days >= 0),
    updated_at timestamptz not null,
    updated_by text not null
);

create table alert_subscriptions (
    subscription_id text primary key,
    method text not null check (method in ('email', 'webhook')),
    -- An address, or a URL.
    target text not null,
    -- What is wanted; empty: everything.
    kinds text[] not null default '{}',
    locations text[] not null default '{}',
    severity_min text not null default 'warning'
        check (severity_min in ('info', 'warning', 'critical')),
    -- Whether the end of an alert is told too.
    with_resolved boolean not null default false,
    -- More than so many at once go as one digest, and digests no oftener than this.
    digest_above integer not null default 5 check (digest_above >= 0),
    digest_minutes integer not null default 60 check (digest_minutes > 0),
    -- Signs what a webhook is sent.
    secret text,
    created_at timestamptz not null,
    created_by text not null
);

create table alert_deliveries (
    delivery_id bigint generated always as identity primary key,
    subscription_id text not null references alert_subscriptions on delete cascade,
    state text not null check (state in ('waiting', 'sent', 'failed')),
    digest boolean not null,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    sent_at timestamptz,
    problem text,
    created_at timestamptz not null
);
create index alert_deliveries_waiting on alert_deliveries (next_attempt_at) where state = 'waiting';

-- One event of one alert reaches a subscriber once, whatever is restarted.
create table alert_delivery_items (
    subscription_id text not null references alert_subscriptions on delete cascade,
    alert_id bigint not null references alerts on delete cascade,
    event text not null check (event in ('raised', 'resolved')),
    -- Null: a repeat of what was told lately, so not told again.
    delivery_id bigint references alert_deliveries on delete cascade,
    primary key (subscription_id, alert_id, event)
);
create index alert_delivery_items_delivery on alert_delivery_items (delivery_id);
create index alerts_raised on alerts (raised_at);
create index alerts_resolved on alerts (resolved_at) where resolved_at is not null;

-- What lies on the shelves by the day it arrived: first in, first out, so that what is left is of the
-- latest arrivals. Goods that were moved from another location arrived there anew.
create view stock_lots as
with arrivals as (
    select b.sku, b.location, b.units as on_hand, e.effective_at, e.units,
        sum(e.units) over (partition by b.sku, b.location
            order by e.effective_at desc, e.entry_id desc) - e.units as newer
    from balances b
    join entries e on position_key(e.sku, e.location) = position_key(b.sku, b.location)
        and e.sku = b.sku and e.location = b.location and e.status = 'available'
    where b.status = 'available' and b.units > 0 and e.units > 0
)
select sku, location, effective_at as arrived_at, least(units, on_hand - newer)::bigint as units
from arrivals where newer < on_hand;
