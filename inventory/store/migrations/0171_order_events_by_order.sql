-- The history of one order is read with every act on it, and by rules for every draft.
create index purchase_order_events_order on purchase_order_events (purchase_order_id, event_id);
