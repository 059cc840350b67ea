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
    snapshot_sequence bigint not null default 0,
    snapshot_units bigint not null default 0,
    snapshot_basis text not null default 'physical' check (snapshot_basis in ('physical', 'net')),
    updated_at timestamptz not null,
    primary key (sku, location, status)
) with (fillfactor = 80);  -- Room for the next version of a row in its own page: no index is touched.
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
-- Entries arrive in the order of recorded_at: a block index finds a day and costs next to nothing.
create index entries_recorded on entries using brin (recorded_at);

-- One message id, one outcome for ever, per feed. The entry it made carries the same message_id.
-- A quarantined row made no entry and keeps its id free, so that it can be mended and sent again.
create table feed_messages (
    feed text not null,
    message_id text not null,
    body_hash bytea not null,
    recorded_at timestamptz not null,
    primary key (feed, message_id)
);

-- Rows that could not go in, with the reason; never silently dropped.
create table quarantine (
    quarantine_id bigint generated always as identity primary key,
    feed text not null,
    message_id text,
    body jsonb not null,
    -- One open row per message and content: a file that is sent again is not listed twice.
    body_hash bytea not null,
    field text,
    problem text not null,
    recorded_at timestamptz not null,
    -- When a row of the same feed and id went in after all.
    resolved_at timestamptz
);
create unique index quarantine_open on quarantine (feed, body_hash) where resolved_at is null;
create index quarantine_message on quarantine (feed, message_id) where resolved_at is null;

-- The last FULL file per feed and location. Its size: a truncated file must not zero a store.
-- Its moment: an account that first appears later was absent from the file, so zero at its moment.
create table full_feeds (
    feed text not null,
    location text not null references locations,
    status text not null,
    rows integer not null,
    effective_at timestamptz not null,
    sequence bigint not null,
    basis text not null check (basis in ('physical', 'net')),
    received_at timestamptz not null,
    primary key (feed, location, status)
);
create index full_feeds_location on full_feeds (location);

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
