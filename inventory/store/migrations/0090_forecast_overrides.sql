-- What planners state over the forecast, kept apart from it and for ever: stated once, perhaps
-- withdrawn, never rewritten.

create table forecast_overrides (
    override_id bigint generated always as identity primary key,
    -- The scope: all series that fit every name given. No name: all series.
    sku text references skus,
    location text references locations,
    category text,
    vendor text references vendors,
    group_id text references groups,
    first_day date not null,
    last_day date not null,
    -- Units of the scope over the days together, or on each of them; or times the forecast.
    quantity double precision check (quantity >= 0),
    quantity_basis text not null default 'total' check (quantity_basis in ('total', 'per_day')),
    factor double precision check (factor >= 0),
    reason text not null,
    note text not null default '',
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    check (first_day <= last_day),
    check (num_nonnulls(quantity, factor) = 1)
);
create index forecast_overrides_sku on forecast_overrides (sku, last_day);
-- The few that no SKU names are read for every series.
create index forecast_overrides_wide on forecast_overrides (last_day) where sku is null;

create table forecast_override_withdrawals (
    override_id bigint primary key references forecast_overrides,
    withdrawn_at timestamptz not null,
    withdrawn_by text not null,
    reason text not null
);

create trigger append_only before update or delete on forecast_overrides
    for each statement execute function refuse_rewriting();
create trigger append_only before update or delete on forecast_override_withdrawals
    for each statement execute function refuse_rewriting();
