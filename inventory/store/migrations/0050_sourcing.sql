-- What sourcing orders goes by: what a parcel costs from where, how fast it travels, how reliable
-- its location was, and how many parcels the day has already.

alter table locations
    -- Money for a parcel at all, for each unit in it, and for each km that it travels. Null: the
    -- defaults that inventory.sourcing names.
    add column cost_per_parcel double precision check (cost_per_parcel >= 0),
    add column cost_per_unit double precision check (cost_per_unit >= 0),
    add column cost_per_km double precision check (cost_per_km >= 0),
    -- How far a parcel gets in a day.
    add column km_per_day double precision check (km_per_day > 0);

-- The parcels of a day at a location: open ones, and those that left. Nothing else is in the index,
-- so that the many lines of a day share one entry, and placing them costs next to nothing more.
create index reservation_lines_of_the_day on reservation_lines (location, promised_date)
    where location is not null and open_units + shipped_units > 0;

-- What became of a location's parcels, by day: counted once from reservation_events.
create table fulfilment_tallies (
    location text not null references locations on delete cascade,
    day date not null,
    on_time_parcels bigint not null default 0,
    late_parcels bigint not null default 0,
    rejected_parcels bigint not null default 0,
    primary key (location, day)
);
-- The last event that is in the tallies.
create table fulfilment_tallied (
    only_row boolean primary key default true check (only_row),
    event_id bigint not null
);
insert into fulfilment_tallied (event_id) values (0);

-- Why a reservation takes from where it does, and where it goes: a rejection sources it anew.
create table sourcing_decisions (
    reservation_id text primary key references reservations on delete cascade,
    strategy text not null,
    latitude double precision not null,
    longitude double precision not null,
    rules jsonb not null,
    proposal jsonb not null,
    decided_at timestamptz not null
);
