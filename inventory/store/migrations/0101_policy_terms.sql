-- What a policy is made of, as figures: its explanation is worked out when it is read.

-- Checked row by row, the keys took longer than all else that writing a million policies takes.
-- Policies are written for positions that the catalogue has, as a set.
alter table policies drop constraint policies_sku_fkey, drop constraint policies_location_fkey;

alter table policies
    add column lead_time_sd_days double precision not null default 0,
    -- cycle_service, fill_rate or cost_ratio: what `service_level` is a level of.
    add column target_kind text not null default 'cycle_service',
    -- Units; they and the lot sum to the figures.
    add column lead_time_mean double precision not null default 0,
    add column review_mean double precision not null default 0,
    add column target_units double precision not null default 0,
    add column economic_lot double precision not null default 0,
    -- What the usual order was rounded by; null: no maximum.
    add column min_order_units double precision not null default 0,
    add column pack_units double precision not null default 1,
    add column max_units double precision,
    -- ABC by value and XYZ by variation, as in AX; empty where nothing is known.
    add column segment text not null default '',
    -- How demand over the window is distributed: see `demand_laws`.
    add column demand_law text not null default 'path',
    add column basis_id bigint;

update policies p set
    lead_time_mean = t.lead, review_mean = t.review,
    target_units = t.lead + t.review + p.safety_stock,
    economic_lot = p.order_up_to - p.reorder_point
from (
    select q.sku, q.location,
        coalesce(sum((x ->> 'quantity')::float8)
            filter (where x ->> 'term' = 'demand over lead time'), 0) as lead,
        coalesce(sum((x ->> 'quantity')::float8)
            filter (where x ->> 'term' = 'demand over review period'), 0) as review
    from policies q
    left join lateral jsonb_array_elements(q.explanation -> 'reorder_point' -> 'terms') as x on true
    group by q.sku, q.location
) t
where t.sku = p.sku and t.location = p.location;

alter table policies drop column explanation;

-- Where the settings of policies come from: few different ones, each kept once.
create table policy_bases (
    basis_id bigint generated always as identity primary key,
    sources jsonb not null unique
);

-- Demand over lead time and review period as quantiles at `inventory.demand.LEVELS`, as it was when
-- the forecast, the lead time and the day were these. A policy of another target or cost needs no
-- sample paths again. No foreign keys: see `sales_days`.
create table demand_windows (
    sku text not null,
    location text not null,
    run_id text not null,
    -- Digest of the overrides that acted.
    stated text not null,
    planned_on date not null,
    lead_time_days double precision not null,
    lead_time_sd_days double precision not null,
    review_period_days double precision not null,
    lead_time_mean double precision not null,
    review_mean double precision not null,
    -- Units per day over the first weeks.
    demand_rate double precision not null,
    quantiles real[] not null,
    primary key (sku, location)
);
