-- Promises where nothing unusual bears on them, decided and written in one trip and one transaction.

-- P of a position, day by day from day 0 on, `days` long: `inventory.projection`, for one position.
create function projected_by_day(
    asked_sku text, asked_location text, on_hand bigint, days int, at timestamptz,
    live_after timestamptz, counted_states text[]
) returns bigint[]
language plpgsql stable
set plan_cache_mode = force_generic_plan
as $function$
declare
    balance bigint[] := array_fill(0::bigint, array[days]);
    change record;
    day_zero date;
begin
    select location_day(lo.timezone, lo.cutoff, at) into day_zero
    from locations lo where lo.location = asked_location;
    for change in
        select greatest(l.promised_date - day_zero, 0) as day, -sum(l.open_units)::bigint as units
        from reservation_lines l
        where l.sku = asked_sku and l.location = asked_location and l.open_units > 0
            and (l.expires_at is null or l.expires_at > live_after)
        group by 1
        union all
        select arrival.day + lo.put_away_lag_days - day_zero, i.quantity
        from inbound i
        join locations lo on lo.location = i.location
        cross join lateral (
            select location_day(lo.timezone, lo.cutoff, i.expected_at) as day) arrival
        where i.sku = asked_sku and i.location = asked_location
            and i.state in ('planned', 'confirmed', 'shipped') and i.state = any (counted_states)
            and i.quantity > 0 and arrival.day >= day_zero
    loop
        if change.day < days then
            balance[change.day + 1] := balance[change.day + 1] + change.units;
        end if;
    end loop;
    balance[1] := balance[1] + on_hand;
    for day in 2 .. days loop
        balance[day] := balance[day - 1] + balance[day];
    end loop;
    return balance;
end
$function$;

-- B that a forecast set for a position, day by day: `inventory.buffer_rules.buffer_units`.
create function withheld_by_day(
    asked_rule text, asked_sku text, asked_location text, floor_units int, day_zero date, days int
) returns bigint[]
language sql stable
return (
    select array_agg(greatest(floor_units, case
        when day_zero + day < f.first_day or f.units = '{}' then 0
        else f.units[least(day_zero + day - f.first_day + 1, cardinality(f.units))] end)::bigint
        order by day)
    from generate_series(0, days - 1) as day, forecast_buffers f
    where f.rule_id = asked_rule and f.sku = asked_sku and f.location = asked_location
);

-- The order of `inventory.buffer_rules`, as a number: a place says more than a view, and so on. That a
-- SKU says most is left to the index, which hands out the rules of a SKU in the order they win.
create function rule_specificity(
    location text, category text, location_type text, method text, channel text
) returns int
language sql immutable
return (location is not null)::int * 16 + (category is not null)::int * 8
    + (location_type is not null)::int * 4 + (method is not null)::int * 2
    + (channel is not null)::int;
create index buffer_rules_in_order on buffer_rules (
    coalesce(sku, ''), rule_specificity(location, category, location_type, method, channel) desc, rule_id);

-- The buffer rule that wins for a view, of those of a SKU, or with '' of those of none. The first are
-- to be asked first. Written to be inlined into its callers.
create function first_rule(
    asked_sku text, asked_location text, asked_category text, asked_type text, asked_method text,
    asked_channel text
) returns table (
    rule_id text, quantity int, days_of_cover double precision, forecast jsonb, lookahead_days int
)
language sql stable
begin atomic
    select r.rule_id, r.quantity, r.days_of_cover, r.forecast, r.lookahead_days
    from buffer_rules r
    where coalesce(r.sku, '') = asked_sku
        and (r.location is null or r.location = asked_location)
        and (r.category is null or r.category = asked_category)
        and (r.location_type is null or r.location_type = asked_type)
        and (r.method is null or r.method = asked_method)
        and (r.channel is null or r.channel = asked_channel)
    order by rule_specificity(r.location, r.category, r.location_type, r.method, r.channel) desc,
        r.rule_id
    limit 1;
end;

-- Whether a place fulfils that way, and what it has can leave on its day 0: `inventory.projection`. An
-- empty list of methods offers all; `ship` and `sfs` are both a parcel. Written to be inlined.
create function sends_at_once(
    asked_method text, methods text[], type text, handling_days int
) returns boolean
language sql immutable
return (methods = '{}' or asked_method = any (methods)
        or asked_method in ('ship', 'sfs') and case type
            when 'store' then 'sfs' else 'ship' end = any (methods))
    and coalesce(handling_days, (type = 'vendor')::int) = 0;

-- What bears on a plain promise of one SKU at one place through one view: one row, or none for what
-- is unknown. `usual` says that nothing else bears on it. Written to be inlined into its callers.
create function view_facts(
    asked_sku text, asked_location text, asked_channel text, asked_method text, at timestamptz,
    live_after timestamptz
) returns table (
    usual boolean, day_zero date, inbound boolean, stale_units bigint, soft_life int,
    order_life int, oversells boolean, category text, location_type text
)
language sql stable
begin atomic
    select
        not exists (select from bundles u where u.sku = s.sku)
            and not exists (
                select from reservation_lines l
                where l.sku = s.sku and l.open_units > 0 and l.location is null)
            and not exists (select from supply_links u where u.channel = asked_channel)
            and not exists (
                select from supply_links u
                where u.location = lo.location and u.reserve_units > 0
                    and (u.sku is null or u.sku = s.sku) and (u.ends_at is null or u.ends_at > at))
            and not exists (select from pre_sales u where u.sku = s.sku)
            and sends_at_once(asked_method, lo.methods, lo.type, lo.handling_days),
        location_day(lo.timezone, lo.cutoff, at),
        exists (
            select from inbound i
            where i.sku = s.sku and i.location = lo.location
                and i.state in ('planned', 'confirmed', 'shipped') and i.quantity > 0),
        coalesce((
            select sum(l.open_units)::bigint from reservation_lines l
            where l.sku = s.sku and l.location = lo.location and l.open_units > 0
                and l.expires_at <= at and l.expires_at > live_after), 0),
        coalesce(c.soft_ttl_seconds, 900), coalesce(c.order_ttl_seconds, 172800),
        coalesce(c.oversell_units > 0, false), s.category, lo.type
    from skus s
    join locations lo on lo.location = asked_location
    left join channels c on c.channel = asked_channel
    where s.sku = asked_sku;
end;

-- More than any rule withholds through one of these ways from a place, SKUs' own rules left out, or
-- with a SKU those of it alone: units, and whether a forecast may withhold more. A cover in days of
-- the forecast counts as everything there is. Written to be inlined into its callers.
create function most_withheld(
    asked_sku text, asked_locations text[], asked_methods text[], asked_channels text[]
) returns table (units bigint, computed boolean)
language sql stable
begin atomic
    select coalesce(max(case when r.days_of_cover is not null then 9e18
            else coalesce(r.quantity, trunc((r.forecast ->> 'floor')::numeric), 0) end), 0)::bigint,
        coalesce(bool_or(r.forecast is not null), false)
    from buffer_rules r
    where coalesce(r.sku, '') = asked_sku
        and (r.location is null or r.location = any (asked_locations))
        and (r.method is null or r.method = any (asked_methods))
        and (r.channel is null or r.channel = any (asked_channels));
end;

-- Place baskets if stock is ample for all of them together: where what is on hand covers every promise
-- ever made there, the most that any rule withholds, and all that is asked. Dates do not matter then:
-- inbound only adds, and no day has more to give up. Nothing crosses a threshold either. Otherwise
-- does nothing and returns no row: `place_plain` looks closer.
--
-- `packed` holds columns (separated by chr(30)) of values (chr(31)); ordinals count from 1:
--    1-10 per basket: id, kind, channel, method, priority, order id, on, seconds to live, actor, and
--        one of its views
--    11-13 per position, in key order: SKU, location, units asked for
--    14-16 per view: location, channel, method
--    17-25 per line: number in its basket, SKU, location, units, basket, view, and what it takes from
--        its basket: id, method, kind
-- What could be looked up is told again: finding a text in the middle of an array means to walk there.
--
-- Returns the end of each basket and the first day of each view.
create function place_ample(packed text, at timestamptz)
returns table (ends timestamptz[], day_zeros date[])
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set vouch.counts_itself = 'on'
as $function$
#variable_conflict use_column
declare
    part text[] := string_to_array(packed, e'\x1e');
    kinds text[] := string_to_array(part[2], e'\x1f');
    channels text[] := string_to_array(part[3], e'\x1f');
    methods text[] := string_to_array(part[4], e'\x1f');
    wished_days date[] := string_to_array(part[7], e'\x1f', '')::date[];
    basket_views int[] := string_to_array(part[10], e'\x1f')::int[];
    skus text[] := string_to_array(part[11], e'\x1f');
    locations text[] := string_to_array(part[12], e'\x1f');
    asked bigint[] := string_to_array(part[13], e'\x1f')::bigint[];
    any_bundle boolean := exists (select from bundles);
    any_link boolean := exists (select from supply_links);
    any_pre_sale boolean := exists (select from pre_sales);
    any_own_rule boolean := exists (select from buffer_rules where coalesce(sku, '') > '');
    soft_lives int[]; order_lives int[];
    places int[]; free bigint[]; lapsed timestamptz; withheld bigint; computed boolean;
    ample boolean; usual boolean := false;
begin
    -- Whoever holds these rows decides alone. What is read afterwards is what is true. They come in
    -- the order of the arrays, which is that of their keys.
    with taken as (
        update balances b set committed_units = b.committed_units + k.units
        from unnest(skus, locations, asked) with ordinality as k (sku, location, units, place)
        where b.sku = k.sku and b.location = k.location and b.status = 'available'
            and b.units - b.committed_units - k.units > coalesce(b.low_units, 0)
            and b.announced = 'in'
        returning k.place, b.units - b.committed_units as free, b.lapsed_through
    )
    select array_agg(place), array_agg(taken.free), max(taken.lapsed_through)
    into places, free, lapsed from taken;

    if cardinality(places) = cardinality(skus) then
        select array_agg(location_day(lo.timezone, lo.cutoff, at) order by k.place),
            array_agg(coalesce(c.soft_ttl_seconds, 900) order by k.place),
            array_agg(coalesce(c.order_ttl_seconds, 172800) order by k.place),
            bool_and(sends_at_once(k.method, lo.methods, lo.type, lo.handling_days)
                and not (any_link and (
                    exists (select from supply_links u where u.channel = k.channel)
                    or exists (
                        select from supply_links u
                        where u.location = k.location and u.reserve_units > 0
                            and (u.ends_at is null or u.ends_at > at)))))
        into day_zeros, soft_lives, order_lives, usual
        from unnest(string_to_array(part[14], e'\x1f'), string_to_array(part[15], e'\x1f'),
            string_to_array(part[16], e'\x1f')) with ordinality as k (location, channel, method, place)
        join locations lo on lo.location = k.location
        left join channels c on c.channel = k.channel;

        select array_agg(case
                when k.kind <> 'soft' and k.order_id is not null and k.life is null then null
                else at + interval '1 second' * coalesce(k.life, case k.kind
                    when 'soft' then soft_lives[k.view] else order_lives[k.view] end)
            end order by k.place)
        into ends
        from unnest(kinds, string_to_array(part[6], e'\x1f', ''),
            string_to_array(part[8], e'\x1f', '')::int[], basket_views)
            with ordinality as k (kind, order_id, life, view, place);

        select m.units, m.computed into withheld, computed
        from most_withheld('', locations, methods, channels) m;
        select bool_and(
            not exists (
                select from reservation_lines l
                where l.sku = k.sku and l.open_units > 0 and l.location is null)
            and not (any_bundle and exists (select from bundles u where u.sku = k.sku))
            and not (any_pre_sale and exists (select from pre_sales u where u.sku = k.sku))
            and k.free >= greatest(withheld, own.units, case when computed or own.computed then (
                select max(u) from forecast_buffers f cross join unnest(f.units) as u
                where f.sku = k.sku and f.location = k.location) end))
        into ample
        from (
            select skus[place] as sku, locations[place] as location, free
            from unnest(places, free) as t (place, free)
        ) k
        left join lateral (
            select * from most_withheld(k.sku, locations, methods, channels) where any_own_rule
        ) own on true;
        usual := usual and ample and cardinality(day_zeros) = cardinality(soft_lives)
            and (select coalesce(min(w) >= max(d), true)
                from unnest(wished_days, day_zeros) as u (w, d))
            and (lapsed is null or (select coalesce(min(e) > lapsed, true) from unnest(ends) as e));
    end if;

    if usual is not true then
        update balances b set committed_units = b.committed_units - asked[k.place]
        from unnest(places) as k (place)
        where b.sku = skus[k.place] and b.location = locations[k.place]
            and b.status = 'available';
        return;
    end if;

    insert into reservations (reservation_id, kind, state, channel, method, priority, order_id,
        created_at, expires_at, confirmed_at, actor)
    select k.id, k.kind, case when k.ends is null then 'confirmed' else 'active' end,
        k.channel, k.method, k.priority::int, k.order_id, at, k.ends,
        case when k.ends is null then at end, coalesce(k.actor, '')
    from unnest(string_to_array(part[1], e'\x1f'), kinds, channels, methods,
        string_to_array(part[5], e'\x1f'), string_to_array(part[6], e'\x1f', ''),
        string_to_array(part[9], e'\x1f'), ends)
        as k (id, kind, channel, method, priority, order_id, actor, ends);

    insert into reservation_lines (reservation_id, method, class, expires_at, line_no,
        request_line, sku, location, promised_date, quantity, open_units)
    select k.id, k.method, k.kind, ends[k.basket], k.number, k.number, k.sku, k.location,
        coalesce(wished_days[k.basket], day_zeros[k.view]), k.units, k.units
    from unnest(string_to_array(part[17], e'\x1f')::int[], string_to_array(part[18], e'\x1f'),
        string_to_array(part[19], e'\x1f'), string_to_array(part[20], e'\x1f')::bigint[],
        string_to_array(part[21], e'\x1f')::int[], string_to_array(part[22], e'\x1f')::int[],
        string_to_array(part[23], e'\x1f'), string_to_array(part[24], e'\x1f'),
        string_to_array(part[25], e'\x1f'))
        as k (number, sku, location, units, basket, view, id, method, kind);
    return next;
end
$function$;

-- `place_ample` for a basket of one line, whose values need no packing.
create function place_one(
    id text, asked_kind text, asked_channel text, asked_method text, asked_priority int,
    asked_order text, asked_day date, life int, asked_actor text, asked_sku text,
    asked_location text, asked_units bigint, at timestamptz
) returns table (ends timestamptz, promised_day date)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
set vouch.counts_itself = 'on'
as $function$
#variable_conflict use_column
declare
    place record;
    free bigint;
    lapsed timestamptz;
begin
    update balances set committed_units = committed_units + asked_units
    where sku = asked_sku and location = asked_location and status = 'available'
        and units - committed_units - asked_units > coalesce(low_units, 0) and announced = 'in'
    returning units - committed_units, lapsed_through into free, lapsed;
    if not found then
        return;
    end if;
    select location_day(lo.timezone, lo.cutoff, at) as day_zero,
        coalesce(c.soft_ttl_seconds, 900) as soft_life,
        coalesce(c.order_ttl_seconds, 172800) as order_life,
        sends_at_once(asked_method, lo.methods, lo.type, lo.handling_days)
            and not exists (select from supply_links u where u.channel = asked_channel)
            and not exists (select from supply_links u where u.location = asked_location)
            and not exists (select from bundles u where u.sku = asked_sku)
            and not exists (select from pre_sales u where u.sku = asked_sku)
            and not exists (
                select from reservation_lines l
                where l.sku = asked_sku and l.open_units > 0 and l.location is null)
            and free >= (
                select coalesce(max(case
                    when r.quantity is not null then r.quantity
                    when r.days_of_cover is not null then 9e18
                    else greatest(trunc((r.forecast ->> 'floor')::numeric), (
                        select max(u) from forecast_buffers f cross join unnest(f.units) as u
                        where f.sku = asked_sku and f.location = asked_location
                            and f.rule_id = r.rule_id), 0) end), 0)
                from buffer_rules r
                where coalesce(r.sku, '') = any (array['', asked_sku])
                    and (r.location is null or r.location = asked_location)
                    and (r.location_type is null or r.location_type = lo.type)
                    and (r.method is null or r.method = asked_method)
                    and (r.channel is null or r.channel = asked_channel))
            as usual
    into place
    from locations lo left join channels c on c.channel = asked_channel
    where lo.location = asked_location;
    promised_day := coalesce(asked_day, place.day_zero);
    if asked_kind = 'soft' or asked_order is null or life is not null then
        ends := at + interval '1 second' * coalesce(life,
            case asked_kind when 'soft' then place.soft_life else place.order_life end);
    end if;
    if (place.usual and promised_day >= place.day_zero
        and (ends is null or lapsed is null or ends > lapsed)) is not true
    then
        update balances set committed_units = committed_units - asked_units
        where sku = asked_sku and location = asked_location and status = 'available';
        return;
    end if;
    insert into reservations (reservation_id, kind, state, channel, method, priority, order_id,
        created_at, expires_at, confirmed_at, actor)
    values (id, asked_kind, case when ends is null then 'confirmed' else 'active' end,
        asked_channel, asked_method, asked_priority, asked_order, at, ends,
        case when ends is null then at end, asked_actor);
    insert into reservation_lines (reservation_id, method, class, expires_at, line_no,
        request_line, sku, location, promised_date, quantity, open_units)
    values (id, asked_method, asked_kind, ends, 1, 1, asked_sku, asked_location, promised_day,
        asked_units, asked_units);
    return next;
end
$function$;

-- The first day, from 1, on which so many units can be had; null where none is in sight. `balances`
-- and `held` are by day: what is uncommitted, and what is withheld from the view.
create function earliest_day(
    asked bigint, balances bigint[], held bigint[], first int, lookahead int
) returns int
language sql immutable
return (
    with bad as (
        select max(d) as last from generate_series(1, cardinality(balances)) as d
        where balances[d] < asked or lookahead is null and balances[d] - held[d] < asked
    )
    select min(start)
    from bad, generate_series(greatest(first, 1 + coalesce(last, 0)), cardinality(balances)) start
    where lookahead is null or not exists (
        select from generate_series(start, least(start + lookahead, cardinality(balances))) as d
        where balances[d] - held[d] < asked)
);

-- Place baskets in their order, each all or none, as far as each is plain: lines at named locations,
-- no bundle, no promise on a group of the SKU, no supply link, no pre-sale, no overselling, no cover
-- in days of the forecast, nothing unknown and nothing over. Others are left to the general engine,
-- which is also what says what is right (`inventory.store.reservations`).
--
-- `packed` holds columns (separated by chr(30)) of values (chr(31)); ordinals count from 1:
--    1-9 per basket: id, kind, channel, method, priority, order id, on, seconds to live, actor
--    10-11 per position, in key order: SKU, location
--    12-16 per view of a position: position, SKU, location, channel, method
--    17-19 per asked sum, in the order of baskets: basket, view, units
--    20-27 per line: sum it is part of, number in its basket, units, and what it takes from its
--        basket: id, kind, method, SKU, location
-- What could be looked up is told again: finding a text in the middle of an array means to walk there.
--
-- Returns a row per basket, in order. decision: 'placed', 'refused' or 'unusual'; one text per sum of
-- the basket: the promised date, or, where refused, the units asked for that cannot be had as
-- 'date available' and null for the sums that fit; and, where they can all be had later, that date.
create function place_plain(packed text, counted_states text[], at timestamptz)
returns table (decision text, expires_at timestamptz, answers text[])
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set vouch.counts_itself = 'on'
as $function$
#variable_conflict use_column
declare
    part text[] := string_to_array(packed, e'\x1e');
    ids text[] := string_to_array(part[1], e'\x1f');
    kinds text[] := string_to_array(part[2], e'\x1f');
    channels text[] := string_to_array(part[3], e'\x1f');
    methods text[] := string_to_array(part[4], e'\x1f');
    order_ids text[] := string_to_array(part[6], e'\x1f', '');
    wished_days date[] := string_to_array(part[7], e'\x1f', '')::date[];
    lives int[] := string_to_array(part[8], e'\x1f', '')::int[];
    skus text[] := string_to_array(part[10], e'\x1f');
    locations text[] := string_to_array(part[11], e'\x1f');
    view_positions int[] := string_to_array(part[12], e'\x1f')::int[];
    ask_baskets int[] := string_to_array(part[17], e'\x1f')::int[];
    ask_views int[] := string_to_array(part[18], e'\x1f')::int[];
    ask_units bigint[] := string_to_array(part[19], e'\x1f')::bigint[];
    -- Per position.
    on_hand bigint[]; free bigint[]; lapsed timestamptz[]; marks bigint[];
    -- Filled: an array whose first position has no balance would begin at its second.
    told text[] := array_fill(null::text, array[cardinality(skus)]);
    stale bigint[] := array_fill(0::bigint, array[cardinality(skus)]);
    taken bigint[] := stale;
    day_zeros date[] := array_fill(null::date, array[cardinality(skus)]);
    dated boolean[] := array_fill(false, array[cardinality(skus)]);
    balance_start int[] := array_fill(0, array[cardinality(skus)]);
    balance_days int[] := balance_start;
    balances_by_day bigint[] := '{}';
    -- Per view.
    plain boolean[] := array_fill(false, array[cardinality(view_positions)]);
    withheld bigint[] := array_fill(0::bigint, array[cardinality(view_positions)]);
    lookahead int[] := array_fill(null::int, array[cardinality(view_positions)]);
    soft_life int[] := array_fill(900, array[cardinality(view_positions)]);
    order_life int[] := array_fill(172800, array[cardinality(view_positions)]);
    oversells boolean[] := plain;
    rules text[] := array_fill(null::text, array[cardinality(view_positions)]);
    withheld_start int[] := array_fill(0, array[cardinality(view_positions)]);
    held_by_day bigint[] := '{}';
    -- Per basket and per asked sum.
    states text[] := array_fill(null::text, array[cardinality(ids)]);
    ends timestamptz[] := array_fill(null::timestamptz, array[cardinality(ids)]);
    ask_answers text[] := array_fill(null::text, array[cardinality(ask_views)]);
    granted boolean[] := array_fill(false, array[cardinality(ask_views)]);
    ask_days date[] := array_fill(null::date, array[cardinality(ask_views)]);
    fact record; ask int := 1; first_ask int; position int; view int; day date; last_day date;
    available bigint; first int; days int; life int; ok boolean; usual boolean; placed int := 0;
    state text;
begin
    -- Whoever holds these rows decides alone. What is read afterwards is what is true.
    for fact in
        select k.place, b.units, b.committed_units, b.lapsed_through, b.announced, b.low_units
        from unnest(skus, locations) with ordinality as k (sku, location, place),
            lateral (
                select b.units, b.committed_units, b.lapsed_through, b.announced, b.low_units
                from balances b
                where b.sku = k.sku and b.location = k.location and b.status = 'available'
                for no key update) b
    loop
        position := fact.place;
        on_hand[position] := fact.units;
        free[position] := fact.units - fact.committed_units;
        lapsed[position] := fact.lapsed_through;
        told[position] := fact.announced;
        marks[position] := fact.low_units;
    end loop;

    for fact in
        select k.view, k.position, f.*, rule.rule_id, rule.lookahead_days, rule.days_of_cover,
            coalesce(rule.quantity, trunc((rule.forecast ->> 'floor')::numeric), 0)::bigint
                as withheld,
            rule.forecast is not null and exists (
                select from forecast_buffers b
                where b.rule_id = rule.rule_id and b.sku = k.sku and b.location = k.location
            ) as computed
        from unnest(view_positions, string_to_array(part[13], e'\x1f'),
                string_to_array(part[14], e'\x1f'), string_to_array(part[15], e'\x1f'),
                string_to_array(part[16], e'\x1f'))
            with ordinality as k (position, sku, location, channel, method, view)
        cross join lateral view_facts(k.sku, k.location, k.channel, k.method, at,
            coalesce(lapsed[k.position], '-infinity')) f
        left join lateral (
            select * from (
                select * from first_rule(k.sku, k.location, f.category, f.location_type,
                    k.method, k.channel)
                union all
                select * from first_rule('', k.location, f.category, f.location_type,
                    k.method, k.channel)
            ) in_order
            limit 1
        ) rule on true
    loop
        view := fact.view;
        position := fact.position;
        plain[view] := fact.usual and fact.days_of_cover is null and free[position] is not null;
        day_zeros[position] := fact.day_zero;
        oversells[view] := fact.oversells;
        withheld[view] := fact.withheld;
        lookahead[view] := fact.lookahead_days;
        soft_life[view] := fact.soft_life;
        order_life[view] := fact.order_life;
        if stale[position] = 0 and fact.stale_units > 0 then
            stale[position] := fact.stale_units;
            free[position] := free[position] + fact.stale_units;
        end if;
        if fact.computed then
            rules[view] := fact.rule_id;
        end if;
        -- Without supply to come, and with as much withheld on every day, all days are alike.
        dated[position] := dated[position] or fact.inbound or fact.computed
            or fact.lookahead_days is not null;
    end loop;

    if true = any (dated) then
        for position in 1 .. cardinality(skus) loop
            continue when not dated[position] or day_zeros[position] is null;
            select max(l.promised_date) into last_day from reservation_lines l
            where l.sku = skus[position] and l.location = locations[position]
                and l.open_units > 0
                and (l.expires_at is null or l.expires_at > greatest(at, lapsed[position]));
            last_day := greatest(last_day, (at at time zone 'UTC')::date + 30,
                day_zeros[position] + 28, (select max(d) from unnest(wished_days) as d));
            days := last_day - day_zeros[position] + 1;
            balance_start[position] := cardinality(balances_by_day);
            balance_days[position] := days;
            balances_by_day := balances_by_day || projected_by_day(
                skus[position], locations[position], on_hand[position], days, at,
                greatest(at, lapsed[position]), counted_states);
        end loop;
        for view in 1 .. cardinality(view_positions) loop
            position := view_positions[view];
            continue when rules[view] is null or not dated[position];
            withheld_start[view] := cardinality(held_by_day) + 1;
            held_by_day := held_by_day || withheld_by_day(rules[view], skus[position],
                locations[position], withheld[view]::int, day_zeros[position],
                balance_days[position]);
        end loop;
    end if;

    for basket in 1 .. cardinality(ids) loop
        first_ask := ask;
        usual := true;
        ok := true;
        while ask <= cardinality(ask_baskets) and ask_baskets[ask] = basket loop
            view := ask_views[ask];
            position := view_positions[view];
            usual := usual and plain[view] and not (oversells[view] and kinds[basket] = 'soft');
            day := coalesce(wished_days[basket], day_zeros[position]);
            if usual is not true or day < day_zeros[position] then
                usual := false;
            else
                ask_days[ask] := day;
                available := free[position] - withheld[view];
                if dated[position] then
                    first := day - day_zeros[position] + 1;
                    select least(min(balance), min(balance - held)
                            filter (where lookahead[view] is null or d <= first + lookahead[view]))
                        into available
                    from (
                        select d, balances_by_day[balance_start[position] + d] as balance,
                            case withheld_start[view] when 0 then withheld[view]
                                else held_by_day[withheld_start[view] - 1 + d] end as held
                        from generate_series(first, balance_days[position]) as d
                    ) later;
                end if;
                if ask_units[ask] > available then
                    ok := false;
                    ask_answers[ask] := day || ' ' || greatest(available, 0);
                    if dated[position] then
                        ask_answers[ask] := concat_ws(' ', ask_answers[ask],
                            day_zeros[position] - 1 + earliest_day(ask_units[ask],
                                balances_by_day[balance_start[position] + 1
                                    : balance_start[position] + balance_days[position]],
                                case withheld_start[view]
                                    when 0 then array_fill(
                                        withheld[view], array[balance_days[position]])
                                    else held_by_day[withheld_start[view]
                                        : withheld_start[view] - 1 + balance_days[position]] end,
                                first + 1, lookahead[view]));
                    end if;
                end if;
            end if;
            ask := ask + 1;
        end loop;
        if usual then
            life := coalesce(lives[basket], case kinds[basket] when 'soft'
                then soft_life[view] else order_life[view] end);
            ends[basket] := at + life * interval '1 second';
            if kinds[basket] <> 'soft' and order_ids[basket] is not null
                and lives[basket] is null
            then
                ends[basket] := null;
            else
                -- A hold that others take for ended before it began is no plain one.
                for i in first_ask .. ask - 1 loop
                    usual := usual
                        and ends[basket] > coalesce(lapsed[view_positions[ask_views[i]]], at);
                end loop;
            end if;
        end if;
        states[basket] := case when not usual then 'unusual' when ok then 'placed'
            else 'refused' end;
        continue when states[basket] <> 'placed';
        placed := placed + 1;
        for i in first_ask .. ask - 1 loop
            position := view_positions[ask_views[i]];
            free[position] := free[position] - ask_units[i];
            taken[position] := taken[position] + ask_units[i];
            ask_answers[i] := ask_days[i];
            granted[i] := true;
            if dated[position] then
                for d in balance_start[position] + 1 + ask_days[i] - day_zeros[position]
                    .. balance_start[position] + balance_days[position]
                loop
                    balances_by_day[d] := balances_by_day[d] - ask_units[i];
                end loop;
            end if;
        end loop;
    end loop;

    for position in 1 .. cardinality(skus) loop
        continue when taken[position] = 0;
        available := free[position];
        if dated[position] then
            select min(balances_by_day[d]) into available
            from generate_series(balance_start[position] + 1,
                balance_start[position] + balance_days[position]) as d;
        end if;
        state := case when available <= 0 then 'out' when available <= marks[position]
            then 'low' else 'in' end;
        continue when state = told[position];
        insert into outbox (kind, sku, location, payload, created_at)
        values (
            case when state = 'out' then 'out_of_stock' when told[position] = 'out'
                then 'back_in_stock' when state = 'low' then 'low_stock' else 'no_longer_low' end,
            skus[position], locations[position],
            jsonb_build_object('free_units', available, 'low_units', marks[position],
                'from', told[position], 'to', state, 'cause', 'place'),
            at);
        told[position] := state;
    end loop;

    update balances b
    set committed_units = b.committed_units + k.taken - k.stale,
        lapsed_through = case when k.stale > 0 then at else b.lapsed_through end,
        announced = k.announced
    from unnest(skus, locations, taken, stale, told)
        as k (sku, location, taken, stale, announced)
    where b.sku = k.sku and b.location = k.location and b.status = 'available'
        and (k.taken > 0 or k.stale > 0);

    if placed > 0 then
        insert into reservations (reservation_id, kind, state, channel, method, priority, order_id,
            created_at, expires_at, confirmed_at, actor)
        select k.id, k.kind, case when k.ends is null then 'confirmed' else 'active' end,
            k.channel, k.method, k.priority::int, k.order_id, at, k.ends,
            case when k.ends is null then at end, coalesce(k.actor, '')
        from unnest(ids, states, ends, kinds, channels, methods,
            string_to_array(part[5], e'\x1f'), order_ids, string_to_array(part[9], e'\x1f'))
            as k (id, state, ends, kind, channel, method, priority, order_id, actor)
        where k.state = 'placed';

        insert into reservation_lines (reservation_id, method, class, expires_at, line_no,
            request_line, sku, location, promised_date, quantity, open_units)
        select k.id, k.method, k.kind, ends[ask_baskets[k.ask]], k.number, k.number, k.sku,
            k.location, ask_days[k.ask], k.units, k.units
        from unnest(string_to_array(part[20], e'\x1f')::int[],
            string_to_array(part[21], e'\x1f')::int[], string_to_array(part[22], e'\x1f')::bigint[],
            string_to_array(part[23], e'\x1f'), string_to_array(part[24], e'\x1f'),
            string_to_array(part[25], e'\x1f'), string_to_array(part[26], e'\x1f'),
            string_to_array(part[27], e'\x1f'))
            as k (ask, number, units, id, kind, method, sku, location)
        where granted[k.ask];
    end if;

    ask := 1;
    for basket in 1 .. cardinality(ids) loop
        first_ask := ask;
        while ask <= cardinality(ask_baskets) and ask_baskets[ask] = basket loop
            ask := ask + 1;
        end loop;
        decision := states[basket];
        expires_at := ends[basket];
        answers := ask_answers[first_ask : ask - 1];
        return next;
    end loop;
end
$function$;
