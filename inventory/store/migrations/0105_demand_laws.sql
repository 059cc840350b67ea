-- How demand over lead time and review period is distributed, chosen per position by how well each
-- law foretold past windows.
create table demand_laws (
    sku text not null,
    location text not null,
    law text not null check (law in ('path', 'normal', 'negative_binomial', 'empirical')),
    reason text not null,
    -- 'stored forecasts', 'backtest' or, where neither has enough windows, 'none'.
    judged_by text not null,
    windows integer not null,
    -- Anderson-Darling statistic of each law; null where it could not be judged.
    path_misfit real,
    normal_misfit real,
    negative_binomial_misfit real,
    empirical_misfit real,
    -- Variance of demand over a window over its mean; null: that of the sample paths.
    dispersion double precision,
    -- Errors of past windows over the root of what was expected, sorted.
    residuals real[] not null,
    window_days double precision not null,
    chosen_on date not null,
    primary key (sku, location)
);
