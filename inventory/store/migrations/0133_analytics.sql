-- Figures of how stock, orders and promises went, each defined once: a function of a stretch of days
-- (UTC), and a view of the last 90 whole days. `inventory.analytics` says units and meanings.
-- Location, vendor or channel null: all of them together.

create function inventory_between(first_day date, last_day date)
returns table (sku text, location text, average_units double precision, closing_units bigint)
language sql stable as $function$
    -- Stock at a moment is the balance of now less all that came later; its mean over the days takes
    -- off each change by the share of the days before it.
    with bounds as (
        select first_day::timestamp at time zone 'UTC' as since,
            (last_day + 1)::timestamp at time zone 'UTC' as until
    ), held as (
        select b.sku, b.location, sum(b.units) as units from balances b
        where b.status <> 'scrap' group by 1, 2
    ), changed as (
        select e.sku, e.location,
            coalesce(sum(e.units) filter (where e.effective_at >= until), 0) as later,
            coalesce(sum(e.units * extract(epoch from e.effective_at - since)
                    / extract(epoch from until - since))
                filter (where e.effective_at < until), 0) as weighted
        from entries e, bounds
        -- What was true since was recorded since: clocks ahead of ours are set back.
        where e.status <> 'scrap' and e.recorded_at >= since and e.effective_at >= since
        group by 1, 2
    )
    select h.sku, h.location,
        (h.units - coalesce(c.later, 0) - coalesce(c.weighted, 0))::double precision,
        (h.units - coalesce(c.later, 0))::bigint
    from held h left join changed c using (sku, location)
$function$;

create function analytics_turnover(first_day date, last_day date)
returns table (location text, sold_units double precision, cost_of_goods double precision,
    average_units double precision, average_value double precision, closing_value double precision,
    turnover double precision, days_of_inventory double precision, positions_without_cost bigint)
language sql stable as $function$
    with sold as (
        select d.sku, d.location, sum(d.units) as units from sales_days d
        where d.day between first_day and last_day and d.units is not null group by 1, 2
    ), joined as (
        select coalesce(i.location, s.location) as location, coalesce(s.units, 0) as sold,
            coalesce(i.average_units, 0) as average, coalesce(i.closing_units, 0) as closing,
            k.unit_cost
        from inventory_between(first_day, last_day) i
        full join sold s on s.sku = i.sku and s.location = i.location
        join skus k on k.sku = coalesce(i.sku, s.sku)
    ), summed as (
        select j.location, sum(sold) as sold, sum(sold * unit_cost) as cost,
            sum(average) as units, sum(average * unit_cost) as value,
            sum(closing * unit_cost) as closing,
            count(*) filter (where unit_cost <= 0 and (sold > 0 or average > 0)) as costless
        from joined j group by grouping sets ((j.location), ())
    )
    select s.location, sold, cost, units, value, closing,
        cost * 365 / (last_day - first_day + 1) / nullif(value, 0),
        value * (last_day - first_day + 1) / nullif(cost, 0), costless
    from summed s order by s.location nulls first
$function$;

create function analytics_ageing()
returns table (location text, age text, units bigint, value double precision, share double precision)
language sql stable as $function$
    with aged as (
        select l.location, width_bucket(
                extract(day from now() - l.arrived_at)::int, array[30, 60, 90]) as bucket,
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

create function analytics_abc()
returns table (location text, abc text, xyz text, positions bigint, value_per_year double precision,
    value_share double precision)
language sql stable as $function$
    with summed as (
        select c.location, c.abc, c.xyz, count(*) as positions,
            coalesce(sum(c.value_per_year), 0) as value
        from position_classes c
        group by grouping sets ((c.location, c.abc, c.xyz), (c.abc, c.xyz))
    )
    select s.location, s.abc, s.xyz, s.positions, s.value,
        s.value / nullif(sum(s.value) over (partition by s.location), 0)
    from summed s order by s.location nulls first, s.abc = '', s.abc, s.xyz = '', s.xyz
$function$;

create function analytics_health()
returns table (location text, part text, value double precision, weight double precision,
    points double precision, score double precision, positions bigint)
language sql stable as $function$
    with coming as (
        select i.sku, i.location, sum(i.quantity) as units from inbound i
        where i.state in ('planned', 'confirmed', 'shipped') group by 1, 2
    ), aged as (
        select l.sku, l.location, sum(l.units) as units from stock_lots l
        where l.arrived_at <= now() - interval '90 days' group by 1, 2
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

create function analytics_reorder(first_day date, last_day date)
returns table (vendor text, lines_sent bigint, unchanged_lines bigint, unchanged_share double precision,
    lines_received bigint, without_stock_out bigint, reorder_accuracy double precision,
    on_time_lines bigint, on_time_share double precision)
language sql stable as $function$
    with sent as (
        select p.vendor, count(*) as lines,
            count(*) filter (where not exists (
                select from jsonb_array_elements(coalesce(l.explanation -> 'terms', '[]')) t
                where t ->> 'term' = 'changed by hand')) as unchanged
        from purchase_orders p join purchase_order_lines l using (purchase_order_id)
        where (p.sent_at at time zone 'UTC')::date between first_day and last_day group by 1
    ), received as (
        select p.vendor, l.sku, p.location, (p.sent_at at time zone o.timezone)::date as sent_on,
            (min(r.received_at) at time zone o.timezone)::date as came_on, l.due_on
        from purchase_order_receipts r
        join purchase_orders p using (purchase_order_id)
        join purchase_order_lines l using (purchase_order_id, line_no)
        join locations o on o.location = p.location
        group by p.vendor, l.sku, p.location, p.sent_at, l.due_on, o.timezone,
            p.purchase_order_id, l.line_no
        having (min(r.received_at) at time zone 'UTC')::date between first_day and last_day
    ), came as (
        select r.vendor, count(*) as lines,
            count(*) filter (where not exists (
                select from sales_days d where d.sku = r.sku and d.location = r.location
                    and d.day >= r.sent_on and d.day < r.came_on and d.in_stock < 1)) as stocked,
            count(*) filter (where r.came_on <= r.due_on) as on_time
        from received r group by 1
    ), joined as (
        select vendor, coalesce(s.lines, 0) as sent, coalesce(s.unchanged, 0) as unchanged,
            coalesce(c.lines, 0) as came, coalesce(c.stocked, 0) as stocked,
            coalesce(c.on_time, 0) as on_time
        from sent s full join came c using (vendor)
    )
    select j.vendor, sum(sent)::bigint, sum(unchanged)::bigint, sum(unchanged) / nullif(sum(sent), 0),
        sum(came)::bigint, sum(stocked)::bigint, sum(stocked) / nullif(sum(came), 0),
        sum(on_time)::bigint, sum(on_time) / nullif(sum(came), 0)
    from joined j group by grouping sets ((j.vendor), ())
    having count(*) > 0 order by j.vendor nulls first
$function$;

create function analytics_automation(first_day date, last_day date)
returns table (vendor text, approved bigint, automatic bigint, automatic_share double precision,
    value double precision, automatic_value double precision, value_share double precision)
language sql stable as $function$
    with approved as (
        -- As it was approved last, where it went back in between.
        select distinct on (e.purchase_order_id) e.purchase_order_id, e.actor like 'rule:%' as by_rule
        from purchase_order_events e
        where e.act = 'approve' and e.to_state = 'approved'
            and (e.at at time zone 'UTC')::date between first_day and last_day
        order by e.purchase_order_id, e.event_id desc
    ), valued as (
        select p.vendor, a.by_rule, coalesce((
            select round(sum(coalesce(l.ordered_units, l.quantity) * l.unit_cost)::numeric, 2)
            from purchase_order_lines l where l.purchase_order_id = p.purchase_order_id), 0) as value
        from approved a join purchase_orders p using (purchase_order_id)
    )
    select v.vendor, count(*), count(*) filter (where by_rule),
        count(*) filter (where by_rule)::double precision / count(*), sum(v.value)::double precision,
        coalesce(sum(v.value) filter (where by_rule), 0)::double precision,
        (coalesce(sum(v.value) filter (where by_rule), 0) / nullif(sum(v.value), 0))::double precision
    from valued v group by grouping sets ((v.vendor), ())
    having count(*) > 0 order by v.vendor nulls first
$function$;

create function analytics_stockouts(first_day date, last_day date)
returns table (location text, prevented bigint, prevented_units double precision,
    prevented_margin double precision, position_days bigint, stock_out_days double precision,
    stock_out_share double precision)
language sql stable as $function$
    -- A receipt prevented a stock-out when more left between it and the next one (or the last day)
    -- than was there before it came.
    with bounds as (
        select first_day::timestamp at time zone 'UTC' as since,
            (last_day + 1)::timestamp at time zone 'UTC' as until
    ), moved as (
        select e.sku, e.location, e.units, e.kind = 'receipt' and e.units > 0 as is_receipt,
            e.effective_at, b.units - sum(e.units) over later as before,
            count(*) filter (where e.kind = 'receipt' and e.units > 0) over earlier as batch
        from entries e
        join balances b using (sku, location, status), bounds
        where e.status = 'available' and e.recorded_at >= since and e.effective_at >= since
        window
            later as (partition by e.sku, e.location
                order by e.effective_at desc, e.entry_id desc),
            earlier as (partition by e.sku, e.location order by e.effective_at, e.entry_id)
    ), batches as (
        select m.sku, m.location, sum(m.units) filter (where is_receipt) as came,
            greatest(sum(m.before) filter (where is_receipt), 0) as before,
            -sum(m.units) filter (where m.units < 0) as gone
        from moved m, bounds where m.batch > 0 and m.effective_at < until
        group by m.sku, m.location, m.batch
    ), saved as (
        select b.location, count(*) as prevented, sum(least(gone - before, came)) as units,
            sum(least(gone - before, came) * greatest(k.price - k.unit_cost, 0)) as margin
        from batches b join skus k using (sku) where gone > before and came > 0 group by 1
    ), days as (
        select d.location, count(*) as position_days, sum(1 - d.in_stock::numeric) as out_days
        from sales_days d where d.day between first_day and last_day and d.units is not null
        group by 1
    ), joined as (
        select location, coalesce(s.prevented, 0) as prevented, coalesce(s.units, 0) as units,
            coalesce(s.margin, 0) as margin, coalesce(d.position_days, 0) as position_days,
            coalesce(d.out_days, 0) as out_days
        from saved s full join days d using (location)
    )
    select j.location, sum(j.prevented)::bigint, sum(j.units)::double precision,
        sum(j.margin)::double precision, sum(j.position_days)::bigint,
        sum(j.out_days)::double precision,
        (sum(j.out_days) / nullif(sum(j.position_days), 0))::double precision
    from joined j group by grouping sets ((j.location), ())
    having count(*) > 0 order by j.location nulls first
$function$;

create function analytics_orders(first_day date, last_day date)
returns table (channel text, orders bigint, cancelled bigint, cancellation_rate double precision,
    units bigint, cancelled_units bigint, backorders_offered bigint, backorders_accepted bigint,
    backorder_acceptance double precision)
language sql stable as $function$
    with ordered as (
        select r.channel, r.reservation_id, r.state = 'cancelled' as is_cancelled,
            sum(l.quantity) as units,
            sum(l.quantity - l.shipped_units - l.open_units) as cancelled_units,
            count(*) filter (where l.backordered) as back_lines,
            count(*) filter (where l.backordered and l.shipped_units + l.open_units > 0) as back_kept
        from reservations r join reservation_lines l using (reservation_id)
        where (r.confirmed_at at time zone 'UTC')::date between first_day and last_day
            and r.method <> 'transfer'
        group by 1, 2, 3
    ), asked_ahead as (
        select r.channel, count(*) as offered,
            count(*) filter (where r.confirmed_at is not null and r.state <> 'cancelled') as accepted
        from reservations r join reservation_lines l using (reservation_id)
        where r.kind = 'preorder'
            and (r.created_at at time zone 'UTC')::date between first_day and last_day
            -- What is still held is neither taken nor let go.
            and not (r.state = 'active' and (r.expires_at is null or r.expires_at > now()))
        group by 1
    ), taken as (
        select o.channel, count(*) as orders, count(*) filter (where is_cancelled) as cancelled,
            sum(o.units) as units, sum(o.cancelled_units) as cancelled_units,
            sum(back_lines) as offered, sum(back_kept) as accepted
        from ordered o group by 1
    ), joined as (
        select channel, coalesce(t.orders, 0) as orders, coalesce(t.cancelled, 0) as cancelled,
            coalesce(t.units, 0) as units, coalesce(t.cancelled_units, 0) as cancelled_units,
            coalesce(t.offered, 0) + coalesce(a.offered, 0) as offered,
            coalesce(t.accepted, 0) + coalesce(a.accepted, 0) as accepted
        from taken t full join asked_ahead a using (channel)
    )
    select j.channel, sum(j.orders)::bigint, sum(j.cancelled)::bigint,
        (sum(j.cancelled) / nullif(sum(j.orders), 0))::double precision, sum(j.units)::bigint,
        sum(j.cancelled_units)::bigint, sum(j.offered)::bigint, sum(j.accepted)::bigint,
        (sum(j.accepted) / nullif(sum(j.offered), 0))::double precision
    from joined j group by grouping sets ((j.channel), ())
    having count(*) > 0 order by j.channel nulls first
$function$;

create view turnover as select * from analytics_turnover(current_date - 90, current_date - 1);
create view stock_ageing as select * from analytics_ageing();
create view abc_xyz as select * from analytics_abc();
create view stock_health as select * from analytics_health();
create view reorder_accuracy as select * from analytics_reorder(current_date - 90, current_date - 1);
create view automation as select * from analytics_automation(current_date - 90, current_date - 1);
create view stock_outs as select * from analytics_stockouts(current_date - 90, current_date - 1);
create view order_outcomes as select * from analytics_orders(current_date - 90, current_date - 1);
