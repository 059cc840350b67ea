-- Overrides are numbered.
alter table forecast_outcomes alter column override_id type bigint using override_id::bigint;
