-- What planners set for an item, a segment or everything: the most specific rule wins, value by value.
create table policy_rules (
    rule_id text primary key,
    sku text references skus on delete cascade,
    category text,
    vendor text references vendors on delete cascade,
    location text references locations on delete cascade,
    location_type text check (location_type in ('warehouse', 'store', 'hub', 'vendor')),
    abc text check (abc in ('A', 'B', 'C')),
    xyz text check (xyz in ('X', 'Y', 'Z')),
    -- One target at most: two of them could not both hold.
    cycle_service double precision check (cycle_service > 0 and cycle_service < 1),
    fill_rate double precision check (fill_rate > 0 and fill_rate < 1),
    shortage_cost double precision check (shortage_cost > 0),
    overage_cost double precision check (overage_cost > 0),
    demand_law text check (demand_law in ('path', 'normal', 'negative_binomial', 'empirical')),
    order_cost double precision check (order_cost >= 0),
    holding_cost double precision check (holding_cost >= 0),
    max_order_quantity integer check (max_order_quantity >= 0),
    -- A policy that changes by more than this factor waits for a planner.
    change_factor_max double precision check (change_factor_max > 1),
    check (num_nonnulls(cycle_service, fill_rate, shortage_cost) <= 1),
    check ((shortage_cost is null) = (overage_cost is null))
);

-- ABC by value and XYZ by variation of weekly sales; empty where nothing is known.
create table position_classes (
    sku text not null,
    location text not null,
    abc text not null check (abc in ('', 'A', 'B', 'C')),
    xyz text not null check (xyz in ('', 'X', 'Y', 'Z')),
    -- Money per year at unit cost, and the coefficient of variation of weeks.
    value_per_year double precision,
    variation double precision,
    classed_on date not null,
    primary key (sku, location)
);
