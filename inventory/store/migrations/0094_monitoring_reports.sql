-- What monitoring found, as it was told, by the last day that it is about.
create table monitoring_reports (
    last_day date primary key,
    report jsonb not null,
    made_at timestamptz not null
);
