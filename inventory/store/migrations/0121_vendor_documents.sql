-- What vendors send: every file as it came, and each document in it with what became of it.

create table vendor_files (
    file_id bigint generated always as identity primary key,
    -- From where it came, as `folder`, `sftp`, `http`, `cli`, and under which name.
    source text not null,
    name text not null,
    digest bytea not null,
    content bytea not null,
    -- Whose it is, as far as the way it came tells. Null: only the file itself can tell.
    came_from text references vendors,
    -- What its envelope says; null where that cannot be read.
    standard text,
    sender_qualifier text,
    sender_id text,
    receiver_id text,
    test boolean not null default false,
    received_at timestamptz not null,
    actor text not null,
    -- The same file under the same name is the same delivery: fetched again after a crash.
    unique (source, name, digest)
);

create table vendor_documents (
    document_id bigint generated always as identity primary key,
    file_id bigint not null references vendor_files,
    -- Null while nobody knows whose it is.
    vendor text references vendors,
    kind text not null check (kind in (
        'confirmation', 'shipment', 'invoice', 'acknowledgement', 'unreadable')),
    -- 855, ORDRSP ...
    set_id text,
    -- Interchange, group and document, which together name a document of a partner for ever.
    control text,
    -- The vendor's own number of it.
    number text,
    purchase_order_id text,
    -- What it says: `inventory.vendor_documents`. Null where it cannot be read.
    said jsonb,
    state text not null default 'pending' check (state in (
        'pending', 'applied', 'quarantined', 'dismissed')),
    reason text check (reason in ('duplicate', 'unknown', 'contradictory', 'unreadable')),
    problem text,
    field text,
    received_at timestamptz not null,
    attempts integer not null default 0,
    -- What it led to: the state of the order, the invoice, the document that it acknowledges.
    outcome jsonb,
    settled_at timestamptz,
    settled_by text,
    settled_why text
);
create index vendor_documents_file on vendor_documents (file_id);
create index vendor_documents_pending on vendor_documents (document_id) where state = 'pending';
create index vendor_documents_waiting on vendor_documents (document_id)
    where state = 'quarantined';
create index vendor_documents_order on vendor_documents (purchase_order_id, document_id);
-- For telling a second sending of what was applied.
create index vendor_documents_control on vendor_documents (vendor, control) where state = 'applied';
create index vendor_documents_number on vendor_documents (vendor, kind, number)
    where state = 'applied';
