-- What others are told when availability crosses a threshold, and in which order they read it.

-- The day on which something that is at a place at `moment` can still leave: `Calendar.day_of`.
create function location_day(timezone text, cutoff time, moment timestamptz) returns date
language sql stable
return (moment at time zone timezone)::date
    + coalesce(((moment at time zone timezone)::time > cutoff)::int, 0);

-- SKUs whose positions are to be looked at again, because promises on groups may have carried a
-- change to positions that the writer did not hold.
create table announcements_due (
    sku text primary key,
    noted_at timestamptz not null
);

-- The expected moment for which it was already said that this supply is overdue.
alter table inbound add column overdue_reported_for timestamptz;
create index inbound_expected on inbound (expected_at)
    where state in ('planned', 'confirmed', 'shipped') and quantity > 0;

-- Readers follow `sequence`, which is given to events once they are committed. Ids are taken earlier,
-- so a lower id may become visible after a higher one and would be missed by who follows ids.
alter table outbox add column sequence bigint;
create unique index outbox_sequence on outbox (sequence);
create index outbox_waiting on outbox (event_id) where sequence is null;
create index outbox_sku on outbox (sku, sequence);
alter table outbox drop column delivered_at;
