-- Why a run forecast what it forecast: said by the run itself, so that nobody who reads it loads a
-- model.

-- What holds for all series of a run, once.
create table explained_runs (
    run_id text primary key references forecast_runs on delete cascade,
    -- The explanation is of the mean over so many first periods.
    periods integer not null check (periods > 0),
    terms text[] not null,
    members text[] not null,
    -- Name of each feature that a series of the run names: its group and why it is looked at.
    features jsonb not null
);

create table forecast_explanations (
    run_id text not null references explained_runs on delete cascade,
    sku text not null,
    location text not null,
    -- In the order of the run's terms; they sum to the mean forecast. Units per period, as all here.
    term_units real[] not null,
    -- In the order of the run's members. Weights sum to one.
    member_units real[] not null,
    weights real[] not null,
    -- The strongest features, strongest first.
    feature_names text[] not null,
    feature_units real[] not null,
    primary key (sku, location, run_id),
    foreign key (sku, location, run_id) references forecasts on delete cascade
);
create index forecast_explanations_run on forecast_explanations (run_id);
