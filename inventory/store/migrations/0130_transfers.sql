-- Moving stock between our own locations: by which ways, what planning proposes, what people decide.

create table transfer_lanes (
    origin text not null references locations,
    destination text not null references locations,
    -- Money per unit: for the way, and for taking it off one shelf and putting it on another.
    freight_per_unit double precision not null check (freight_per_unit >= 0),
    handling_per_unit double precision not null default 0 check (handling_per_unit >= 0),
    -- From the decision to the shelf.
    lead_time_days integer not null check (lead_time_days >= 0),
    -- Units that one transfer may carry, of all SKUs together; null: as many as there are.
    capacity_units integer check (capacity_units > 0),
    primary key (origin, destination),
    check (origin <> destination)
);
create index transfer_lanes_destination on transfer_lanes (destination);

create table transfers (
    transfer_id text primary key,
    origin text not null references locations,
    destination text not null references locations,
    state text not null check (state in (
        'proposed', 'accepted', 'approved', 'shipped', 'partially_received', 'received', 'closed',
        'rejected', 'cancelled')),
    -- Whether planning keeps it up to date; a person's own proposal it leaves alone.
    planned boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    expected_on date not null,
    version integer not null default 1,
    check (origin <> destination)
);
-- One proposal per way: planning again changes it, and adds no second one.
create unique index transfers_proposed on transfers (origin, destination)
    where state = 'proposed' and planned;
create index transfers_state on transfers (state);

create table transfer_lines (
    transfer_id text not null references transfers on delete cascade,
    line_no integer not null,
    sku text not null references skus,
    quantity bigint not null check (quantity > 0),
    shipped_units bigint not null default 0 check (shipped_units between 0 and quantity),
    received_units bigint not null default 0 check (received_units between 0 and shipped_units),
    -- Units that the origin needs for itself: approval leaves it these.
    keep_units bigint not null check (keep_units >= 0),
    reason text not null check (reason in (
        'stock_out_risk', 'pre_position', 'season', 'clearance', 'by_hand')),
    -- Money that the line is expected to save, after freight and handling.
    saving double precision not null,
    -- Money terms that sum to the saving.
    explanation jsonb not null,
    -- A line that a person changed or accepted: planning leaves it alone.
    firmed boolean not null default false,
    primary key (transfer_id, line_no),
    unique (transfer_id, sku)
);
create index transfer_lines_sku on transfer_lines (sku);

-- Who did what, when and why; append-only.
create table transfer_events (
    event_id bigint generated always as identity primary key,
    transfer_id text not null references transfers on delete cascade,
    act text not null,
    from_state text,
    to_state text not null,
    at timestamptz not null,
    actor text not null,
    reason text,
    changes jsonb
);
create index transfer_events_transfer on transfer_events (transfer_id);

-- Goods of a transfer are received as any supply is, by whoever stands at the dock: the transfer
-- hears of it here, in the same transaction. `vouch.actor` names who acts through the transfer itself.
create function note_transfer_receipt() returns trigger
language plpgsql
as $function$
declare
    came bigint := new.received_units - old.received_units;
    moved record;
    reached text;
begin
    select * into moved from transfers where transfer_id = new.purchase_order_id for update;
    if not found then
        return null;
    end if;
    update transfer_lines set received_units = received_units + came
    where transfer_id = moved.transfer_id and sku = new.sku;
    reached := case when exists (
        select from transfer_lines
        where transfer_id = moved.transfer_id and received_units < shipped_units
    ) then 'partially_received' else 'received' end;
    update transfers set state = reached, updated_at = new.updated_at, version = version + 1
    where transfer_id = moved.transfer_id;
    insert into transfer_events
        (transfer_id, act, from_state, to_state, at, actor, changes)
    values (moved.transfer_id, 'receive', moved.state, reached, new.updated_at,
        coalesce(nullif(current_setting('vouch.actor', true), ''), 'dock'),
        jsonb_build_object('received',
            jsonb_build_array(jsonb_build_object('sku', new.sku, 'quantity', came))));
    insert into outbox (kind, location, payload, created_at)
    values ('transfer', moved.destination, jsonb_build_object('transfer', moved.transfer_id,
        'origin', moved.origin, 'act', 'receive', 'from', moved.state, 'to', reached),
        new.updated_at);
    return null;
end
$function$;
create trigger inbound_tells_its_transfer after update of received_units on inbound
    for each row when (new.source = 'transfer' and new.received_units > old.received_units)
    execute function note_transfer_receipt();
