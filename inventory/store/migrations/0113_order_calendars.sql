-- On which days a vendor takes orders, and the one draft that proposals of a calendar go into.

create table order_calendars (
    calendar_id text primary key,
    vendor text not null references vendors on delete cascade,
    -- Null: every location, every category. The most specific calendar of a line holds.
    location text references locations on delete cascade,
    category text,
    -- ISO days of the week, 1 is Monday.
    weekdays smallint[] not null
        check (cardinality(weekdays) > 0 and weekdays <@ array[1, 2, 3, 4, 5, 6, 7]::smallint[]),
    closed_on date[] not null default '{}'
);
create unique index order_calendars_scope
    on order_calendars (vendor, coalesce(location, ''), coalesce(category, ''));

alter table purchase_orders
    -- The calendar by which its lines are ordered; empty: any day.
    add column calendar text not null default '',
    -- The day on which it is to be sent; null for orders older than calendars.
    add column order_on date;
-- One draft per vendor, location and calendar: two runs at once cannot make two.
create unique index purchase_orders_draft on purchase_orders (vendor, location, calendar)
    where state = 'proposed';
