-- How long each vendor takes to each place, as its deliveries show; location '' for all of a vendor's.
create table lane_lead_times (
    vendor text not null references vendors on delete cascade,
    location text not null,
    -- Orders that arrived, and the goods receipts they came in.
    orders integer not null,
    receipts integer not null,
    -- Of those orders alone, days; null where none or one arrived.
    observed_mean_days double precision,
    observed_sd_days double precision,
    -- Share of what was ordered that came, of orders that are complete.
    fill_share double precision,
    -- Drawn towards what the vendor states, the more so the fewer orders arrived: what planning uses.
    mean_days double precision not null,
    sd_days double precision not null,
    stated_mean_days double precision not null,
    stated_sd_days double precision not null,
    learned_at timestamptz not null,
    primary key (vendor, location)
);
