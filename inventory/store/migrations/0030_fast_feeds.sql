-- A feed of thousands of changes in two statements: claim its ids, then take its changes.

-- A position as one number, for an index that is short and quick to add to. Two positions may share
-- a number: whoever looks entries up by it compares SKU and location too.
create function position_key(sku text, location text) returns bigint
language sql immutable strict parallel safe
return hashtextextended(sku || e'\x1f' || location, 0);

create index entries_position_key on entries (position_key(sku, location), effective_at);
drop index entries_position;

-- Ids tell rows apart at once; the feed is mostly the same.
alter table feed_messages drop constraint feed_messages_pkey, add primary key (message_id, feed);

-- A NET count asks which orders closed since its moment.
create index reservations_closed on reservations (closed_at) where closed_at is not null;

-- Claim message ids; returns those that were taken before, each with the hash of the row that has it.
-- `ids` are joined by the unit separator, `hashes` are 16 bytes each, both in the order of the ids.
create function claim_message_ids(asked_feed text, at timestamptz, ids text, hashes bytea)
returns table (message_id text, body_hash bytea)
language plpgsql
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $function$
#variable_conflict use_column
declare
    asked text[] := string_to_array(ids, e'\x1f');
    taken text[];
begin
    -- Mostly all ids are new, and a plain insert takes half the time of one that expects conflicts.
    begin
        insert into feed_messages (feed, message_id, body_hash, recorded_at)
        select asked_feed, k.id, substring(hashes from (k.place::int - 1) * 16 + 1 for 16), at
        from unnest(asked) with ordinality as k (id, place);
        return;
    exception when unique_violation then
        null;
    end;
    with new as (
        insert into feed_messages (feed, message_id, body_hash, recorded_at)
        select asked_feed, k.id, substring(hashes from (k.place::int - 1) * 16 + 1 for 16), at
        from unnest(asked) with ordinality as k (id, place)
        on conflict do nothing
        returning message_id
    )
    select array_agg(message_id) into taken from new;
    return query
        select f.message_id, f.body_hash
        from (select unnest(asked) except select unnest(taken)) as k (id)
        join feed_messages f on f.feed = asked_feed and f.message_id = k.id;
end
$function$;

-- Take changes of stock: lock and move their balances, and append their entries.
--
-- Rows come in the order of their accounts (SKU, location, status), and `firsts` and `lasts` say
-- where each account begins and ends. A change is applied unless the last count of its account
-- already contains it: `inventory.ledger.decide_delta`. Texts are joined by the unit separator; a
-- reason that is the record separator is none; `clamped` is 1 where it is so. Null for `reasons` or
-- `sequences`: no row has one.
--
-- Returns places counted from 1: of accounts that do not exist, in which case nothing was done; of
-- rows that were already counted; and of sellable accounts that must be looked at: all that may
-- have crossed a threshold, those among them that fell, and may hold less than was promised from
-- them, and those that rose, where somebody waits for goods.
create function take_changes(
    at timestamptz,
    feed_source text,
    feed_actor text,
    joined_skus text,
    joined_locations text,
    joined_statuses text,
    firsts bigint[],
    lasts bigint[],
    row_accounts bigint[],
    joined_ids text,
    row_units bigint[],
    row_moments timestamptz[],
    row_clamped bigint[],
    joined_reasons text,
    row_sequences bigint[],
    out missing bigint[],
    out already_counted bigint[],
    out near bigint[],
    out fallen bigint[],
    out risen bigint[]
)
language plpgsql
set plan_cache_mode = force_generic_plan
-- A plan made while the tables were small must not scan them when they have grown; and accounts are
-- visited, and so locked, in the order given.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $function$
#variable_conflict use_column
declare
    row_skus text[] := string_to_array(joined_skus, e'\x1f');
    row_locations text[] := string_to_array(joined_locations, e'\x1f');
    row_statuses text[] := string_to_array(joined_statuses, e'\x1f');
    found bigint[];
    -- One per account, in their order: its last count, and how it stands now.
    counted_at timestamptz[];
    account_units bigint[];
    -- At or below this many units, the account is low or promised for more than it holds.
    account_low bigint[];
    account_quiet boolean[];
    any_on_groups boolean;
    any_waiting boolean;
begin
    with moved as (
        update balances b
        set updated_at = at, units = b.units + case
            when k.first < k.last then (
                select coalesce(sum(row_units[i]), 0)::bigint
                from generate_series(k.first, k.last) i
                where b.snapshot_at is null or row_moments[i] > b.snapshot_at)
            when b.snapshot_at is null or row_moments[k.first] > b.snapshot_at
                then row_units[k.first]
            else 0 end
        from (
            select row_skus[k.first] as sku, row_locations[k.first] as location,
                row_statuses[k.first] as status, k.*
            from unnest(firsts, lasts) with ordinality as k (first, last, place)
        ) k
        where b.sku = k.sku and b.location = k.location and b.status = k.status
        returning k.place, coalesce(b.snapshot_at, '-infinity') as snapshot_at, b.units,
            coalesce(b.low_units, 0) + b.committed_units as low_units, b.announced = 'in' as is_quiet
    )
    select array_agg(m.place), array_agg(m.snapshot_at), array_agg(m.units),
        array_agg(m.low_units), array_agg(m.is_quiet)
    into found, counted_at, account_units, account_low, account_quiet
    from (select * from moved order by place) m;
    if coalesce(cardinality(found), 0) < cardinality(firsts) then
        missing := array(
            select place from generate_series(1, cardinality(firsts)) place
            except select unnest(found));
        return;
    end if;

    insert into entries (sku, location, status, kind, units, stated_units, outcome, effective_at,
        recorded_at, message_id, source, actor, reason, sequence, clamped)
    select r.sku, r.location, r.status, 'delta', case when r.applies then r.units else 0 end,
        r.units, case when r.applies then 'applied' else 'already_counted' end, r.moment, at, r.id,
        feed_source, feed_actor, r.reason, r.sequence, r.clamped = 1
    from (
        select r.*, r.moment > counted_at[r.account] as applies
        from unnest(row_skus, row_locations, row_statuses, string_to_array(joined_ids, e'\x1f'),
                row_accounts, row_units, row_moments, row_clamped,
                string_to_array(joined_reasons, e'\x1f', e'\x1e'), row_sequences)
            with ordinality as r (sku, location, status, id, account, units, moment, clamped,
                reason, sequence, place)
    ) r
    order by position_key(r.sku, r.location), r.place;

    already_counted := array(
        select r.place
        from unnest(row_moments, row_accounts) with ordinality as r (moment, account, place)
        where r.moment <= counted_at[r.account]);

    any_on_groups := exists (
        select from reservation_lines where open_units > 0 and location is null);
    any_waiting := exists (
        select from reservation_lines
        where class = 'peg' and open_units > 0 and expires_at is null);
    near := array(
        select k.place
        from unnest(firsts, lasts, account_units, account_low, account_quiet) with ordinality
            as k (first, last, units, low_units, quiet, place)
        where row_statuses[k.first] = 'available' and (
            not k.quiet
            or any_waiting and (row_units[k.first] > 0 or k.first < k.last) and exists (
                select from reservation_lines l
                where l.sku = row_skus[k.first] and l.class = 'peg' and l.open_units > 0
                    and l.expires_at is null)
            or (row_units[k.first] < 0 or k.first < k.last) and (
                any_on_groups and exists (
                    select from reservation_lines l
                    where l.sku = row_skus[k.first] and l.open_units > 0 and l.location is null)
                or k.low_units >= k.units)));
    select array_agg(k.place) filter (where change.units < 0),
        array_agg(k.place) filter (where change.units > 0 and any_waiting)
    into fallen, risen
    from unnest(near) as k (place) cross join lateral (
        select sum(row_units[i]) as units from generate_series(firsts[k.place], lasts[k.place]) i
        where row_moments[i] > counted_at[k.place]
    ) change;
end
$function$;
