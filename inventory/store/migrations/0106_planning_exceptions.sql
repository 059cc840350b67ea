-- What planning could not do, or could only do in part, and what a planner can do about it.
create table planning_exceptions (
    exception_id bigint generated always as identity primary key,
    kind text not null,
    sku text,
    location text,
    vendor text,
    -- What else it is about: a budget, a supply lane.
    subject text,
    message text not null,
    remedy text not null,
    -- Whether a line or policy is missing for it, or it was planned with what there is.
    blocks boolean not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    -- When a run no longer saw it.
    resolved_at timestamptz
);
create unique index planning_exceptions_open on planning_exceptions
    (kind, coalesce(sku, ''), coalesce(location, ''), coalesce(vendor, ''), coalesce(subject, ''))
    where resolved_at is null;
