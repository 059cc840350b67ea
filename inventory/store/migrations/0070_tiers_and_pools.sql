-- Tiers of supply: how long a place needs before something can leave it, and groups that are there
-- without anybody keeping them.

alter table locations
    -- Days from deciding that something is sent from here to the day it leaves for the customer.
    -- Null: none, but at a vendor's the lead time of the vendor of each SKU.
    add column handling_days integer check (handling_days >= 0);

-- The pool over all locations is group '*', and that over those of one type is 'tier:' and the type.
-- They are rows like those of any other group, so that whatever works on a group works on them.
create function join_built_in_groups() returns trigger language plpgsql as $function$
begin
    if tg_op = 'UPDATE' and old.type = new.type then
        return new;
    end if;
    insert into groups (group_id, name)
    values ('*', 'Every location'), ('tier:' || new.type, 'Every ' || new.type)
    on conflict do nothing;
    if tg_op = 'UPDATE' then
        delete from group_members
        where group_id = 'tier:' || old.type and location = new.location;
    end if;
    insert into group_members (group_id, location)
    values ('*', new.location), ('tier:' || new.type, new.location)
    on conflict do nothing;
    return new;
end
$function$;
create trigger built_in_groups after insert or update of type on locations
    for each row execute function join_built_in_groups();

create function leave_built_in_groups() returns trigger language plpgsql as $function$
begin
    delete from group_members
    where location = old.location and (group_id = '*' or group_id like 'tier:%');
    return old;
end
$function$;
create trigger built_in_groups_left before delete on locations
    for each row execute function leave_built_in_groups();

insert into groups (group_id, name)
values ('*', 'Every location'), ('tier:warehouse', 'Every warehouse'), ('tier:store', 'Every store'),
    ('tier:hub', 'Every hub'), ('tier:vendor', 'Every vendor')
on conflict do nothing;
insert into group_members (group_id, location)
select '*', location from locations
union all
select 'tier:' || type, location from locations
on conflict do nothing;

-- A bundle whose components must leave together, from one location.
alter table bundles add column ship_together boolean not null default false;
