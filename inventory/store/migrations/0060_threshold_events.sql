-- What others are told when availability crosses a threshold, and in which order they read it.

-- The day on which something that is at a place at `moment` can still leave: `Calendar.day_of`.
create function location_day(timezone text, cutoff time, moment timestamptz) returns date
language sql stable
return (moment at time zone timezone)::date
    + coalesce(((moment at time zone timezone)::time > cutoff)::int, 0);

-- Of the positions asked about, those whose free units are on another side of a threshold than the
-- one last announced. Free units: the look-ahead balance of day 0 before any buffer. Where promises
-- on groups or pre-sales bear on a SKU its positions are all returned, marked: those need the whole
-- picture.
--
-- Most positions are far from any threshold: what is on hand less everything that was ever promised
-- from it, now or later, is a lower bound, and one visit to an index.
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
with told as materialized (
    select b.sku, b.location, b.announced, b.low_units, b.units,
        exists (
            select from reservation_lines l
            where l.sku = b.sku and l.open_units > 0 and l.location is null
        ) or exists (
            -- What is sold ahead does not take from the shelf. Two days: as far as days are apart.
            select from pre_sales s
            where s.sku = b.sku and s.location = b.location
                and s.available_on >= (at at time zone 'UTC')::date - 2
        ) as grouped
    from unnest(asked_skus, asked_locations) as k (sku, location)
    join balances b on b.sku = k.sku and b.location = k.location and b.status = 'available'
),
near as materialized (
    select * from told t
    where t.grouped or t.announced <> 'in' or coalesce(t.low_units, 0) >= t.units - (
        select coalesce(sum(l.open_units), 0) from reservation_lines l
        where l.sku = t.sku and l.location = t.location and l.open_units > 0)
),
counted as (
    select n.sku, n.location, n.announced, n.low_units, n.grouped,
        (n.units + f.lowest_units)::bigint as free_units
    from near n
    join locations lo on lo.location = n.location
    cross join lateral (
        select location_day(lo.timezone, lo.cutoff, at) as day_zero
    ) today
    cross join lateral (
        select min(balance) as lowest_units from (
            select sum(sum(c.units)) over (order by c.day) as balance
            from (
                select today.day_zero as day, 0::bigint as units
                union all
                select greatest(l.promised_date, today.day_zero), -l.open_units
                from reservation_lines l
                where l.sku = n.sku and l.location = n.location and l.open_units > 0
                    and (l.expires_at is null or l.expires_at > at)
                union all
                select arrival.day + lo.put_away_lag_days, i.quantity
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

-- SKUs whose positions are to be looked at again, because promises on groups may have carried a
-- change to positions that the writer did not hold.
create table announcements_due (
    sku text primary key,
    noted_at timestamptz not null
);

-- The expected moment for which it was already said that this supply is overdue.
alter table inbound add column overdue_reported_for timestamptz;
create index inbound_expected on inbound (expected_at)
    where state in ('planned', 'confirmed', 'shipped') and quantity > 0;

-- Readers follow `sequence`, which is given to events once they are committed. Ids are taken earlier,
-- so a lower id may become visible after a higher one and would be missed by who follows ids.
alter table outbox add column sequence bigint;
create unique index outbox_sequence on outbox (sequence);
create index outbox_waiting on outbox (event_id) where sequence is null;
create index outbox_sku on outbox (sku, sequence);
alter table outbox drop column delivered_at;
