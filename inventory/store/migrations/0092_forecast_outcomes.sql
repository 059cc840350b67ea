-- Which forecast was in force when, and what came of it.

-- A run is put in force for all its series at once. So what was in force for a series at a moment is
-- the last run, by these moments until then, that has the series.
create table forecast_moments (
    moment_id bigint generated always as identity primary key,
    run_id text not null references forecast_runs on delete cascade,
    in_force_at timestamptz not null
);
create index forecast_moments_at on forecast_moments (in_force_at);
create index forecast_moments_run on forecast_moments (run_id);

insert into forecast_moments (run_id, in_force_at)
select run_id, made_at from forecast_runs order by made_at, run_id;

-- A day of a series against the forecast that was in force `lead` days before, at the end of that
-- day. Days first in the key: they are added and read day by day.
create table forecast_outcomes (
    day date not null,
    lead smallint not null check (lead > 0),
    sku text not null,
    location text not null,
    run_id text not null,
    units real not null,
    -- Out of stock for some of the day: demand was at least `units`, so this is no measure of error.
    censored boolean not null,
    -- The same weekday's sales, as known when the run was made; null where there were none.
    naive_units real,
    statistical_units real not null,
    -- With the planners' overrides as they stood then.
    final_units real not null,
    q95_units real,
    q99_units real,
    -- The override that decided `final_units`, where one did.
    override_id text,
    primary key (day, lead, sku, location)
);

-- Days that were compared, and a digest of all that the comparison read.
create table forecast_outcome_days (
    day date primary key,
    digest text not null,
    evaluated_at timestamptz not null
);

-- What kind of seller a series is, for figures per segment.
create table series_segments (
    sku text not null,
    location text not null,
    -- A: together the first 80 % of units, B: the next 15 %, C: the rest.
    volume_class text not null check (volume_class in ('A', 'B', 'C')),
    demand_class text not null,
    primary key (sku, location)
);

-- How the inputs of a model were spread where it was trained: see `models.monitoring`.
create table input_references (
    model_version text not null,
    input text not null,
    edges double precision[] not null,
    shares double precision[] not null,
    first_day date not null,
    last_day date not null,
    made_at timestamptz not null,
    primary key (model_version, input)
);

-- Days arrive in order, so the rows of a day lie together.
create index sales_days_day on sales_days
    using brin (day) with (pages_per_range = 32, autosummarize = on);
