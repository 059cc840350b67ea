-- Order days say how long an order has to last: policies follow them as they follow a vendor's terms.

create function ask_recompute_of_calendar() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because)
    select k.sku, 'order days of vendor ' || k.vendor from skus k
    where k.vendor in (old.vendor, new.vendor)
        and exists (select from policies y where y.sku = k.sku)
    on conflict do nothing;
    return null;
end
$function$;
create trigger ask_recompute after insert or update or delete on order_calendars for each row
    execute function ask_recompute_of_calendar();
