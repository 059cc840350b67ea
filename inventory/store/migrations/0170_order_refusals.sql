-- Lines of proposals that a person did not want: taken out, or rejected with their order. Planning
-- holds them back until the need grows clearly, a term passes, or somebody lifts the refusal.
create table order_refusals (
    refusal_id bigint generated always as identity primary key,
    sku text not null references skus on delete cascade,
    location text not null references locations on delete cascade,
    -- Where it was refused, and by which act.
    purchase_order_id text not null references purchase_orders on delete cascade,
    act text not null check (act in ('edit', 'reject', 'cancel')),
    -- What the position needed then, as planning saw it: without what fills an order up.
    needed_units bigint not null check (needed_units >= 0),
    -- The day on which stock was to run out without the line; null: not in sight, or out already.
    stock_out_on date,
    refused_at timestamptz not null,
    refused_by text not null,
    reason text,
    -- When it held no more, through whom (`planning`: the need grew) and why.
    ended_at timestamptz,
    ended_by text,
    ended_reason text
);
create unique index order_refusals_open on order_refusals (sku, location) where ended_at is null;
create index order_refusals_ended on order_refusals (sku, location, ended_at)
    where ended_by = 'planning';
