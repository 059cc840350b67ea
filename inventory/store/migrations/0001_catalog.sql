-- Who and what there is: places, things, and the rules that belong to them.

create table locations (
    location text primary key,
    name text not null,
    type text not null check (type in ('warehouse', 'store', 'hub', 'vendor')),
    latitude double precision check (latitude between -90 and 90),
    longitude double precision check (longitude between -180 and 180),
    timezone text not null default 'UTC',
    methods text[] not null default '{}',
    daily_capacity integer check (daily_capacity >= 0),
    -- Local time after which a promise can no longer leave today; null: midnight.
    cutoff time,
    put_away_lag_days integer not null default 0 check (put_away_lag_days >= 0)
);

create table vendors (
    vendor text primary key,
    name text not null,
    lead_time_days double precision not null default 7 check (lead_time_days >= 0),
    lead_time_sd_days double precision not null default 0 check (lead_time_sd_days >= 0),
    review_period_days double precision not null default 1 check (review_period_days >= 0),
    email text,
    min_order_value double precision not null default 0 check (min_order_value >= 0)
);

create table skus (
    sku text primary key,
    name text not null,
    category text not null default '',
    brand text not null default '',
    vendor text references vendors,
    unit_cost double precision not null default 0 check (unit_cost >= 0),
    price double precision not null default 0 check (price >= 0),
    pack_size integer not null default 1 check (pack_size >= 1),
    min_order_quantity integer not null default 0 check (min_order_quantity >= 0),
    shelf_life_days integer check (shelf_life_days >= 0),
    -- Money per unit and year; null: a share of unit cost, set in the settings.
    holding_cost double precision check (holding_cost >= 0),
    -- Money per order line placed; null: the settings' default.
    order_cost double precision check (order_cost >= 0)
);
create index skus_vendor on skus (vendor);
create index skus_category on skus (category);

create table channels (
    channel text primary key,
    name text not null,
    -- Default life of a soft hold (a cart) and of a confirmed but unallocated order.
    soft_ttl_seconds integer not null default 900 check (soft_ttl_seconds > 0),
    order_ttl_seconds integer not null default 172800 check (order_ttl_seconds > 0),
    -- Units per SKU that soft holds of this channel may go below zero.
    oversell_units integer not null default 0 check (oversell_units >= 0)
);

create table groups (
    group_id text primary key,
    name text not null
);
create table group_members (
    group_id text not null references groups on delete cascade,
    location text not null references locations,
    primary key (group_id, location)
);
create index group_members_location on group_members (location);

create table bundles (
    sku text not null references skus on delete cascade,
    component text not null references skus,
    units integer not null check (units > 0),
    primary key (sku, component),
    check (sku <> component)
);

-- A promise buffer rule: the most specific rule that matches a view wins, buffers never add up.
-- Exactly one of quantity, days_of_cover and forecast says how many units it withholds.
create table buffer_rules (
    rule_id text primary key,
    sku text references skus on delete cascade,
    category text,
    location text references locations on delete cascade,
    location_type text check (location_type in ('warehouse', 'store', 'hub', 'vendor')),
    method text,
    channel text,
    quantity integer check (quantity >= 0),
    days_of_cover double precision check (days_of_cover >= 0),
    -- {"cancellation_cost": money, "margin": money, "exposure_days": n, "floor": units, ...}
    forecast jsonb,
    lookahead_days integer check (lookahead_days >= 0),
    check (num_nonnulls(quantity, days_of_cover, forecast) = 1)
);
create index buffer_rules_sku on buffer_rules (sku);
