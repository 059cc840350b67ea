-- The currency of an order's prices, that of its vendor when it was planned. Null: planned before
-- this was kept, in the currency of the house.
alter table purchase_orders add column currency text check (currency ~ '^[A-Z]{3}$');
