-- Stock as facts: append-only entries, balances that are their sum, and dated supply.

-- One row per (SKU, location, status). `units` is always the sum of the entries of that key.
-- The last accepted snapshot is kept beside it: facts effective at or before it are in its count.
create table balances (
    sku text not null references skus,
    location text not null references locations,
    status text not null
        check (status in ('available', 'inspection', 'frozen', 'in_transit', 'defective', 'scrap')),
    units bigint not null default 0,
    snapshot_at timestamptz,
    snapshot_sequence bigint,
    updated_at timestamptz not null,
    primary key (sku, location, status)
);
create index balances_location on balances (location, sku);

create table entries (
    entry_id bigint generated always as identity primary key,
    sku text not null,
    location text not null,
    status text not null,
    -- delta, snapshot, receipt, shipment, move, return, correction ...
    kind text not null,
    -- What this entry did to the balance; zero when the fact was already counted or came too late.
    units bigint not null,
    -- What the source said: the change of a delta, the count of a snapshot.
    stated_units bigint not null,
    outcome text not null check (outcome in ('applied', 'already_counted', 'superseded')),
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    -- The message that brought the fact, and who sent it.
    message_id text,
    source text not null,
    actor text not null default '',
    reason text,
    reservation_id text,
    inbound_id text,
    sequence bigint,
    -- True where the source's clock was ahead of ours and effective_at was clamped.
    clamped boolean not null default false
);
create index entries_position on entries (sku, location, status, effective_at);
create index entries_recorded on entries (recorded_at);

-- One message id, one outcome for ever. The entry it made is found by message_id.
create table feed_messages (
    message_id text primary key,
    body_hash text not null,
    outcome text not null,
    recorded_at timestamptz not null
);

-- Rows that could not go in, with the reason; never silently dropped.
create table quarantine (
    quarantine_id bigint generated always as identity primary key,
    feed text not null,
    message_id text,
    body jsonb not null,
    field text,
    problem text not null,
    recorded_at timestamptz not null,
    resolved_at timestamptz
);

-- Size of the last FULL file per feed and location: a truncated file must not zero a store.
create table full_feeds (
    feed text not null,
    location text not null,
    rows integer not null,
    received_at timestamptz not null,
    primary key (feed, location)
);

create table inbound (
    inbound_id text primary key,
    sku text not null references skus,
    location text not null references locations,
    -- Units still to come; a receipt takes from it.
    quantity bigint not null check (quantity >= 0),
    received_units bigint not null default 0 check (received_units >= 0),
    expected_at timestamptz not null,
    state text not null
        check (state in ('planned', 'confirmed', 'shipped', 'received', 'cancelled')),
    source text not null default 'purchase_order',
    purchase_order_id text,
    updated_at timestamptz not null
);
create index inbound_position on inbound (sku, location) where state in ('planned', 'confirmed', 'shipped');
create index inbound_purchase_order on inbound (purchase_order_id);
