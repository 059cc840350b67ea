-- What a site sends to another turns its stock over too; and reorder accuracy is of lines that can
-- be judged: a hub that sells nothing has no days on record that were in stock.

drop view turnover, reorder_accuracy;
drop function analytics_turnover(date, date), analytics_reorder(date, date);

create function analytics_turnover(first_day date, last_day date)
returns table (location text, known_from date, sold_units double precision,
    transferred_units double precision, cost_of_goods double precision,
    average_units double precision, average_value double precision, closing_value double precision,
    turnover double precision, days_of_inventory double precision, positions_without_cost bigint)
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
    ), sent as (
        select l.sku, t.origin as location, sum(l.shipped_units)::double precision as units
        from transfer_events e
        join transfers t using (transfer_id)
        join begun b on b.location = t.origin
        join transfer_lines l using (transfer_id)
        where e.act = 'ship' and (e.at at time zone 'UTC')::date between b.known_from and last_day
        group by 1, 2
    ), gone as (
        select sku, location, coalesce(s.units, 0) as sold, coalesce(t.units, 0) as sent
        from sold s full join sent t using (sku, location)
    ), joined as (
        select b.location, b.known_from, b.days, coalesce(s.sold, 0) as sold,
            coalesce(s.sent, 0) as sent, coalesce(i.average_units, 0) as average,
            coalesce(i.closing_units, 0) as closing, k.unit_cost
        from stock i
        full join gone s on s.sku = i.sku and s.location = i.location
        join begun b on b.location = coalesce(i.location, s.location)
        join skus k on k.sku = coalesce(i.sku, s.sku)
    ), summed as (
        -- What one site sends to another leaves that site, and not the house.
        select j.location, min(j.known_from) as known_from, sum(sold) as sold, sum(sent) as sent,
            sum(sold * unit_cost)
                + (1 - grouping(j.location)) * sum(sent * unit_cost) as cost,
            sum(sold * unit_cost / days)
                + (1 - grouping(j.location)) * sum(sent * unit_cost / days) as cost_per_day,
            sum(average) as units, sum(average * unit_cost) as value,
            sum(closing * unit_cost) as closing,
            count(*) filter (where unit_cost <= 0 and (sold > 0 or sent > 0 or average > 0))
                as costless
        from joined j group by grouping sets ((j.location), ()) having count(*) > 0
    )
    select s.location, s.known_from, sold, sent, cost, units, value, closing,
        365 * cost_per_day / nullif(value, 0), value / nullif(cost_per_day, 0), costless
    from summed s order by s.location nulls first
$function$;

create function analytics_reorder(first_day date, last_day date)
returns table (vendor text, lines_sent bigint, unchanged_lines bigint,
    unchanged_share double precision, lines_received bigint, lines_judged bigint,
    without_stock_out bigint, reorder_accuracy double precision, on_time_lines bigint,
    on_time_share double precision)
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
        select r.vendor, count(*) as lines, count(d.held) as judged,
            count(*) filter (where d.held) as stocked,
            count(*) filter (where r.came_on <= r.due_on) as on_time
        from received r
        -- Nobody knows of days without sales on record whether the shelf was empty.
        left join lateral (
            select bool_and(d.in_stock >= 1) as held from sales_days d
            where d.sku = r.sku and d.location = r.location
                and d.day >= r.sent_on and d.day < r.came_on
        ) d on true
        group by 1
    ), joined as (
        select vendor, coalesce(s.lines, 0) as sent, coalesce(s.unchanged, 0) as unchanged,
            coalesce(c.lines, 0) as came, coalesce(c.judged, 0) as judged,
            coalesce(c.stocked, 0) as stocked,
            coalesce(c.on_time, 0) as on_time
        from sent s full join came c using (vendor)
    )
    select j.vendor, sum(sent)::bigint, sum(unchanged)::bigint,
        sum(unchanged) / nullif(sum(sent), 0), sum(came)::bigint, sum(judged)::bigint,
        sum(stocked)::bigint, sum(stocked) / nullif(sum(judged), 0),
        sum(on_time)::bigint, sum(on_time) / nullif(sum(came), 0)
    from joined j group by grouping sets ((j.vendor), ())
    having count(*) > 0 order by j.vendor nulls first
$function$;

create view turnover as select * from analytics_turnover(current_date - 90, current_date - 1);
create view reorder_accuracy as
    select * from analytics_reorder(current_date - 90, current_date - 1);
