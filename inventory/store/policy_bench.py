"""Positions of any number with stored quantiles of demand, made by SQL, for measuring policies."""

from collections.abc import Callable
from datetime import datetime

import psycopg

from inventory.base_stock import LEVEL
from inventory.store.bench_data import LOCATIONS, settle

RUN_ID = "bench"


def fill(
    db: psycopg.Connection,
    *,
    positions: int,
    stated: str,
    now: datetime,
    report: Callable[[str], None] = lambda _: None,
) -> int:
    """Fill empty tables with normal demand over seven days and more; returns positions made.

    Position (n, m) sells 1 + (7n + 3m) mod 97 a day, with a deviation of 0.3 to 1.2 of that, so
    that anybody can work out what its policy must be.

    Parameters
    ----------
    positions : rounded down to whole SKUs at `LOCATIONS` locations, one SKU at least.
    stated : digest of the overrides that act, as windows are kept under.
    """
    from scipy.special import ndtri

    skus = max(1, positions // LOCATIONS)
    given = {
        "skus": skus, "locations": LOCATIONS, "run": RUN_ID, "now": now, "stated": stated,
        "levels": LEVEL.tolist(), "scores": ndtri(LEVEL).tolist(),
    }  # fmt: skip
    for what, statements in _STEPS.items():
        report(f"{what} ({skus * LOCATIONS:,} positions)")
        with db.transaction():
            # True by construction: keys are not checked row by row.
            db.execute("set local session_replication_role = replica")
            for statement in statements:
                db.execute(statement, given)
    settle(db)
    return skus * LOCATIONS


def empty_copy(db: psycopg.Connection) -> None:
    """A bare table with the columns of policies: what writing them could cost at least."""
    db.execute("drop table if exists bench_policies")
    db.execute("create table bench_policies as select * from policies with no data")


_STEPS = {
    "vendors, SKUs, locations and rules": (
        """
        create temp table bench_positions as
        select n, m, 'S' || lpad(n::text, 6, '0') as sku, 'L' || lpad(m::text, 2, '0') as location,
            1 + (7 * n + 3 * m) %% 97 as rate, 0.3 + 0.1 * (n %% 10) as variation
        from generate_series(0, %(skus)s - 1) as n, generate_series(0, %(locations)s - 1) as m
        """,
        """
        insert into vendors (vendor, name, lead_time_days, lead_time_sd_days, review_period_days)
        select 'V' || v, 'Vendor ' || v, 5, 1, 2 from generate_series(0, 99) as v
        """,
        """
        insert into skus (sku, name, category, vendor, unit_cost, price, pack_size,
            min_order_quantity)
        select sku, sku, 'category ' || n %% 25, 'V' || n %% 100, 1 + n %% 40, 2 + 2 * (n %% 40),
            1 + 5 * (n %% 3), 12 * (n %% 2)
        from bench_positions where m = 0
        """,
        """
        insert into locations (location, name, type)
        select location, location, case when m < 10 then 'warehouse' else 'store' end
        from bench_positions where n = 0
        """,
        """
        insert into policy_rules (rule_id, abc, xyz, category, cycle_service, fill_rate) values
            ('steady movers', 'A', 'X', null, 0.98, null), ('a', 'A', null, null, 0.97, null),
            ('tail', 'C', 'Z', null, 0.85, null),
            ('shelf', null, null, 'category 3', null, 0.97)
        """,
    ),
    "forecasts in force and stock": (
        """
        insert into forecast_runs (run_id, first_day, horizon, levels, model_version, series,
            made_at)
        values (%(run)s, %(now)s::date, 28, %(levels)s, 'bench', %(skus)s::int * %(locations)s,
            %(now)s)
        """,
        "insert into current_forecasts select sku, location, %(run)s from bench_positions",
        """
        insert into balances (sku, location, status, units, updated_at)
        select sku, location, 'available', rate * (n %% 20), %(now)s from bench_positions
        """,
        """
        insert into position_classes
        select sku, location, (array['A', 'B', 'C'])[1 + n %% 3],
            (array['X', 'Y', 'Z'])[1 + m %% 3], rate * 365, variation, %(now)s::date
        from bench_positions
        """,
    ),
    "quantiles of demand over lead time and review period": (
        """
        insert into demand_windows (sku, location, run_id, stated, planned_on, lead_time_days,
            lead_time_sd_days, review_period_days, lead_time_mean, review_mean, demand_rate,
            quantiles)
        select sku, location, %(run)s, %(stated)s, %(now)s::date, 5, 1, 2, 5 * rate, 2 * rate,
            rate, array(select greatest(0, 7 * rate + score * rate
                    * sqrt(7 * variation * variation + 1))::real
                from unnest(%(scores)s::float8[]) as score)
        from bench_positions
        """,
        "drop table bench_positions",
    ),
}
