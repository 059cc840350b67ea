"""Demand over lead time and review period in PostgreSQL, so that it is drawn once a forecast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import psycopg
from psycopg import sql

from inventory.base_stock import WindowDemand
from inventory.demand import LEVELS, Floats
from inventory.store.bulk import copy_in, copy_out

WINDOW_SCHEMA = {
    "sku": pl.String, "location": pl.String, "run_id": pl.String, "stated": pl.String,
    "planned_on": pl.Date, "lead_time_days": pl.Float64, "lead_time_sd_days": pl.Float64,
    "review_period_days": pl.Float64, "lead_time_mean": pl.Float64, "review_mean": pl.Float64,
    "demand_rate": pl.Float64,
}  # fmt: skip
"""Columns of a window beside its quantiles; `demand_rate` in units per day."""

QUANTILES = tuple(f"q{n}" for n in range(1, len(LEVELS) + 1))
"""Columns of the quantiles at `LEVELS`, in frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of N positions: columns `WINDOW_SCHEMA`, and quantiles (N, Q) in the same order."""

    table: pl.DataFrame
    quantiles_units: Floats

    @property
    def quantiles(self) -> pl.DataFrame:
        """The quantiles as columns `QUANTILES`."""
        return pl.DataFrame(dict(zip(QUANTILES, self.quantiles_units.T, strict=True)))

    @property
    def demand(self) -> WindowDemand:
        """As policy reads them."""
        return WindowDemand(
            self.table["lead_time_mean"].to_numpy(),
            self.table["review_mean"].to_numpy(),
            self.quantiles_units,
        )


def read_windows(db: psycopg.Connection, *, skus: Sequence[str] | None = None) -> Windows:
    """All windows that are stored, of some SKUs where given."""
    each = (sql.SQL("quantiles[{}]").format(n) for n in range(1, len(LEVELS) + 1))
    query = sql.SQL(
        "select {columns}, {each} from demand_windows "
        "where {skus}::text[] is null or sku = any({skus})"
    ).format(
        columns=sql.SQL(", ").join(_column(name) for name in WINDOW_SCHEMA),
        each=sql.SQL(", ").join(each),
        skus=sql.Literal(None if skus is None else list(skus)),
    )
    found = copy_out(db, query, schema={**WINDOW_SCHEMA, **dict.fromkeys(QUANTILES, pl.Float32)})
    return Windows(found.select(*WINDOW_SCHEMA), found.select(QUANTILES).to_numpy())


def write_windows(db: psycopg.Connection, windows: Windows) -> int:
    """Insert or replace windows; returns how many."""
    text = pl.concat_str(pl.lit("{"), pl.concat_str(QUANTILES, separator=","), pl.lit("}"))
    staged = windows.table.with_columns(
        windows.quantiles.select(text.alias("quantiles")).to_series()
    )
    columns = (*WINDOW_SCHEMA, "quantiles")
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with db.transaction():
        db.execute("create temp table windows_staged (like demand_windows) on commit drop")
        copy_in(db, staged, table="windows_staged", columns=columns)
        written = db.execute(
            sql.SQL(
                "insert into demand_windows ({names}) select {names} from windows_staged "
                "on conflict (sku, location) do update set ({names}) = row({new})"
            ).format(
                names=names,
                new=sql.SQL(", ").join(
                    sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in columns
                ),
            )
        ).rowcount
        db.execute("drop table windows_staged")
    return written


def _column(name: str) -> sql.Composable:
    """Days travel as numbers: see `bulk.EPOCH`."""
    if WINDOW_SCHEMA[name] == pl.Date:
        return sql.SQL("{} - date '1970-01-01'").format(sql.Identifier(name))
    return sql.Identifier(name)


def no_windows() -> Windows:
    """Windows of no position."""
    return Windows(pl.DataFrame(schema=WINDOW_SCHEMA), np.empty((0, len(LEVELS)), np.float32))
