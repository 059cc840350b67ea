"""Promise buffers that a forecast set, in PostgreSQL; availability reads them.

A buffer rule that leaves its units to the forecast (`forecast` is set) gets one row per position
that it speaks of and that has a forecast.
"""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
import psycopg
from psycopg import sql

from inventory.store.bulk import copy_in, copy_out

BUFFER_COLUMNS = (
    "rule_id", "sku", "location", "first_day", "units", "level", "run_id", "explanation",
)  # fmt: skip
"""Columns of buffers to write: `units` as text like {1,2,3}, `explanation` as JSON text."""

EXPOSED_SCHEMA = {
    "rule_id": pl.String, "forecast": pl.String, "sku": pl.String, "location": pl.String,
    "timezone": pl.String, "unit_cost": pl.Float64, "price": pl.Float64,
}  # fmt: skip
"""Columns of `read_exposed`: which rule speaks of which position, and the money involved."""

EXPOSED = """
select r.rule_id, r.forecast, f.sku, f.location, l.timezone, s.unit_cost, s.price
from buffer_rules r
join current_forecasts f on (r.sku is null or r.sku = f.sku)
    and (r.location is null or r.location = f.location)
join skus s on s.sku = f.sku and (r.category is null or r.category = s.category)
join locations l on l.location = f.location
    and (r.location_type is null or r.location_type = l.type)
    and (r.method is null or r.location is not null or l.methods = '{{}}'
         or r.method = any(l.methods))
where r.forecast is not null and ({skus}::text[] is null or f.sku = any({skus}))
order by r.rule_id, f.sku, f.location
"""

COMMITTED_SCHEMA = {
    "sku": pl.String, "location": pl.String, "day": pl.Date, "units": pl.Float64,
}  # fmt: skip


def has_rules(db: psycopg.Connection) -> bool:
    """Whether any rule sets a buffer, or no store promises anything that is forecast."""
    row = db.execute(_HAS_RULES).fetchone()
    return row == (True,)


_HAS_RULES = """
    select exists (select from buffer_rules) or not exists (
        select from current_forecasts join locations l using (location)
        where l.type = 'store' and l.methods <> '{}')
"""


def read_exposed(db: psycopg.Connection, *, skus: Sequence[str] | None = None) -> pl.DataFrame:
    """Every position that a forecast rule speaks of; columns `EXPOSED_SCHEMA`."""
    query = sql.SQL(EXPOSED).format(skus=_literal(skus))
    return copy_out(db, query, schema=EXPOSED_SCHEMA)


def read_committed_days(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """Open commitments per position and promised day; columns `COMMITTED_SCHEMA`."""
    query = sql.SQL(
        "select sku, location, promised_date - date '1970-01-01', sum(open_units) "
        "from reservation_lines where open_units > 0 and location is not null "
        "and (class <> 'soft' or expires_at > {now}) "
        "and ({skus}::text[] is null or sku = any({skus})) group by 1, 2, 3"
    ).format(now=sql.Literal(now), skus=_literal(skus))
    return copy_out(db, query, schema=COMMITTED_SCHEMA)


def write_buffers(
    db: psycopg.Connection,
    buffers: pl.DataFrame,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
) -> tuple[int, int]:
    """Make the stored buffers (of `skus`) these; columns `BUFFER_COLUMNS`.

    Returns how many rows were written, because new or changed, and how many removed.
    """
    with db.transaction():
        db.execute(
            "create temp table buffers_staged (like forecast_buffers including defaults) "
            "on commit drop"
        )
        staged = buffers.with_columns(pl.lit(now.isoformat()).alias("computed_at"))
        copy_in(db, staged, table="buffers_staged", columns=(*BUFFER_COLUMNS, "computed_at"))
        removed = db.execute(
            "delete from forecast_buffers b where (%(skus)s::text[] is null or sku = any(%(skus)s))"
            " and not exists (select from buffers_staged s where s.rule_id = b.rule_id "
            "and s.sku = b.sku and s.location = b.location)",
            {"skus": None if skus is None else list(skus)},
        ).rowcount
        written = db.execute(
            "insert into forecast_buffers as b select * from buffers_staged "
            "on conflict (sku, location, rule_id) do update set first_day = excluded.first_day, "
            "units = excluded.units, level = excluded.level, run_id = excluded.run_id, "
            "explanation = excluded.explanation, computed_at = excluded.computed_at "
            "where (b.first_day, b.units, b.level, b.run_id, b.explanation) is distinct from "
            "(excluded.first_day, excluded.units, excluded.level, excluded.run_id, "
            "excluded.explanation)"
        ).rowcount
        db.execute("drop table buffers_staged")
    return written, removed


def read_buffer(
    db: psycopg.Connection, *, sku: str, location: str, rule_id: str
) -> tuple[date, list[int], str, dict[str, object]] | None:
    """First day, units per day, forecast run and explanation of one buffer, or None."""
    return db.execute(
        "select first_day, units, run_id, explanation from forecast_buffers "
        "where sku = %s and location = %s and rule_id = %s",
        [sku, location, rule_id],
    ).fetchone()


def _literal(skus: Sequence[str] | None) -> sql.Literal:
    return sql.Literal(None if skus is None else list(skus))
