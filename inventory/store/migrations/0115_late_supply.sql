-- Places whose supply from a purchase order came to be later, less or overdue: promises on it are to
-- be given a day that can be kept.
create table late_supply (
    sku text not null,
    location text not null,
    purchase_order_id text not null,
    noted_at timestamptz not null,
    primary key (sku, location)
);
