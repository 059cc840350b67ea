-- What the forecast sets: buffers of views, policies of positions, and orders to vendors.

-- A forecast-driven buffer rule, worked out per position and day. Day d withholds
-- units[d - first_day + 1]; days after the last hold its value, days before the first none.
create table forecast_buffers (
    rule_id text not null references buffer_rules on delete cascade,
    sku text not null,
    location text not null,
    first_day date not null,
    units integer[] not null,
    level real not null,
    run_id text not null,
    explanation jsonb not null,
    computed_at timestamptz not null,
    primary key (sku, location, rule_id)
);

create table policies (
    sku text not null references skus,
    location text not null references locations,
    safety_stock double precision not null,
    reorder_point double precision not null,
    order_quantity double precision not null,
    order_up_to double precision not null,
    lead_time_days double precision not null,
    review_period_days double precision not null,
    service_level double precision not null,
    -- Signed terms that sum to each figure, with their sources.
    explanation jsonb not null,
    run_id text not null,
    computed_at timestamptz not null,
    primary key (sku, location)
);

create table purchase_orders (
    purchase_order_id text primary key,
    vendor text not null references vendors,
    location text not null references locations,
    state text not null check (state in (
        'proposed', 'accepted', 'approved', 'sent', 'confirmed', 'shipped',
        'partially_received', 'received', 'closed', 'rejected', 'cancelled')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    expected_on date not null,
    version integer not null default 1
);
create index purchase_orders_state on purchase_orders (state, vendor);

create table purchase_order_lines (
    purchase_order_id text not null references purchase_orders on delete cascade,
    line_no integer not null,
    sku text not null references skus,
    quantity bigint not null check (quantity > 0),
    received_units bigint not null default 0,
    unit_cost double precision not null,
    -- need = demand + safety stock - position, then every rounding step; the terms sum.
    explanation jsonb not null,
    run_id text not null,
    -- A line that a person changed or accepted: planning leaves it alone.
    firmed boolean not null default false,
    primary key (purchase_order_id, line_no),
    unique (purchase_order_id, sku)
);
create index purchase_order_lines_sku on purchase_order_lines (sku);

create table purchase_order_events (
    event_id bigint generated always as identity primary key,
    purchase_order_id text not null references purchase_orders on delete cascade,
    act text not null,
    from_state text,
    to_state text not null,
    at timestamptz not null,
    actor text not null,
    reason text,
    changes jsonb
);

create table alerts (
    alert_id bigint generated always as identity primary key,
    kind text not null,
    sku text,
    location text,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    message text not null,
    detail jsonb not null default '{}',
    raised_at timestamptz not null,
    resolved_at timestamptz
);
-- One open alert per cause: a repeat is not a second alert.
create unique index alerts_open on alerts (kind, coalesce(sku, ''), coalesce(location, ''))
    where resolved_at is null;
