-- Who may do what, and the work that runs behind a request.

create table api_keys (
    key_id text primary key,
    -- SHA-256 of the secret part; the key itself is shown once and never stored.
    key_hash bytea not null,
    role text not null
        check (role in ('viewer', 'oms', 'vendor', 'planner', 'buyer', 'scientist', 'admin')),
    vendor text references vendors,
    label text not null default '',
    created_at timestamptz not null,
    revoked_at timestamptz
);

create table jobs (
    job_id text primary key,
    kind text not null,
    state text not null check (state in ('queued', 'running', 'succeeded', 'failed')),
    done integer not null default 0,
    total integer not null default 0,
    result jsonb,
    problem text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
