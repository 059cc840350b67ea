-- Who may sell what, stock that is set aside, and what was last said about a position.

-- A channel that has links sells only from the places they name, within its share of each.
-- A null method or SKU means every one of them.
create table supply_links (
    link_id text primary key,
    channel text not null references channels on delete cascade,
    location text not null references locations on delete cascade,
    method text,
    sku text references skus on delete cascade,
    -- Share of the stock there that the channel may sell; null: all of it.
    ratio double precision check (ratio between 0 and 1),
    -- Units per SKU set aside for the channel while the link is in force.
    reserve_units bigint not null default 0 check (reserve_units >= 0),
    starts_at timestamptz,
    ends_at timestamptz,
    check (starts_at is null or ends_at is null or starts_at < ends_at)
);
create index supply_links_channel on supply_links (channel, location);
create index supply_links_location on supply_links (location);

-- Dated stock that is sold before it is there, up to a cap over all channels and one per channel.
create table pre_sales (
    pre_sale_id text primary key,
    sku text not null references skus on delete cascade,
    location text not null references locations on delete cascade,
    available_on date not null,
    cap_units bigint not null check (cap_units >= 0),
    starts_at timestamptz,
    ends_at timestamptz,
    check (starts_at is null or ends_at is null or starts_at < ends_at)
);
create index pre_sales_position on pre_sales (sku, location);
create table pre_sale_caps (
    pre_sale_id text not null references pre_sales on delete cascade,
    channel text not null references channels on delete cascade,
    cap_units bigint not null check (cap_units >= 0),
    primary key (pre_sale_id, channel)
);

-- The sellable row of a position also says what others were last told of it, and from how many free
-- units on it counts as low. Free units: the look-ahead balance of day 0, before any buffer.
alter table balances
    add column announced text not null default 'in' check (announced in ('in', 'low', 'out')),
    add column low_units bigint check (low_units >= 0);
