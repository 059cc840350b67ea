-- Units of a line that we took back after it was sent: the vendor owes as many fewer, and has not
-- failed to deliver them.
alter table purchase_order_lines
    add column cancelled_units bigint not null default 0 check (cancelled_units >= 0);
