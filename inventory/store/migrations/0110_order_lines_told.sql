-- What vendors tell of the lines of an order, what arrived of them, and how much may differ.

alter table purchase_orders
    -- When it went to the vendor.
    add column sent_at timestamptz,
    -- Buyers who approved it as it is; an edit empties it.
    add column approved_by text[] not null default '{}';

alter table purchase_order_lines
    -- What was sent to the vendor; `quantity` is what is agreed now. Null until it is sent.
    add column ordered_units bigint check (ordered_units > 0),
    -- Told by the vendor as being on its way, received or not.
    add column shipped_units bigint not null default 0 check (shipped_units >= 0),
    -- When this line comes; null: as its order.
    add column arrives_on date,
    -- The day it was to come when it was sent: later than this is late.
    add column due_on date,
    -- The price that the vendor confirmed; null: no word about it.
    add column confirmed_unit_cost double precision check (confirmed_unit_cost >= 0),
    -- Of those received, units that somebody refused: nothing is owed for them.
    add column refused_units bigint not null default 0,
    add check (received_units >= 0 and refused_units between 0 and received_units);
-- A vendor may confirm nothing of a line.
alter table purchase_order_lines drop constraint purchase_order_lines_quantity_check;
alter table purchase_order_lines add constraint purchase_order_lines_quantity_check
    check (quantity > 0 or (quantity = 0 and ordered_units is not null));

create table purchase_order_receipts (
    receipt_id bigint generated always as identity primary key,
    purchase_order_id text not null references purchase_orders on delete cascade,
    line_no integer not null,
    quantity bigint not null check (quantity > 0),
    -- Of these, units beyond what is agreed and tolerated: they await approval in inspection.
    held_units bigint not null default 0 check (held_units between 0 and quantity),
    status text not null,
    received_at timestamptz not null,
    recorded_at timestamptz not null,
    actor text not null,
    document_id text
);
create index purchase_order_receipts_line on purchase_order_receipts (purchase_order_id, line_no);

-- What a vendor's deliveries and invoices may differ from the order, and whose word an order needs.
-- Row '*' holds for every vendor; what is null there, or in a vendor's row, is taken from the next.
create table order_terms (
    vendor text primary key,
    -- Units above those agreed that go on the shelf at once, as a share of them.
    over_receipt_share double precision check (over_receipt_share between 0 and 10),
    -- Units invoiced above those received, and price above the order's, as shares.
    invoice_quantity_share double precision check (invoice_quantity_share between 0 and 10),
    invoice_price_share double precision check (invoice_price_share between 0 and 10),
    -- Orders worth more need a second, different buyer.
    second_approval_above numeric check (second_approval_above >= 0),
    updated_at timestamptz not null,
    updated_by text not null
);
