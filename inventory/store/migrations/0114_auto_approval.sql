-- Which proposed orders are approved without a person.

create table auto_approval_rules (
    rule_id text primary key,
    -- Null: any vendor. Of these segments only (AX, BY ...), all lines; null: any.
    vendor text references vendors on delete cascade,
    segments text[] check (cardinality(segments) > 0),
    -- Money that the order may come to; null: any.
    value_max numeric check (value_max >= 0),
    -- By what share of the usual order each line may differ from it; null: any.
    deviation_max double precision check (deviation_max >= 0),
    enabled boolean not null default true,
    updated_at timestamptz not null,
    updated_by text not null
);
create index purchase_order_events_approvals on purchase_order_events (at) where act = 'approve';
