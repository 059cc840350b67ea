-- Everything that an availability answer rests on, as of one moment, in columns rather than JSON:
-- most positions have nothing but their balance, and JSON cost more than looking them up.
--
-- A function, because its plan is then made once per connection: planning took three times as long
-- as running it. The plan must be the generic one, which visits each position through its indexes,
-- however many are asked for. Look-ups are lateral, with `offset 0`, so that none can turn into a
-- scan that is joined afterwards.

create function stock_facts(
    asked_skus text[],
    asked_locations text[],
    asked_groups text[],
    asked_channels text[],
    asked_methods text[],
    counted_states text[],
    at timestamptz,
    with_statuses boolean
) returns table (
    kind text, sku text, place text, units bigint, day date, word text, moment timestamptz,
    detail json,
    -- Of all positions, in one row: side by side, since there may be many of them.
    skus text[], locations text[], balances bigint[], categories text[]
)
language plpgsql stable
set plan_cache_mode = force_generic_plan
-- A plan made while the tables were small must not scan them when they have grown.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $function$
#variable_conflict use_column
begin
return query
with asked as materialized (
    select * from unnest(asked_skus, asked_locations, asked_groups)
        as k (sku, location, group_id)
),
asked_sku as materialized (select distinct sku from asked),
components as materialized (
    select a.sku, b.component, b.units from asked_sku a
    cross join lateral (select * from bundles b where b.sku = a.sku offset 0) b
),
parts as materialized (
    select a.sku, a.location, a.group_id from asked a
    where not exists (select from components c where c.sku = a.sku)
    union all
    select c.component, a.location, a.group_id from components c join asked a on a.sku = c.sku
),
part_skus as materialized (select distinct sku from parts),
holds as materialized (
    select p.sku, l.group_id, l.promised_date, l.method, l.excluded_locations,
        coalesce(l.expires_at <= at, false) as stale, sum(l.open_units)::bigint as units
    from part_skus p
    cross join lateral (
        select * from reservation_lines l
        where l.sku = p.sku and l.open_units > 0 and l.location is null
        offset 0
    ) l
    group by 1, 2, 3, 4, 5, 6
),
rules as materialized (
    select * from (
        select * from buffer_rules r where r.sku is null
        union all
        select r.* from part_skus p
        cross join lateral (select * from buffer_rules r where r.sku = p.sku offset 0) r
    ) r
    where (r.method is null or r.method = any (asked_methods))
        and (r.channel is null or r.channel = any (asked_channels))
),
allowance as materialized (
    select * from channels where channel = any (asked_channels)
),
positions as materialized (
    select sku, location from parts where location is not null
    union
    select g.sku, m.location
    from (
        select sku, group_id from parts where group_id is not null
        union
        select sku, group_id from holds
    ) g
    cross join lateral (
        select m.location from group_members m where m.group_id = g.group_id offset 0
    ) m
    union
    -- An allowance to oversell counts once per SKU: all its locations matter.
    select p.sku, b.location from part_skus p
    cross join lateral (select b.location from balances b where b.sku = p.sku offset 0) b
    where exists (select from allowance where oversell_units > 0)
),
stock as materialized (
    select p.sku, p.location, b.units, b.committed_units, b.lapsed_through
    from positions p
    left join lateral (
        select b.units, b.committed_units, b.lapsed_through from balances b
        where b.sku = p.sku and b.location = p.location and b.status = 'available'
        offset 0
    ) b on true
),
commitments as (
    select p.sku, p.location, l.promised_date, l.class,
        coalesce(l.expires_at <= at, false) as stale, sum(l.open_units)::bigint as units
    from stock p
    cross join lateral (
        select l.promised_date, l.class, l.expires_at, l.open_units from reservation_lines l
        where l.sku = p.sku and l.location = p.location and l.open_units > 0
            and l.expires_at is null
        union all
        -- Holds that the position is past already are gone: their units may be someone else's.
        select l.promised_date, l.class, l.expires_at, l.open_units from reservation_lines l
        where l.sku = p.sku and l.location = p.location and l.open_units > 0
            and l.expires_at > coalesce(p.lapsed_through, '-infinity')
        offset 0
    ) l
    where p.committed_units <> 0
    group by 1, 2, 3, 4, 5
)
select 'location', null, lo.location, null::bigint, null::date, to_json(lo)::text,
    null::timestamptz, null::json, null::text[], null::text[], null::bigint[], null::text[]
from (select distinct location from positions) p
cross join lateral (select * from locations lo where lo.location = p.location offset 0) lo
union all
select 'positions', null, null, null, null, null, null, null,
    array_agg(p.sku), array_agg(p.location), array_agg(p.units),
    array_agg((select s.category from skus s where s.sku = p.sku))
from stock p having count(*) > 0
union all
select 'status', p.sku, p.location, b.units, null, b.status, null, null,
    null, null, null, null
from positions p
cross join lateral (
    select b.status, b.units from balances b
    where b.sku = p.sku and b.location = p.location and b.status <> 'available'
    offset 0
) b
where with_statuses
union all
select case when stale then 'stale' else 'commitment' end, sku, location, units, promised_date,
    class, null, null,
    null, null, null, null
from commitments
union all
select 'inbound', p.sku, p.location, i.quantity, null, i.inbound_id, i.expected_at,
    to_json(i.state),
    null, null, null, null
from positions p
cross join lateral (
    select i.inbound_id, i.quantity, i.expected_at, i.state from inbound i
    where i.sku = p.sku and i.location = p.location
        and i.state in ('planned', 'confirmed', 'shipped') and i.state = any (counted_states)
        and i.quantity > 0
    offset 0
) i
union all
select 'buffer', p.sku, p.location, null, f.first_day, f.rule_id, null,
    json_build_array(f.units, f.run_id),
    null, null, null, null
from positions p
cross join lateral (
    select * from forecast_buffers f where f.sku = p.sku and f.location = p.location offset 0
) f
where exists (select from rules where forecast is not null)
    and f.rule_id in (select rule_id from rules where forecast is not null)
union all
select 'forecast', p.sku, p.location, null, n.first_day, c.run_id, null, to_json(f.mean_units),
    null, null, null, null
from positions p
cross join lateral (
    select c.run_id from current_forecasts c
    where c.sku = p.sku and c.location = p.location
    offset 0
) c
cross join lateral (
    select f.mean_units from forecasts f
    where f.sku = p.sku and f.location = p.location and f.run_id = c.run_id
    offset 0
) f
cross join lateral (
    select n.first_day from forecast_runs n
    where n.run_id = c.run_id and n.period_days = 1
    offset 0
) n
where exists (select from rules where days_of_cover is not null)
union all
select case when stale then 'stale' else 'hold' end, sku, group_id, units, promised_date, method,
    null, to_json(excluded_locations),
    null, null, null, null
from holds
union all
select 'group', null, g.group_id, null, null, null, null,
    (select json_agg(m.location) from group_members m where m.group_id = g.group_id),
    null, null, null, null
from (
    select group_id from asked where group_id is not null union select group_id from holds
) h
cross join lateral (select g.group_id from groups g where g.group_id = h.group_id offset 0) g
union all
select 'bundle', c.sku, c.component, c.units, null, null, null, null,
    null, null, null, null
from components c
union all
select 'rule', null, null, null, null, to_json(r)::text, null, null,
    null, null, null, null
from rules r
union all
select 'channel', null, channel, oversell_units, null, null, null,
    json_build_array(soft_ttl_seconds, order_ttl_seconds),
    null, null, null, null
from allowance
union all
-- Whether links, stock set aside or pre-sales may bear on the answer. Where there are none at all,
-- as mostly, not even that is looked into.
select 'limited', null, null, null, null, null, null, null,
    null, null, null, null
where (exists (select from supply_links) or exists (select from pre_sales))
    and has_channel_supply(asked_skus, asked_channels, at);
end
$function$;

-- The same for positions asked for by name, as most are, at half the cost: what belongs to a SKU is
-- looked up for all SKUs in one walk through an index, and units come back in the order of asking.
-- Bundles, their parts, and SKUs that are promised on a group take more than this: their facts
-- are those of stock_facts. Where a channel has views of supply or an allowance of its own nothing but
-- that is said. A stable function sees one moment, however many statements it runs.
create function named_stock_facts(
    asked_skus text[],
    asked_locations text[],
    asked_channels text[],
    asked_methods text[],
    counted_states text[],
    at timestamptz
) returns table (
    kind text, sku text, place text, units bigint, day date, word text, moment timestamptz,
    detail json,
    skus text[], locations text[], balances bigint[], categories text[]
)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $function$
#variable_conflict use_column
declare
    involved text[];
    other_skus text[];
    other_locations text[];
begin
if exists (select from channels c where c.channel = any (asked_channels) and c.oversell_units > 0)
    or (exists (select from supply_links) or exists (select from pre_sales))
        and has_channel_supply(asked_skus, asked_channels, at)
then
    kind := 'limited';
    return next;
    return;
end if;
involved := array(
    select unnest(array[b.sku, b.component]) from bundles b where b.sku = any (asked_skus)
    union all
    select l.sku from reservation_lines l
    where l.sku = any (asked_skus) and l.open_units > 0 and l.location is null
);
if involved <> '{}' then
    -- `not in` looks its rows up in a hash table, however the joins are planned.
    select array_agg(k.sku), array_agg(k.location) into other_skus, other_locations
    from unnest(asked_skus, asked_locations) as k (sku, location)
    where not (k.sku not in (select unnest(involved)));
    return query select * from stock_facts(other_skus, other_locations, '{}', asked_channels,
        asked_methods, counted_states, at, false);
    select array_agg(k.sku order by k.n), array_agg(k.location order by k.n)
        into asked_skus, asked_locations
    from unnest(asked_skus, asked_locations) with ordinality as k (sku, location, n)
    where k.sku not in (select unnest(involved));
end if;
return query
with rules as materialized (
    select * from (
        select * from buffer_rules r where r.sku is null
        union all
        select * from buffer_rules r where r.sku = any (asked_skus)
    ) r
    where (r.method is null or r.method = any (asked_methods))
        and (r.channel is null or r.channel = any (asked_channels))
),
stock as materialized (
    select k.n, k.sku, k.location, b.units, b.committed_units, b.lapsed_through
    from unnest(asked_skus, asked_locations) with ordinality as k (sku, location, n)
    left join lateral (
        select b.units, b.committed_units, b.lapsed_through from balances b
        where b.sku = k.sku and b.location = k.location and b.status = 'available'
        offset 0
    ) b on true
),
dated as (
    select s.sku, s.location, l.promised_date, l.class, sum(l.open_units)::bigint as units
    from (select distinct sku, location, lapsed_through from stock where committed_units <> 0) s
    cross join lateral (
        select l.promised_date, l.class, l.open_units from reservation_lines l
        where l.sku = s.sku and l.location = s.location and l.open_units > 0
            and l.expires_at is null
        union all
        select l.promised_date, l.class, l.open_units from reservation_lines l
        where l.sku = s.sku and l.location = s.location and l.open_units > 0
            and l.expires_at > greatest(at, s.lapsed_through)
        offset 0
    ) l
    group by 1, 2, 3, 4
)
select 'location', null, lo.location, null::bigint, null::date, to_json(lo)::text,
    null::timestamptz, null::json, null::text[], null::text[], null::bigint[], null::text[]
from (select distinct k.location from unnest(asked_locations) as k (location)) k
cross join lateral (select * from locations lo where lo.location = k.location offset 0) lo
union all
select 'named', null, null, null, null, null, null, null,
    known.skus, involved, on_hand.units, known.categories
from (
    select array_agg(s.sku) as skus, array_agg(s.category) as categories
    from skus s where s.sku = any (asked_skus)
) known
cross join (select array_agg(s.units order by s.n) as units from stock s) on_hand
union all
select 'commitment', sku, location, units, promised_date, class, null, null,
    null, null, null, null
from dated
union all
select 'inbound', s.sku, s.location, i.quantity, null, i.inbound_id, i.expected_at,
    to_json(i.state),
    null, null, null, null
from stock s
cross join lateral (
    select i.inbound_id, i.quantity, i.expected_at, i.state from inbound i
    where i.sku = s.sku and i.location = s.location
        and i.state in ('planned', 'confirmed', 'shipped') and i.state = any (counted_states)
        and i.quantity > 0
    offset 0
) i
union all
select 'buffer', s.sku, s.location, null, f.first_day, f.rule_id, null,
    json_build_array(f.units, f.run_id),
    null, null, null, null
from stock s
cross join lateral (
    select * from forecast_buffers f where f.sku = s.sku and f.location = s.location offset 0
) f
where exists (select from rules where forecast is not null)
    and f.rule_id in (select rule_id from rules where forecast is not null)
union all
select 'forecast', s.sku, s.location, null, n.first_day, c.run_id, null, to_json(f.mean_units),
    null, null, null, null
from stock s
cross join lateral (
    select c.run_id from current_forecasts c
    where c.sku = s.sku and c.location = s.location
    offset 0
) c
cross join lateral (
    select f.mean_units from forecasts f
    where f.sku = s.sku and f.location = s.location and f.run_id = c.run_id
    offset 0
) f
cross join lateral (
    select n.first_day from forecast_runs n
    where n.run_id = c.run_id and n.period_days = 1
    offset 0
) n
where exists (select from rules where days_of_cover is not null)
union all
select 'rule', null, null, null, null, to_json(r)::text, null, null,
    null, null, null, null
from rules r;
end
$function$;

drop function availability_facts(text[], text[], text[], text[], text[], text[], timestamptz);

create index buffer_rules_any_sku on buffer_rules (rule_id) where sku is null;
