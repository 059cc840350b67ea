-- Of the positions asked about, those whose free units are on another side of a threshold than the
-- one last announced. What is free is what may leave on the first day on which something can, before
-- any buffer: places that handle goods first, and vendors who ship for us, need days for that. Where
-- stock is sold ahead only the whole picture says what is free: those positions are all returned,
-- marked.
--
-- Most positions are far from any threshold: what is on hand less everything that was ever promised
-- from it, now or later, is a lower bound, and one visit to an index.
--
-- Beside promises on groups the whole picture is asked for only where it may matter. A position keeps
-- at least what is on hand less what is promised there less all that is promised on groups: where
-- that is above the mark for every position of a SKU, nothing was crossed anywhere.
create function announced_crossings(
    asked_skus text[],
    asked_locations text[],
    counted_states text[],
    at timestamptz
) returns table (
    sku text, location text, announced text, low_units bigint, free_units bigint, grouped boolean
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
    select * from unnest(asked_skus, asked_locations) as k (sku, location)
),
promised as materialized (
    select k.sku, g.units
    from (select distinct sku from asked) k
    cross join lateral (
        select sum(l.open_units) as units from reservation_lines l
        where l.sku = k.sku and l.open_units > 0 and l.location is null
    ) g
    where g.units > 0
),
-- Of these SKUs some position may be on another side than was told: one that is asked about, or one
-- that promises on groups connect with it.
unsure as materialized (
    select p.sku from promised p
    where exists (
        select from balances b
        where b.sku = p.sku and b.status = 'available'
            and not (b.announced = 'in'
                and b.units - b.committed_units - p.units > coalesce(b.low_units, 0))
            and not (b.announced = 'out' and b.units <= 0 and not exists (
                select from inbound i
                where i.sku = b.sku and i.location = b.location and i.quantity > 0
                    and i.state in ('planned', 'confirmed', 'shipped')))
    )
),
told as materialized (
    select b.sku, b.location, b.announced, b.low_units, b.units, b.committed_units,
        exists (select from unsure u where u.sku = b.sku) or exists (
            -- What is sold ahead does not take from the shelf. Two days: as far as days are apart.
            select from pre_sales p
            where p.sku = b.sku and p.location = b.location
                and p.available_on >= (at at time zone 'UTC')::date - 2
        ) as grouped
    from asked k
    join balances b on b.sku = k.sku and b.location = k.location and b.status = 'available'
    where exists (select from unsure u where u.sku = b.sku)
        or not exists (select from promised p where p.sku = b.sku)
        or exists (
            select from pre_sales p
            where p.sku = b.sku and p.location = b.location
                and p.available_on >= (at at time zone 'UTC')::date - 2)
),
near as materialized (
    -- At least so many are free, whenever what was promised is due and whatever else comes.
    select * from told t
    where t.grouped or t.announced <> 'in' or coalesce(t.low_units, 0) >= t.units - t.committed_units
),
counted as (
    select n.sku, n.location, n.announced, n.low_units, n.grouped,
        (n.units + f.lowest_units)::bigint as free_units
    from near n
    join locations lo on lo.location = n.location
    cross join lateral (
        select location_day(lo.timezone, lo.cutoff, at) as day_zero, coalesce(
            lo.handling_days,
            case when lo.type = 'vendor' then (
                select ceil(v.lead_time_days)::int from skus s join vendors v on v.vendor = s.vendor
                where s.sku = n.sku) end,
            0) as handling_days
    ) today
    cross join lateral (
        select min(balance) as lowest_units from (
            select sum(sum(c.units)) over (order by c.day) as balance
            from (
                select today.day_zero + today.handling_days as day, 0::bigint as units
                union all
                select greatest(l.promised_date, today.day_zero + today.handling_days),
                    -l.open_units
                from reservation_lines l
                where l.sku = n.sku and l.location = n.location and l.open_units > 0
                    and (l.expires_at is null or l.expires_at > at)
                union all
                select arrival.day + lo.put_away_lag_days + today.handling_days, i.quantity
                from inbound i
                cross join lateral (
                    select location_day(lo.timezone, lo.cutoff, i.expected_at) as day
                ) arrival
                where i.sku = n.sku and i.location = n.location
                    and i.state in ('planned', 'confirmed', 'shipped')
                    and i.state = any (counted_states)
                    -- Overdue supply is worth nothing until it is dated anew.
                    and arrival.day >= today.day_zero
            ) c
            group by c.day
        ) balances_by_day
    ) f
)
select * from (
    select c.sku, c.location, c.announced, c.low_units, c.free_units, c.grouped from counted c
) c
where c.grouped or c.announced <> case
    when c.free_units <= 0 then 'out'
    when c.free_units <= c.low_units then 'low'
    else 'in' end;
end
$function$;
