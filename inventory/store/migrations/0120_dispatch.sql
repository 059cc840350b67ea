-- How orders reach vendors: where each wants them, and every document on its way.

create table vendor_dispatch (
    vendor text primary key references vendors on delete cascade,
    channel text not null check (channel in ('email', 'webhook', 'edi', 'by_hand')),
    -- Empty: the vendor's address in the catalogue.
    emails text[] not null default '{}',
    webhook_url text,
    edi_standard text check (edi_standard in ('x12', 'edifact')),
    -- The vendor's id in interchanges, and who gave it.
    edi_qualifier text not null default '',
    edi_id text,
    edi_test boolean not null default false,
    -- {"host", "port", "user", "host_key", "send_to", "fetch_from"}; null: a folder on this machine.
    sftp jsonb,
    -- From the day a vendor ships to the day it arrives; null: not known.
    transit_days integer check (transit_days >= 0),
    updated_at timestamptz not null,
    updated_by text not null,
    check (channel <> 'webhook' or webhook_url is not null),
    check (channel <> 'edi' or (edi_standard is not null and edi_id is not null))
);
create unique index vendor_dispatch_edi on vendor_dispatch (edi_qualifier, edi_id);

-- The last control number given to each partner's interchanges: they rise by one, without gaps.
create table edi_controls (
    vendor text primary key references vendors on delete cascade,
    last_number bigint not null
);

-- One document per version of an order, written in the transaction that sent or cancelled it.
create table dispatches (
    -- `<order>.<version>`: the number of the document, the same on every delivery of it.
    number text primary key,
    purchase_order_id text not null references purchase_orders on delete cascade,
    version integer not null,
    vendor text not null references vendors,
    purpose text not null check (purpose in ('original', 'cancellation')),
    -- What it says: `inventory.order_document`, but for the currency, which is a setting.
    document jsonb not null,
    state text not null default 'waiting' check (state in (
        'waiting', 'blocked', 'delivered', 'failed', 'by_hand', 'withdrawn')),
    created_at timestamptz not null,
    -- When it is tried next; while it is being tried, when it is taken to be lost.
    due_at timestamptz not null,
    -- Deliveries begun since somebody last asked for it, and whether one ever was: from then on the
    -- vendor may have it, also where we could not tell.
    attempts integer not null default 0,
    tried boolean not null default false,
    channel text,
    control_number bigint,
    problem text,
    delivered_at timestamptz,
    delivered_to text,
    -- What a partner's functional acknowledgement said of it.
    acknowledged_at timestamptz,
    acknowledgement text check (acknowledgement in ('accepted', 'rejected')),
    unique (purchase_order_id, version)
);
create index dispatches_due on dispatches (due_at) where state in ('waiting', 'blocked');
create index dispatches_open on dispatches (vendor, created_at)
    where state in ('waiting', 'blocked', 'failed');
create unique index dispatches_control on dispatches (vendor, control_number)
    where control_number is not null;
