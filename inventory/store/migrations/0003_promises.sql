-- Demand not yet shipped, and everything that must happen once only.

create table reservations (
    reservation_id text primary key,
    kind text not null check (kind in ('soft', 'hard', 'preorder')),
    state text not null check (state in (
        'active', 'confirmed', 'allocated', 'processed', 'shipped',
        'released', 'expired', 'cancelled', 'rejected')),
    channel text not null,
    method text not null,
    priority integer not null default 0,
    -- Order of acceptance: who came first when supply falls short.
    sequence bigint generated always as identity,
    order_id text,
    created_at timestamptz not null,
    -- Live while expires_at > now; null: does not expire.
    expires_at timestamptz,
    confirmed_at timestamptz,
    -- When it reached a terminal state.
    closed_at timestamptz
);
-- One order, one reservation: an order is found by the id the order system gave it. A cart that was
-- let go does not block the id.
create unique index reservations_order on reservations (order_id)
    where order_id is not null and state not in ('released', 'expired');
create index reservations_expiry on reservations (expires_at) where state = 'active';

-- A line takes `open_units` from one position, or from a group until it is located.
create table reservation_lines (
    reservation_id text not null references reservations,
    line_no integer not null,
    -- The line of the request it came from: bundles and splits make several of one.
    request_line integer not null,
    sku text not null references skus,
    -- How it will be fulfilled: says which members of a group may.
    method text not null,
    location text references locations,
    group_id text references groups,
    promised_date date not null,
    quantity bigint not null check (quantity > 0),
    -- Units that still count as a commitment; zero once shipped, released, expired or cancelled.
    open_units bigint not null check (open_units >= 0),
    shipped_units bigint not null default 0 check (shipped_units >= 0),
    returned_units bigint not null default 0 check (returned_units between 0 and shipped_units),
    -- Class of the commitment, kept on the line so that availability reads one table.
    class text not null check (class in ('soft', 'hard', 'peg')),
    expires_at timestamptz,
    excluded_locations text[] not null default '{}',
    -- For a component: the bundle that was asked for, and how many of it.
    bundle_sku text,
    bundle_units bigint,
    primary key (reservation_id, line_no),
    check (location is not null or group_id is not null),
    check (open_units + shipped_units <= quantity)
);
create index reservation_lines_position on reservation_lines (sku, location)
    include (promised_date, open_units, class, expires_at) where open_units > 0;
create index reservation_lines_group on reservation_lines (sku, group_id)
    where open_units > 0 and location is null;

-- Every transition of a reservation, append-only: who, when, why.
create table reservation_events (
    event_id bigint generated always as identity primary key,
    reservation_id text not null references reservations,
    act text not null,
    from_state text,
    to_state text not null,
    at timestamptz not null,
    actor text not null default '',
    reason text,
    body jsonb
);
create index reservation_events_reservation on reservation_events (reservation_id);

-- One id, one outcome for ever, also when the outcome was a refusal.
create table idempotency (
    scope text not null,
    key text not null,
    body_hash text not null,
    status integer not null,
    response jsonb not null,
    created_at timestamptz not null,
    primary key (scope, key)
);

-- Events for others, written in the transaction that made them true.
create table outbox (
    event_id bigint generated always as identity primary key,
    kind text not null,
    sku text,
    location text,
    payload jsonb not null,
    created_at timestamptz not null,
    delivered_at timestamptz
);
