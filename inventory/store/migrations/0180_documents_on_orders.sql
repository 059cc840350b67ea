-- A document may be on several orders: all of them find it. And which vendors number their lines as
-- our orders do.

create function document_orders(said jsonb, purchase_order_id text) returns text[]
language sql immutable parallel safe as $function$
    select array(
        select distinct found from (
            select purchase_order_id
            union all
            select line ->> 'order_id' from jsonb_array_elements(
                case when jsonb_typeof(said -> 'lines') = 'array' then said -> 'lines' end) line
        ) named (found)
        where found is not null order by found)
$function$;

alter table vendor_documents add column purchase_orders text[] not null
    generated always as (document_orders(said, purchase_order_id)) stored;
create index vendor_documents_orders on vendor_documents using gin (purchase_orders);

alter table vendor_dispatch add column echoes_lines boolean not null default false;
