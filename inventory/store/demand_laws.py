"""Demand laws of positions in PostgreSQL, and the past windows that they are judged by."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from inventory.store.bulk import copy_in, copy_out
from inventory.store.forecast_outcomes import FULL_SHARE

LAW_SCHEMA = {
    "sku": pl.String, "location": pl.String, "law": pl.String, "reason": pl.String,
    "judged_by": pl.String, "windows": pl.Int64, "path_misfit": pl.Float64,
    "normal_misfit": pl.Float64, "negative_binomial_misfit": pl.Float64,
    "empirical_misfit": pl.Float64, "dispersion": pl.Float64, "residuals": pl.String,
    "window_days": pl.Float64, "chosen_on": pl.String,
}  # fmt: skip
"""Columns of a law; `residuals` as the text of an array, `chosen_on` as ISO text."""

SPACING = timedelta(days=7)
"""Runs nearer to each other than this tell nearly the same."""


def judged_positions(
    db: psycopg.Connection, *, since: date, skus: Sequence[str] | None
) -> pl.DataFrame:
    """Positions whose law was chosen on or after a day: sku, location, window_days."""
    query = sql.SQL(
        "select sku, location, window_days from demand_laws "
        "where chosen_on >= {since} and ({skus}::text[] is null or sku = any({skus}))"
    ).format(since=sql.Literal(since), skus=_listed(skus))
    return copy_out(
        db, query, schema={"sku": pl.String, "location": pl.String, "window_days": pl.Float64}
    )


def past_runs(db: psycopg.Connection, *, before: date, runs_max: int) -> list[tuple[str, date]]:
    """Daily runs that were in force, at least a week apart, the oldest first: id and first day."""
    found = db.execute(
        "select r.run_id, r.first_day from forecast_runs r join forecast_moments m using (run_id) "
        "where r.period_days = 1 and r.first_day < %s "
        "group by r.run_id order by r.first_day desc, max(m.in_force_at) desc",
        [before],
    ).fetchall()
    chosen: list[tuple[str, date]] = []
    for run_id, first_day in found:
        if not chosen or chosen[-1][1] - first_day >= SPACING:
            chosen.append((run_id, first_day))
    return chosen[:runs_max][::-1]


def window_sums(
    db: psycopg.Connection, asked: pl.DataFrame, *, first: date, until: date
) -> pl.DataFrame:
    """Units sold in windows of days: columns sku, location, window and units.

    Parameters
    ----------
    asked : sku, location, window (a number), first_day and days of it; between `first` and `until`.

    A window with a day that was not wholly on sale is left out, and one with a day of which nothing
    is known, unless the history never says zero: then silence means that none sold.
    """
    with db.transaction():
        db.execute(
            "create temp table windows_asked (sku text, location text, window_no integer, "
            "first_day date, days integer) on commit drop"
        )
        columns = ("sku", "location", "window_no", "first_day", "days")
        copy_in(db, asked, table="windows_asked", columns=columns)
        db.execute("analyze windows_asked")
        query = sql.SQL(_SUMS).format(
            first=sql.Literal(first), until=sql.Literal(until), full=sql.Literal(FULL_SHARE)
        )
        schema = {"sku": pl.String, "location": pl.String, "window_no": pl.Int64,
                  "units": pl.Float64}  # fmt: skip
        found = copy_out(db, query, schema=schema)
        db.execute("drop table windows_asked")
    return found


_SUMS = """
with zeros as (
    select exists (
        select from sales_days where day >= {first} and day < {until} and units = 0) as told
)
select a.sku, a.location, a.window_no, coalesce(sum(s.units), 0)
from windows_asked a cross join zeros z
join lateral (
    select min(day) as day from sales_days f where f.sku = a.sku and f.location = a.location
) b on b.day <= a.first_day
left join sales_days s on s.sku = a.sku and s.location = a.location
    and s.day >= a.first_day and s.day < a.first_day + a.days and s.units is not null
group by a.sku, a.location, a.window_no, a.days, z.told
having coalesce(bool_and(s.in_stock >= {full}), true) and (not z.told or count(s.day) = a.days)
"""


def write_laws(db: psycopg.Connection, laws: pl.DataFrame) -> int:
    """Insert or replace laws: columns `LAW_SCHEMA`; returns how many."""
    names = sql.SQL(", ").join(map(sql.Identifier, LAW_SCHEMA))
    new = sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in LAW_SCHEMA)
    with db.transaction():
        db.execute("create temp table laws_staged (like demand_laws) on commit drop")
        copy_in(db, laws, table="laws_staged", columns=tuple(LAW_SCHEMA))
        written = db.execute(
            sql.SQL(
                "insert into demand_laws ({names}) select {names} from laws_staged "
                "on conflict (sku, location) do update set ({names}) = row({new})"
            ).format(names=names, new=new)
        ).rowcount
        db.execute("drop table laws_staged")
    return written


def read_laws(
    db: psycopg.Connection, *, skus: Sequence[str] | None = None, every: bool = False
) -> pl.DataFrame:
    """Laws other than sample paths, or every one: columns `LAW_SCHEMA`."""
    query = sql.SQL(
        "select {names} from demand_laws where ({every} or law <> 'path') "
        "and ({skus}::text[] is null or sku = any({skus}))"
    ).format(
        names=sql.SQL(", ").join(map(sql.Identifier, LAW_SCHEMA)),
        every=sql.Literal(every),
        skus=_listed(skus),
    )
    return copy_out(db, query, schema=LAW_SCHEMA)


def told(row: dict[str, Any]) -> dict[str, object] | None:
    """The law of a policy's row as a client reads it: which, why, and how well each one fitted."""
    if row.get("law_reason") is None:
        return None
    return {
        "reason": row["law_reason"],
        "judged_by": row["judged_by"],
        "windows": row["windows"],
        "misfit": {
            law: row[f"{law}_misfit"]
            for law in ("path", "normal", "negative_binomial", "empirical")
        },
        "chosen_on": row["chosen_on"],
    }


def _listed(skus: Sequence[str] | None) -> sql.Literal:
    return sql.Literal(None if skus is None else list(skus))


def as_text(moment: datetime | date) -> str:
    """A day as the text that COPY reads."""
    return moment.isoformat()[:10]
