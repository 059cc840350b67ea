-- Every request is a row of its own: who changes the catalogue never waits for who plans, and what
-- is asked for while somebody plans is not taken for answered.

alter table policy_recomputes drop constraint policy_recomputes_pkey;
alter table policy_recomputes add column request_id bigint generated always as identity primary key;
create index policy_recomputes_sku on policy_recomputes (sku);

create or replace function ask_recompute_of_sku() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because)
    select new.sku, 'catalogue of the SKU' where exists (select from policies where sku = new.sku);
    return null;
end
$function$;

create or replace function ask_recompute_of_vendor() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because)
    select k.sku, 'terms of vendor ' || new.vendor from skus k
    where k.vendor = new.vendor and exists (select from policies y where y.sku = k.sku);
    return null;
end
$function$;

-- Order days say how long an order has to last: policies follow them as they follow a vendor's terms.
create function ask_recompute_of_calendar() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because)
    select k.sku, 'order days of vendor ' || k.vendor from skus k
    where k.vendor in (old.vendor, new.vendor)
        and exists (select from policies y where y.sku = k.sku);
    return null;
end
$function$;
create trigger ask_recompute after insert or update or delete on order_calendars for each row
    execute function ask_recompute_of_calendar();

create or replace function ask_recompute_of_all() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because) values ('', tg_argv[0]);
    return null;
end
$function$;
