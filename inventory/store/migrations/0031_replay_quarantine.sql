-- What a row that could not go in needs in order to go in later, and what became of it.

alter table quarantine
    -- How the message meant the row. Null on rows from before these were kept.
    add column mode text check (mode in ('delta', 'snapshot')),
    add column basis text check (basis in ('physical', 'net')),
    -- The location of rows that name none.
    add column location text,
    add column source text,
    add column actor text not null default '',
    -- Rows of one all-or-nothing message go in together or not at all.
    add column together text,
    -- False where the row could only be kept in part, or with characters that stand for others.
    add column whole boolean not null default false,
    add column replays integer not null default 0,
    add column resolution text check (resolution in ('went_in', 'dismissed')),
    add column resolved_by text,
    add column resolved_why text;
create index quarantine_together on quarantine (together) where resolved_at is null;
update quarantine set resolution = 'went_in' where resolved_at is not null;
