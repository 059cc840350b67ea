-- What sold, what is planned to influence it, and what is forecast.

-- One row per (SKU, location, day). Corrections overwrite, `known_at` says when we learned it.
-- No foreign keys: checked row by row they double the time of a bulk load, whose SKUs and locations
-- are checked as a set instead.
-- `units` null with a later day: only covariates are known yet.
create table sales_days (
    sku text not null,
    location text not null,
    day date not null,
    units double precision check (units >= 0),
    in_stock real not null default 1 check (in_stock between 0 and 1),
    price double precision check (price >= 0),
    promotion real,
    covariates jsonb,
    known_at timestamptz not null,
    -- 'ledger' rows are sums of ledger entries and may be summed again; a file's word stands.
    source text not null default 'file' check (source in ('file', 'ledger')),
    primary key (sku, location, day)
);

-- Files that went in, whole: a re-run of the same file is told apart from a new one.
create table imports (
    import_id bigint generated always as identity primary key,
    kind text not null,
    name text not null,
    -- SHA-256 of the file, or of what a generated data set was made from.
    digest text not null,
    rows_read integer not null,
    accepted integer not null,
    rejected integer not null,
    imported_at timestamptz not null
);
create index imports_digest on imports (digest);

-- Covariates of a place and day (weather, holiday), shared by all its SKUs.
create table location_days (
    location text not null references locations,
    day date not null,
    covariates jsonb not null,
    known_at timestamptz not null,
    primary key (location, day)
);

create table promotions (
    promotion_id text primary key,
    sku text not null references skus,
    location text references locations,
    starts_on date not null,
    ends_on date not null,
    -- Share taken off the price, 0..1.
    discount real not null check (discount between 0 and 1),
    known_at timestamptz not null,
    check (starts_on <= ends_on)
);
create index promotions_sku on promotions (sku);

create table forecast_runs (
    run_id text primary key,
    first_day date not null,
    period_days integer not null default 1,
    horizon integer not null,
    levels double precision[] not null,
    model_version text not null,
    mlflow_run_id text,
    series integer not null,
    made_at timestamptz not null,
    note text not null default ''
);

create table forecasts (
    run_id text not null references forecast_runs on delete cascade,
    sku text not null,
    location text not null,
    mean_units real[] not null,
    -- H x Q, period by period.
    quantiles_units real[] not null,
    dependence real[] not null,
    primary key (sku, location, run_id)
);
create index forecasts_run on forecasts (run_id);

-- The forecast in force per series; a re-forecast of one SKU moves only its own.
create table current_forecasts (
    sku text not null,
    location text not null,
    run_id text not null references forecast_runs,
    primary key (sku, location)
);
