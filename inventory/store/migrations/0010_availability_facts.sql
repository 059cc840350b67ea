-- Everything that an availability answer rests on, as of one moment: one row per fact.
--
-- A function, because its plan is then made once per connection: planning took three times as long
-- as running it. The plan must be the generic one, which visits each position through its indexes,
-- however many are asked for.

create function availability_facts(
    asked_skus text[],
    asked_locations text[],
    asked_groups text[],
    asked_channels text[],
    asked_methods text[],
    counted_states text[],
    at timestamptz
) returns table (fact_kind text, fact json)
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
parts as materialized (
    select distinct coalesce(b.component, a.sku) as sku, a.location, a.group_id
    from asked a left join bundles b on b.sku = a.sku
),
part_skus as materialized (select distinct sku from parts),
holds as materialized (
    select l.sku, l.group_id, l.promised_date, l.method, l.excluded_locations,
        coalesce(l.expires_at <= at, false) as stale, sum(l.open_units)::bigint as units
    from part_skus p join reservation_lines l on l.sku = p.sku
    where l.open_units > 0 and l.location is null
    group by 1, 2, 3, 4, 5, 6
),
rules as materialized (
    select * from buffer_rules r
    where (r.sku is null or r.sku in (select sku from part_skus))
        and (r.method is null or r.method = any (asked_methods))
        and (r.channel is null or r.channel = any (asked_channels))
),
allowance as materialized (
    select * from channels where channel = any (asked_channels)
),
positions as materialized (
    select sku, location from parts where location is not null
    union
    select p.sku, m.location from parts p join group_members m on m.group_id = p.group_id
    union
    select h.sku, m.location from holds h join group_members m on m.group_id = h.group_id
    union
    -- An allowance to oversell counts once per SKU: all its locations matter.
    select b.sku, b.location from balances b join part_skus p on p.sku = b.sku
    where exists (select from allowance where oversell_units > 0)
)
select 'position', json_build_array(p.sku, p.location,
    (select s.category from skus s where s.sku = p.sku),
    (select json_build_array(lo.type, lo.methods, lo.timezone, lo.cutoff, lo.put_away_lag_days)
        from locations lo where lo.location = p.location),
    (select json_agg(json_build_array(b.status, b.units)) from balances b
        where b.sku = p.sku and b.location = p.location),
    (select json_agg(json_build_array(c.promised_date, c.class, c.units, c.stale))
        from (
            select l.promised_date, l.class, sum(l.open_units)::bigint as units,
                coalesce(l.expires_at <= at, false) as stale
            from reservation_lines l
            where l.sku = p.sku and l.location = p.location and l.open_units > 0
            group by l.promised_date, l.class, coalesce(l.expires_at <= at, false)
        ) c),
    (select json_agg(json_build_array(i.inbound_id, i.expected_at, i.state, i.quantity))
        from inbound i
        where i.sku = p.sku and i.location = p.location
            and i.state in ('planned', 'confirmed', 'shipped') and i.state = any (counted_states)
            and i.quantity > 0),
    (select json_agg(json_build_array(f.rule_id, f.first_day, f.units, f.run_id))
        from forecast_buffers f join rules r on r.rule_id = f.rule_id
        where f.sku = p.sku and f.location = p.location),
    case when exists (select from rules where days_of_cover is not null) then (
        select json_build_array(n.first_day, f.mean_units, n.run_id)
        from current_forecasts c
        join forecasts f on f.sku = c.sku and f.location = c.location and f.run_id = c.run_id
        join forecast_runs n on n.run_id = c.run_id and n.period_days = 1
        where c.sku = p.sku and c.location = p.location) end)
from positions p
union all
select 'hold', json_build_array(sku, group_id, promised_date, method, excluded_locations, units,
    stale) from holds
union all
select 'group', json_build_array(g.group_id,
    (select json_agg(m.location) from group_members m where m.group_id = g.group_id))
from groups g
where g.group_id in (select group_id from asked union select group_id from holds)
union all
select 'bundle', json_build_array(b.sku, json_object_agg(b.component, b.units))
from bundles b where b.sku in (select sku from asked) group by b.sku
union all
select 'rule', to_json(r) from rules r
union all
select 'channel', json_build_array(channel, soft_ttl_seconds, order_ttl_seconds, oversell_units)
from allowance;
end
$function$;
