-- Functional acknowledgements of vendors' files that we owe, and sent.

create table edi_acknowledgements (
    vendor text not null references vendors on delete cascade,
    -- Of the interchange that carries it: from the partner's sequence, as for orders.
    control_number bigint not null,
    file_id bigint not null references vendor_files,
    -- Which group of that file it answers.
    group_control text not null,
    name text not null,
    content text not null,
    created_at timestamptz not null,
    due_at timestamptz not null,
    attempts integer not null default 0,
    problem text,
    delivered_at timestamptz,
    primary key (file_id, group_control)
);
create index edi_acknowledgements_due on edi_acknowledgements (due_at) where delivered_at is null;
