-- What is promised from a position, kept beside what is there: a promise then costs the same whether
-- it is the first or the hundred-thousandth on its position, and whether or not holds just expired.

-- committed_units: open units of all lines at this position, but for holds that ended at or before
-- lapsed_through. Those are gone for good: their units may have been promised to others, so they
-- cannot be confirmed any more, not even by someone whose clock is behind.
alter table balances
    add column committed_units bigint not null default 0,
    add column lapsed_through timestamptz;

-- Who placed it: the first line of its history, which is not written a second time.
alter table reservations add column actor text not null default '';
update reservations r set actor = e.actor
from reservation_events e where e.reservation_id = r.reservation_id and e.act = 'place';
delete from reservation_events where act = 'place';

-- Everything that happened to reservations, the placing included: who, when, why.
create view reservation_history as
select reservation_id, 'place' as act, null as from_state,
    case when expires_at is null and confirmed_at = created_at then 'confirmed' else 'active' end
        as to_state,
    created_at as at, actor, null as reason, null::jsonb as body, null::bigint as event_id
from reservations
union all
select reservation_id, act, from_state, to_state, at, actor, reason, body, event_id
from reservation_events;

-- A position has a balance, which knows its SKU and location and keeps both from being removed. And a
-- line is only ever written with its reservation, and none is removed. What the database would ask
-- three times per line is known already.
alter table reservation_lines
    drop constraint reservation_lines_reservation_id_fkey,
    drop constraint reservation_lines_sku_fkey,
    drop constraint reservation_lines_location_fkey;

-- In the order in which holds end, so that those of one moment lie side by side.
drop index reservation_lines_position;
create index reservation_lines_position on reservation_lines (sku, location, expires_at)
    include (promised_date, open_units, class) where open_units > 0;

-- Count all lines anew: when they were written behind the back of the triggers below.
create function recount_commitments() returns void language sql
begin atomic
    with promised as (
        select l.sku, l.location, sum(l.open_units) filter (
            where l.expires_at is null or b.lapsed_through is null
                or l.expires_at > b.lapsed_through) as units
        from reservation_lines l join balances b using (sku, location)
        where l.open_units > 0 and b.status = 'available'
        group by 1, 2
    ), counted as (
        select b.sku, b.location, coalesce(p.units, 0)::bigint as units
        from balances b left join promised p using (sku, location)
        where b.status = 'available' and b.committed_units <> coalesce(p.units, 0)
    )
    update balances b set committed_units = c.units from counted c
    where b.sku = c.sku and b.location = c.location and b.status = 'available';
end;
select recount_commitments();

-- Keeps the count. Writers hold the balance, or take it here; `place_plain` counts for itself.
create function count_commitment() returns trigger language plpgsql as $function$
declare
    before_units bigint := 0;
begin
    if tg_op <> 'INSERT' and old.location is not null then
        before_units := old.open_units;
        if tg_op = 'DELETE' or new.location is distinct from old.location then
            update balances set committed_units = committed_units - before_units
            where sku = old.sku and location = old.location and status = 'available'
                and (old.expires_at is null or lapsed_through is null
                    or old.expires_at > lapsed_through);
            before_units := 0;
        end if;
    end if;
    if tg_op = 'DELETE' or new.location is null then
        return null;
    end if;
    update balances set committed_units = committed_units
        + case when new.expires_at is null or lapsed_through is null
            or new.expires_at > lapsed_through then new.open_units else 0 end
        - case when before_units = 0 then 0 when old.expires_at is null or lapsed_through is null
            or old.expires_at > lapsed_through then before_units else 0 end
    where sku = new.sku and location = new.location and status = 'available';
    if not found then
        insert into balances (sku, location, status, committed_units, updated_at)
        values (new.sku, new.location, 'available', new.open_units, now());
    end if;
    return null;
end
$function$;
create trigger count_written after insert on reservation_lines for each row
    when (new.open_units > 0 and current_setting('vouch.counts_itself', true) is distinct from 'on')
    execute function count_commitment();
create trigger count_changed after update on reservation_lines for each row
    when ((old.open_units, old.location) is distinct from (new.open_units, new.location)
        and current_setting('vouch.counts_itself', true) is distinct from 'on')
    execute function count_commitment();
create trigger count_removed after delete on reservation_lines for each row
    when (old.open_units > 0) execute function count_commitment();

-- Put holds that ended by `at` behind these positions, which the caller holds: their units are free
-- for others from here on. Writes one row per position, however many holds ended. A hold on a group
-- counts as ended with the first position of the group that is past its end.
create function lapse(asked_skus text[], asked_locations text[], at timestamptz)
returns table (sku text, location text)
language sql
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
begin atomic
    update balances b
    set committed_units = b.committed_units - ended.units, lapsed_through = at
    from unnest(asked_skus, asked_locations) as k (sku, location)
    cross join lateral (
        select coalesce(sum(l.open_units) filter (where l.location is not null), 0)::bigint as units,
            count(*) as holds
        from balances held join reservation_lines l on l.sku = held.sku
            and (l.location = held.location or l.location is null)
            and l.open_units > 0 and l.expires_at <= at
            and l.expires_at > coalesce(held.lapsed_through, '-infinity')
        where held.sku = k.sku and held.location = k.location and held.status = 'available'
    ) ended
    where b.sku = k.sku and b.location = k.location and b.status = 'available'
        and ended.holds > 0
    returning b.sku, b.location;
end;

-- Write down that these reservations, which the caller holds, have expired. Their positions have
-- lapsed before: their units are no longer counted.
create function write_expired(ids text[], at timestamptz) returns void language sql
set vouch.counts_itself = 'on'
begin atomic
    update reservations set state = 'expired', closed_at = expires_at
    where reservation_id = any (ids);
    update reservation_lines set open_units = 0
    where reservation_id = any (ids) and open_units > 0;
    insert into reservation_events (reservation_id, act, from_state, to_state, at)
    select id, 'expire', 'active', 'expired', at from unnest(ids) as id;
end;
