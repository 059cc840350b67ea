-- Goods that must be approved before they can be sold.

alter table locations
    -- Receipts land in inspection until somebody approves them.
    add column receipt_approval boolean not null default false;

alter table inbound
    -- Units that arrived and await approval: on the shelf in inspection, not to come any more.
    add column awaiting_units bigint not null default 0 check (awaiting_units >= 0),
    add check (awaiting_units <= received_units);
create index inbound_awaiting on inbound (inbound_id) where awaiting_units > 0;
