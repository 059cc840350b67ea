-- Since when a document does not reach its vendor: from its first attempt, or from when it was found
-- that nothing can be tried. Null: it was not tried yet, or it arrived.
alter table dispatches add column failing_since timestamptz;
update dispatches set failing_since = created_at
    where state in ('waiting', 'blocked', 'failed') and (tried or problem is not null);
