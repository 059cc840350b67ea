-- Figures as of a moment that is given rather than the clock's, and turnover only of days whose stock
-- the ledger knows: a history of sales may be years older than it.

drop view turnover, stock_ageing, stock_health;
drop function analytics_turnover(date, date), inventory_between(date, date), analytics_ageing(),
    analytics_health();

create function inventory_between(first_day date, last_day date)
returns table (sku text, location text, known_from date, average_units double precision,
    closing_units bigint)
language sql stable as $function$
    -- Stock at a moment is the balance of now less all that came later; its mean over the days takes
    -- off each change by the share of the days before it. Where the ledger of a location begins
    -- within the days, they begin with its first whole day: before, nobody knows what was there.
    with bounds as (
        select first_day::timestamp at time zone 'UTC' as since,
            (last_day + 1)::timestamp at time zone 'UTC' as until
    ), begun as (
        select l.location, case
            when exists (select from entries e, bounds
                where e.recorded_at < since and e.location = l.location) then first_day
            else (select (min(e.effective_at) at time zone 'UTC')::date + 1 from entries e, bounds
                where e.recorded_at >= since and e.location = l.location) end as known_from
        from locations l
    ), held as (
        select b.sku, b.location, greatest(g.known_from, first_day) as known_from,
            greatest(g.known_from, first_day)::timestamp at time zone 'UTC' as since,
            sum(b.units) as units
        from balances b join begun g using (location)
        where b.status <> 'scrap' and g.known_from <= last_day
        group by 1, 2, 3, 4
    ), changed as (
        select h.sku, h.location, coalesce(sum(e.units) filter (where e.effective_at >= until), 0)
                as later,
            coalesce(sum(e.units * extract(epoch from e.effective_at - h.since)
                    / extract(epoch from until - h.since))
                filter (where e.effective_at < until), 0) as weighted
        from held h join entries e using (sku, location), bounds
        -- What was true since was recorded since: clocks ahead of ours are set back.
        where e.status <> 'scrap' and e.recorded_at >= bounds.since and e.effective_at >= h.since
        group by 1, 2
    )
    select h.sku, h.location, h.known_from,
        (h.units - coalesce(c.later, 0) - coalesce(c.weighted, 0))::double precision,
        (h.units - coalesce(c.later, 0))::bigint
    from held h left join changed c using (sku, location)
$function$;

create function analytics_turnover(first_day date, last_day date)
returns table (location text, known_from date, sold_units double precision,
    cost_of_goods double precision, average_units double precision, average_value double precision,
    closing_value double precision, turnover double precision, days_of_inventory double precision,
    positions_without_cost bigint)
language sql stable as $function$
    with stock as materialized (
        select * from inventory_between(first_day, last_day)
    ), begun as (
        select k.location, k.known_from, last_day - k.known_from + 1 as days
        from (select distinct s.location, s.known_from from stock s) k
    ), sold as (
        select d.sku, d.location, sum(d.units) as units
        from begun b join sales_days d on d.location = b.location
        where d.day between b.known_from and last_day and d.units is not null group by 1, 2
    ), joined as (
        select b.location, b.known_from, b.days, coalesce(s.units, 0) as sold,
            coalesce(i.average_units, 0) as average, coalesce(i.closing_units, 0) as closing,
            k.unit_cost
        from stock i
        full join sold s on s.sku = i.sku and s.location = i.location
        join begun b on b.location = coalesce(i.location, s.location)
        join skus k on k.sku = coalesce(i.sku, s.sku)
    ), summed as (
        select j.location, min(j.known_from) as known_from, sum(sold) as sold,
            sum(sold * unit_cost) as cost, sum(sold * unit_cost / days) as cost_per_day,
            sum(average) as units, sum(average * unit_cost) as value,
            sum(closing * unit_cost) as closing,
            count(*) filter (where unit_cost <= 0 and (sold > 0 or average > 0)) as costless
        from joined j group by grouping sets ((j.location), ()) having count(*) > 0
    )
    select s.location, s.known_from, sold, cost, units, value, closing,
        365 * cost_per_day / nullif(value, 0), value / nullif(cost_per_day, 0), costless
    from summed s order by s.location nulls first
$function$;

create function analytics_ageing(at timestamptz)
returns table (location text, age text, units bigint, value double precision, share double precision)
language sql stable as $function$
    with aged as (
        select l.location, width_bucket(
                extract(day from at - l.arrived_at)::int, array[30, 60, 90]) as bucket,
            l.units, l.units * k.unit_cost as value
        from stock_lots l join skus k using (sku)
    ), summed as (
        select a.location, bucket, sum(a.units) as units, sum(a.value) as value
        from aged a group by grouping sets ((a.location, bucket), (bucket))
    )
    select s.location, (array['0-29', '30-59', '60-89', '90+'])[bucket + 1], s.units::bigint,
        s.value, s.value / nullif(sum(s.value) over (partition by s.location), 0)
    from summed s order by s.location nulls first, bucket
$function$;

create function analytics_health(at timestamptz)
returns table (location text, part text, value double precision, weight double precision,
    points double precision, score double precision, positions bigint)
language sql stable as $function$
    with coming as (
        select i.sku, i.location, sum(i.quantity) as units from inbound i
        where i.state in ('planned', 'confirmed', 'shipped') group by 1, 2
    ), aged as (
        select l.sku, l.location, sum(l.units) as units from stock_lots l
        where l.arrived_at <= at - interval '90 days' group by 1, 2
    ), positions as (
        select p.location, coalesce(w.demand_rate, 0) * greatest(k.price, k.unit_cost) as demand,
            coalesce(b.units, 0) - coalesce(b.committed_units, 0) as sellable,
            coalesce(c.units, 0) as coming, p.reorder_point, p.order_up_to,
            coalesce(w.demand_rate, 0) as rate, greatest(coalesce(b.units, 0), 0) as units,
            k.unit_cost, coalesce(a.units, 0) as old
        from policies p
        join skus k using (sku)
        left join demand_windows w on w.sku = p.sku and w.location = p.location
        left join balances b on b.sku = p.sku and b.location = p.location
            and b.status = 'available'
        left join coming c on c.sku = p.sku and c.location = p.location
        left join aged a on a.sku = p.sku and a.location = p.location
    ), shares as (
        select p.location, count(*) as positions,
            coalesce(sum(demand) filter (where sellable > 0) / nullif(sum(demand), 0), 1)
                as in_stock,
            coalesce(sum(demand) filter (where sellable + coming > reorder_point)
                / nullif(sum(demand), 0), 1) as covered,
            1 - coalesce(sum(greatest(units - order_up_to - 30 * rate, 0) * unit_cost)
                / nullif(sum(units * unit_cost), 0), 0) as lean,
            1 - coalesce(sum(least(old, units) * unit_cost)
                / nullif(sum(units * unit_cost), 0), 0) as fresh
        from positions p group by grouping sets ((p.location), ())
    ), parts as (
        select s.location, s.positions, x.place, x.part, x.value, x.weight
        from shares s cross join lateral (values
            (1, 'in_stock', s.in_stock, 0.4::double precision), (2, 'covered', s.covered, 0.25),
            (3, 'lean', s.lean, 0.2), (4, 'fresh', s.fresh, 0.15)
        ) as x (place, part, value, weight)
    )
    select p.location, p.part, p.value, p.weight, 100 * p.weight * p.value,
        sum(100 * p.weight * p.value) over (partition by p.location), p.positions
    from parts p where p.positions > 0 order by p.location nulls first, p.place
$function$;

create view turnover as select * from analytics_turnover(current_date - 90, current_date - 1);
create view stock_ageing as select * from analytics_ageing(now());
create view stock_health as select * from analytics_health(now());
