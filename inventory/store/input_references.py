"""How the inputs of a model were spread where it was trained, and samples to compare with that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl
import psycopg
from psycopg import sql

from inventory.demand import Floats
from inventory.store.bulk import EPOCH, copy_out
from inventory.store.history import SALES_SCHEMA


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Inner edges of the bins of one input, and the share of values in each: NaN comes last."""

    edges: Floats
    shares: Floats


def read_references(db: psycopg.Connection, model_version: str) -> dict[str, Reference]:
    """By input; empty where none were kept for this model."""
    rows = db.execute(
        "select input, edges, shares from input_references where model_version = %s order by input",
        [model_version],
    ).fetchall()
    return {name: Reference(np.array(edges), np.array(shares)) for name, edges, shares in rows}


def keep_references(
    db: psycopg.Connection,
    model_version: str,
    references: Mapping[str, Reference],
    *,
    first_day: date,
    last_day: date,
    now: datetime,
) -> None:
    """Keep them for good: a model is trained once."""
    with db.cursor() as cursor:
        cursor.executemany(
            "insert into input_references (model_version, input, edges, shares, first_day, "
            "last_day, made_at) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                [model_version, name, r.edges.tolist(), r.shares.tolist(), first_day, last_day, now]
                for name, r in references.items()
            ],
        )


def model_in_use(db: psycopg.Connection, *, until: date) -> tuple[str, date] | None:
    """The model of the newest run that begins by then, and the first day it ever forecast."""
    return db.execute(
        "select r.model_version, "
        "(select min(f.first_day) from forecast_runs f where f.model_version = r.model_version) "
        "from forecast_runs r where r.first_day <= %s order by r.made_at desc, r.run_id limit 1",
        [until],
    ).fetchone()


def sampled_sales(
    db: psycopg.Connection, *, first: date, last: date, series_max: int
) -> pl.DataFrame:
    """Days of sales of at most so many series, always the same ones, as `SALES_SCHEMA`."""
    query = sql.SQL("""
        select s.sku, s.location, s.day - {epoch}, s.units, s.in_stock, s.price, s.promotion,
            s.covariates
        from (
            select sku, location from series_segments
            order by hashtextextended(sku || e'\\x1f' || location, 0), sku, location
            limit {series_max}
        ) k
        join sales_days s on s.sku = k.sku and s.location = k.location
        where s.day between {first} and {last} and s.units is not null
    """).format(epoch=sql.SQL(EPOCH), series_max=series_max, first=first, last=last)
    return copy_out(db, query, schema=SALES_SCHEMA)
