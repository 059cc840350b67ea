-- Channel supply at work: which promises were sold ahead of their stock, and who has to ask.

-- Units of a line that were sold under a pre-sale count against its cap for good, unless given back.
alter table reservation_lines add column pre_sale_id text;
create index reservation_lines_pre_sale on reservation_lines (pre_sale_id)
    where pre_sale_id is not null;

create index supply_links_reserve on supply_links (location) where reserve_units > 0;

-- Whether anything but stock and promises may bear on what these channels can take of these SKUs or
-- bundles: a link of the channel, stock set aside for any channel, or a pre-sale. Mostly not, and
-- then nothing more is read.
create function has_channel_supply(asked_skus text[], asked_channels text[], at timestamptz)
returns boolean language sql stable
return exists (
    select from supply_links k
    where k.channel = any (asked_channels)
        and (k.starts_at is null or k.starts_at <= at) and (k.ends_at is null or k.ends_at > at)
        and (k.sku is null or k.sku = any (asked_skus)
            or k.sku in (select b.component from bundles b where b.sku = any (asked_skus)))
) or exists (
    select from supply_links k
    where k.reserve_units > 0
        and (k.starts_at is null or k.starts_at <= at) and (k.ends_at is null or k.ends_at > at)
        and (k.sku is null or k.sku = any (asked_skus)
            or k.sku in (select b.component from bundles b where b.sku = any (asked_skus)))
) or exists (
    -- Two days: no two places are further apart in what day it is.
    select from pre_sales p
    where (p.sku = any (asked_skus)
            or p.sku in (select b.component from bundles b where b.sku = any (asked_skus)))
        and p.available_on >= (at at time zone 'UTC')::date - 2
);

-- Everything that channel supply rests on, for positions that were read already: one row per fact.
create function channel_supply_facts(
    asked_skus text[],
    asked_locations text[],
    asked_channels text[],
    at timestamptz
) returns table (fact_kind text, fact json)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $function$
#variable_conflict use_column
begin
return query
with positions as materialized (
    select distinct k.sku, k.location
    from unnest(asked_skus, asked_locations) as k (sku, location)
),
-- Location by location, as a channel's share is of what is there.
links as materialized (
    select distinct on (k.link_id) k.*
    from (select distinct location from positions) p
    join supply_links k on k.location = p.location
    where (k.starts_at is null or k.starts_at <= at) and (k.ends_at is null or k.ends_at > at)
        and (k.sku is null or k.sku in (select sku from positions))
),
-- What a channel placed since the latest of its links here began; earlier ones began before too.
lines as (
    select p.sku, p.location, r.channel, l.method, l.group_id, l.promised_date, l.open_units as units,
        (select max(k.starts_at) from links k
            where k.location = p.location and k.channel = r.channel
                and k.starts_at <= r.created_at) as since
    from positions p
    join reservation_lines l on l.sku = p.sku and l.location = p.location
    join reservations r on r.reservation_id = l.reservation_id
    where l.open_units > 0 and l.pre_sale_id is null
        and (l.expires_at is null or l.expires_at > at)
        and exists (select from links k where k.location = p.location and k.channel = r.channel)
),
unlocated as (
    select l.sku, l.group_id, l.excluded_locations, r.channel, l.method, l.promised_date,
        l.open_units as units,
        (select max(k.starts_at) from links k
            where k.channel = r.channel and k.starts_at <= r.created_at) as since
    from (select distinct sku from positions) p
    join reservation_lines l on l.sku = p.sku
    join reservations r on r.reservation_id = l.reservation_id
    where l.open_units > 0 and l.location is null and l.pre_sale_id is null
        and (l.expires_at is null or l.expires_at > at)
        and r.channel in (select channel from links)
),
-- Only stock set aside from a moment on is used up by what left since then.
left_since as (
    select distinct p.sku, p.location, e.reservation_id
    from positions p
    join links k on k.location = p.location and k.reserve_units > 0 and k.starts_at is not null
        and (k.sku is null or k.sku = p.sku)
    join entries e on e.sku = p.sku and e.location = p.location and e.status = 'available'
        and e.effective_at >= k.starts_at
    where e.kind = 'shipment' and e.reservation_id is not null
),
shipped as (
    select s.sku, s.location, r.channel, l.method, l.group_id, l.shipped_units as units,
        (select max(k.starts_at) from links k
            where k.location = s.location and k.channel = r.channel
                and k.starts_at <= r.created_at) as since
    from left_since s
    join reservations r on r.reservation_id = s.reservation_id
    join reservation_lines l on l.reservation_id = s.reservation_id
        and l.sku = s.sku and l.location = s.location
    where l.shipped_units > 0 and l.pre_sale_id is null
        and exists (select from links k where k.location = s.location and k.channel = r.channel)
)
select 'link', json_build_array(k.link_id, k.channel, k.location, k.method, k.ratio,
    k.reserve_units, k.starts_at, k.ends_at, k.sku) from links k
union all
select 'linked', json_build_array(k.channel, k.sku)
from (
    select distinct k.channel, k.sku from supply_links k
    where k.channel = any (asked_channels)
        and (k.starts_at is null or k.starts_at <= at) and (k.ends_at is null or k.ends_at > at)
        and (k.sku is null or k.sku in (select sku from positions))
) k
union all
select 'use', json_build_array(sku, location, channel, method, group_id is not null, promised_date,
    sum(units)::bigint, since)
from lines group by sku, location, channel, method, group_id is not null, promised_date, since
union all
select 'use', json_build_array(sku, location, channel, method, group_id is not null, null,
    sum(units)::bigint, since)
from shipped group by sku, location, channel, method, group_id is not null, since
union all
select 'group_use', json_build_array(sku, group_id, excluded_locations, channel, method,
    promised_date, sum(units)::bigint, since)
from unlocated
group by sku, group_id, excluded_locations, channel, method, promised_date, since
union all
select 'pre_sale', json_build_array(s.pre_sale_id, s.sku, s.location, s.available_on, s.cap_units,
    (s.starts_at is null or s.starts_at <= at) and (s.ends_at is null or s.ends_at > at),
    (select json_object_agg(c.channel, c.cap_units) from pre_sale_caps c
        where c.pre_sale_id = s.pre_sale_id),
    -- What is still waited for, and everything that was ever sold and not given back.
    (select json_agg(json_build_array(n.channel, n.promised_date, n.waiting, n.sold))
        from (
            select r.channel, l.promised_date,
                sum(case when l.class = 'peg' then l.open_units else 0 end)::bigint as waiting,
                sum(l.open_units + l.shipped_units)::bigint as sold
            from reservation_lines l
            join reservations r on r.reservation_id = l.reservation_id
            where l.pre_sale_id = s.pre_sale_id
                and (l.expires_at is null or l.expires_at > at)
            group by r.channel, l.promised_date
        ) n))
from positions p join pre_sales s on s.sku = p.sku and s.location = p.location
where s.available_on >= (at at time zone 'UTC')::date - 2;
end
$function$;
