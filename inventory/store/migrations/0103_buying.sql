-- What vendors ask of an order and what it costs, budgets, and who supplies whom inside the house.

alter table vendors
    -- Money per order, whatever is on it: its items are best ordered together.
    add column order_cost double precision check (order_cost >= 0),
    add column currency text check (currency ~ '^[A-Z]{3}$'),
    -- Units of a full truck; orders come in whole ones.
    add column truck_units integer check (truck_units >= 1),
    add column full_pallets boolean not null default false,
    -- Nobody said how long it takes: what stands there is the default.
    add column lead_time_assumed boolean not null default false;

alter table skus
    add column max_order_quantity integer check (max_order_quantity >= 0),
    add column pallet_size integer check (pallet_size >= 1),
    add column currency text check (currency ~ '^[A-Z]{3}$');

-- A vendor's price by quantity: [{"from": units, "to": units or null, "unit_cost": money}]. Kept as
-- it was sent; one that makes no sense is a planning exception.
create table price_tables (
    sku text primary key references skus on delete cascade,
    discount text not null check (discount in ('all_units', 'incremental')),
    breaks jsonb not null
);

-- Money that may be bound in orders created in these days.
create table budgets (
    budget_id text primary key,
    amount double precision not null check (amount >= 0),
    currency text check (currency ~ '^[A-Z]{3}$'),
    starts_on date not null,
    ends_on date not null check (ends_on >= starts_on),
    vendor text references vendors on delete cascade,
    location text references locations on delete cascade,
    category text
);

-- A place that is supplied from a hub of ours and not by vendors, for all SKUs that the hub keeps.
create table supply_lanes (
    lane_id text primary key,
    hub text not null references locations on delete cascade,
    location text not null unique references locations on delete cascade,
    lead_time_days double precision not null check (lead_time_days >= 0),
    check (hub <> location)
);
create index supply_lanes_hub on supply_lanes (hub);
