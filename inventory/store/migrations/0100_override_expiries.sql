-- Overrides that expired before their days were over, once what they had moved was planned again.
create table forecast_override_expiries (
    override_id bigint primary key references forecast_overrides,
    replanned_at timestamptz not null
);

-- Looked at every minute.
create index forecast_overrides_expiring on forecast_overrides (expires_at)
    where expires_at is not null;
