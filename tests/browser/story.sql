-- A small retailer as of 2 March 2026, 09:00 UTC, so that every part of the console has something
-- to show. Figures that tests compare with are worked out beside them, from this file alone.

insert into locations (location, name, type, methods) values
    ('DC1', 'Central warehouse', 'warehouse', '{ship}'),
    ('S1', 'High Street', 'store', '{bopis,sfs,same_day}'),
    ('S2', 'Station', 'store', '{bopis,sfs}');
insert into vendors (vendor, name, lead_time_days) values ('V1', 'Northern Mills', 6);
insert into channels (channel, name) values ('web', 'Web shop'), ('app', 'App');
insert into skus (sku, name, category, brand, vendor, unit_cost, price, pack_size) values
    ('SKU-1', 'Oat drink 1 l', 'Dairy', 'Meadow', 'V1', 1.50, 2.40, 6),
    ('SKU-2', 'Rye bread 500 g', 'Bakery', 'Kiln', 'V1', 2.00, 3.20, 4),
    ('SKU/3 50%', 'Filter coffee 250 g', 'Grocery', 'Kiln', 'V1', 4.00, 6.90, 1);

-- 400 + 30 + 12 + 25 = 467 sellable units; at cost 430 x 1.5 + 12 x 2 + 25 x 4 = 769.
insert into balances (sku, location, status, units, updated_at) values
    ('SKU-1', 'DC1', 'available', 400, '2026-03-02 08:55Z'),
    ('SKU-1', 'DC1', 'defective', 7, '2026-03-02 08:55Z'),
    ('SKU-1', 'S1', 'available', 30, '2026-03-02 08:50Z'),
    ('SKU-1', 'S2', 'available', 0, '2026-03-02 08:50Z'),
    ('SKU-2', 'S1', 'available', 12, '2026-03-02 08:50Z'),
    ('SKU/3 50%', 'S1', 'available', 25, '2026-03-02 08:50Z');

-- A week's rhythm, a promotion in January, and two days on which the shelf ran empty.
insert into sales_days (sku, location, day, units, in_stock, price, promotion, known_at)
select 'SKU-1', 'S1', day::date,
    case when day::date in ('2026-02-07', '2026-02-08') then 2
        else round(8 + 3 * sin(extract(doy from day) / 365.0 * 6.283)
            + case when extract(isodow from day) >= 6 then 5 else 0 end
            + case when day between '2026-01-12' and '2026-01-18' then 7 else 0 end
            + (extract(doy from day)::int * 7919 % 5)) end,
    case when day::date in ('2026-02-07', '2026-02-08') then 0.4 else 1 end,
    case when day between '2026-01-12' and '2026-01-18' then 1.9 else 2.4 end,
    case when day between '2026-01-12' and '2026-01-18' then 0.2 else 0 end,
    day + interval '1 day'
from generate_series('2025-09-01'::timestamptz, '2026-03-01', '1 day') as day;

insert into promotions values
    ('P1', 'SKU-1', 'S1', '2026-03-09', '2026-03-12', 0.25, '2026-02-20 09:00Z');

insert into forecast_runs (run_id, first_day, horizon, levels, model_version, series, made_at)
values ('run-2026-03-02', '2026-03-02', 28,
    '{0.01,0.025,0.05,0.1,0.2,0.25,0.3,0.4,0.5,0.6,0.7,0.75,0.8,0.9,0.95,0.975,0.99,0.995}',
    'ensemble/7', 1, '2026-03-02 05:10Z');
insert into forecasts (run_id, sku, location, mean_units, quantiles_units, dependence)
select 'run-2026-03-02', 'SKU-1', 'S1', array_agg(mean order by h) filter (where n = 1),
    array_agg(greatest(0, mean * (1 + 0.35 * z))::real order by h, n), '{0.2,0.3}'
from (
    select h, (10 + case when h % 7 >= 5 then 5 else 0 end
        + case when h between 7 and 10 then 8 else 0 end)::real as mean
    from generate_series(0, 27) as h
) as days,
unnest('{-2.33,-1.96,-1.64,-1.28,-0.84,-0.67,-0.52,-0.25,0,
    0.25,0.52,0.67,0.84,1.28,1.64,1.96,2.33,2.58}'::float[]) with ordinality as level(z, n);
insert into current_forecasts values ('SKU-1', 'S1', 'run-2026-03-02');

insert into policies (sku, location, safety_stock, reorder_point, order_quantity, order_up_to,
    lead_time_days, review_period_days, service_level, lead_time_mean, review_mean, target_units,
    economic_lot, run_id, computed_at)
values
    ('SKU-1', 'S1', 18, 92, 60, 152, 6, 1, 0.95, 64, 10, 92, 60, 'run-2026-03-02',
        '2026-03-02 05:20Z'),
    ('SKU-1', 'S2', 10, 40, 60, 100, 6, 1, 0.95, 25, 5, 40, 60, 'run-2026-03-02',
        '2026-03-02 05:20Z');

insert into buffer_rules (rule_id, sku, location, method, quantity)
values ('bopis-floor', 'SKU-1', 'S1', 'bopis', 4);

insert into inbound (inbound_id, sku, location, quantity, expected_at, state, updated_at) values
    ('IN-1', 'SKU-1', 'S1', 24, '2026-03-06 08:00Z', 'confirmed', '2026-03-01 10:00Z'),
    ('IN-2', 'SKU-1', 'S1', 48, '2026-03-16 08:00Z', 'shipped', '2026-03-01 10:00Z'),
    ('IN-3', 'SKU-1', 'S1', 99, '2026-03-10 08:00Z', 'planned', '2026-03-01 10:00Z');

-- 6 + 9 + 3 = 18 units are promised; the expired cart of 5 counts nothing.
insert into reservations (reservation_id, kind, state, channel, method, created_at, expires_at) values
    ('R1', 'hard', 'confirmed', 'web', 'bopis', '2026-03-01 12:00Z', null),
    ('R2', 'hard', 'confirmed', 'web', 'ship', '2026-03-01 13:00Z', null),
    ('R3', 'soft', 'active', 'app', 'bopis', '2026-03-02 08:55Z', '2026-03-02 09:10Z'),
    ('R4', 'soft', 'active', 'app', 'bopis', '2026-03-02 08:00Z', '2026-03-02 08:15Z');
insert into reservation_lines
    (reservation_id, line_no, request_line, sku, method, location, promised_date, quantity, open_units, class, expires_at)
values
    ('R1', 1, 1, 'SKU-1', 'bopis', 'S1', '2026-03-04', 6, 6, 'hard', null),
    ('R2', 1, 1, 'SKU-1', 'ship', 'DC1', '2026-02-28', 9, 9, 'hard', null),
    ('R3', 1, 1, 'SKU-1', 'bopis', 'S1', '2026-03-02', 3, 3, 'soft', '2026-03-02 09:10Z'),
    ('R4', 1, 1, 'SKU-1', 'bopis', 'S1', '2026-03-02', 5, 5, 'soft', '2026-03-02 08:15Z');

insert into purchase_orders values
    ('PO-1', 'V1', 'S1', 'proposed', '2026-03-02 05:20Z', '2026-03-02 05:20Z', '2026-03-09', 1),
    ('PO-2', 'V1', 'S2', 'accepted', '2026-03-02 05:20Z', '2026-03-02 06:20Z', '2026-03-09', 1),
    ('PO-3', 'V1', 'DC1', 'sent', '2026-02-26 05:20Z', '2026-02-27 05:20Z', '2026-03-05', 1);
-- Waiting: 60 + 96 = 156 units, 234 at cost.
insert into purchase_order_lines
    (purchase_order_id, line_no, sku, quantity, unit_cost, explanation, run_id)
values
    ('PO-1', 1, 'SKU-1', 60, 1.5, '{}', 'run-2026-03-02'),
    ('PO-2', 1, 'SKU-1', 96, 1.5, '{}', 'run-2026-03-02'),
    ('PO-3', 1, 'SKU-1', 240, 1.5, '{}', 'run-2026-03-02');

insert into alerts (kind, sku, location, severity, message, raised_at) values
    ('out_of_stock', 'SKU-1', 'S2', 'critical', 'SKU-1 at S2 is out of stock; 96 units proposed', '2026-03-02 05:21Z'),
    ('low_stock', 'SKU-1', 'S1', 'warning', 'SKU-1 at S1: 21 left to sell, reorder point 92', '2026-03-02 05:21Z'),
    ('low_stock', 'SKU-2', 'S1', 'info', 'SKU-2 at S1 sells slowly', '2026-03-01 05:21Z');
insert into alerts (kind, sku, location, severity, message, raised_at, resolved_at) values
    ('low_stock', 'SKU-2', 'S2', 'critical', 'resolved long ago', '2026-02-01 05:21Z', '2026-02-02 05:21Z');
