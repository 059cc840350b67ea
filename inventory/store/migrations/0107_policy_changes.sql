-- Every change of a policy with what was, what is, when and why; those too large wait for a planner.

alter table policies
    -- What the lot was weighed with: money per unit, per order line, per unit and year.
    add column unit_cost double precision,
    add column order_cost double precision,
    add column holding_cost double precision;

create table policy_changes (
    change_id bigint generated always as identity primary key,
    sku text not null,
    location text not null,
    at timestamptz not null,
    -- forecast, lead time, target, demand law, cost, packs, network.
    reasons text[] not null,
    old_run_id text not null,
    new_run_id text not null,
    old_safety_stock double precision not null,
    old_reorder_point double precision not null,
    old_order_quantity double precision not null,
    old_order_up_to double precision not null,
    new_safety_stock double precision not null,
    new_reorder_point double precision not null,
    new_order_quantity double precision not null,
    new_order_up_to double precision not null,
    -- By how much the reorder point or order-up-to level grew or shrank.
    factor double precision not null,
    state text not null default 'applied'
        check (state in ('applied', 'held', 'approved', 'refused', 'lapsed')),
    -- The whole policy that waits; null where it was put in force at once.
    proposed jsonb,
    decided_at timestamptz,
    decided_by text,
    decision_reason text,
    check ((state = 'applied') = (proposed is null)),
    check ((state in ('approved', 'refused')) = (decided_by is not null and decided_at is not null))
);
create index policy_changes_position on policy_changes (sku, location, change_id desc);
create index policy_changes_at on policy_changes using brin (at);
create unique index policy_changes_held on policy_changes (sku, location) where state = 'held';
create index policy_changes_refused on policy_changes (sku, location) where state = 'refused';

-- SKUs whose policies no longer fit what the catalogue or a rule says; '' for all of them.
create table policy_recomputes (
    sku text primary key,
    because text not null,
    asked_at timestamptz not null default now()
);

create function ask_recompute_of_sku() returns trigger language plpgsql as $function$
begin
    if exists (select from policies where sku = new.sku) then
        insert into policy_recomputes (sku, because) values (new.sku, 'catalogue of the SKU')
        on conflict do nothing;
    end if;
    return null;
end
$function$;
create trigger ask_recompute after update on skus for each row
    when ((old.vendor, old.unit_cost, old.price, old.pack_size, old.min_order_quantity,
           old.max_order_quantity, old.pallet_size, old.shelf_life_days, old.holding_cost,
           old.order_cost, old.currency)
        is distinct from (new.vendor, new.unit_cost, new.price, new.pack_size,
           new.min_order_quantity, new.max_order_quantity, new.pallet_size, new.shelf_life_days,
           new.holding_cost, new.order_cost, new.currency))
    execute function ask_recompute_of_sku();

create function ask_recompute_of_vendor() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because)
    select k.sku, 'terms of vendor ' || new.vendor from skus k
    where k.vendor = new.vendor and exists (select from policies y where y.sku = k.sku)
    on conflict do nothing;
    return null;
end
$function$;
create trigger ask_recompute after update on vendors for each row
    when ((old.lead_time_days, old.lead_time_sd_days, old.review_period_days, old.min_order_value,
           old.order_cost, old.truck_units, old.full_pallets, old.currency)
        is distinct from (new.lead_time_days, new.lead_time_sd_days, new.review_period_days,
           new.min_order_value, new.order_cost, new.truck_units, new.full_pallets, new.currency))
    execute function ask_recompute_of_vendor();

-- A rule or hub may be about anything: then everything is looked at.
create function ask_recompute_of_all() returns trigger language plpgsql as $function$
begin
    insert into policy_recomputes (sku, because) values ('', tg_argv[0]) on conflict do nothing;
    return null;
end
$function$;
create trigger ask_recompute after insert or update or delete on policy_rules
    for each statement execute function ask_recompute_of_all('a policy rule');
create trigger ask_recompute after insert or update or delete on supply_lanes
    for each statement execute function ask_recompute_of_all('a supply lane');
create trigger ask_recompute after insert or update or delete on price_tables
    for each statement execute function ask_recompute_of_all('a price table');
