"""Lost sales of a stretch of days, from the database or a plain file, in totals as asked for."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl
import psycopg
from psycopg import sql

from features.frame import DATE, LOCATION, SKU, Panel, check
from features.lost_sales import BY, LEVEL, lost_rows, summed
from inventory.errors import InputRejected
from inventory.store import history as store
from inventory.store.bulk import copy_out
from pipelines.history import NO_SALES, gap_free
from pipelines.panel_file import read_panel

DAYS_DEFAULT = 28
WARM_UP_DAYS = 56
"""Days before the first one asked for, from which is learned what to expect: four half-lives."""
EARLIEST = date(1970, 1, 1)
"""An earlier day is a slip."""
SHOWN_MAX = 10
CATEGORY = "category"

By = Literal["total", "sku", "location", "category", "series", "day"]
assert set(get_args(By)) == set(BY)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sales to look at; None means all."""

    sku: str | None = None
    location: str | None = None
    category: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LostSales:
    """Totals of the days `first` to `last`.

    total, rows : columns of `features.lost_sales.summed`, over everything and by what was asked.
    """

    first: date
    last: date
    by: By
    total: pl.DataFrame
    rows: pl.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; units and money to two digits, what is not known as null."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "by": self.by,
            "interval_level": LEVEL,
            "total": _plain(self.total)[0],
            "rows": _plain(self.rows),
        }

    def lines(self) -> list[str]:
        """Sentences for a person: the total, and the rows that lost most."""
        (total,) = self.total.to_dicts()
        told = [f"{self.first} to {self.last}: {_sentence(total)}"]
        told += [
            f"{' at '.join(str(row[c]) for c in BY[self.by])}: {_sentence(row)}"
            for row in self.rows.head(SHOWN_MAX).to_dicts()
        ]
        if total["periods_not_estimated"]:
            told.append(
                f"{total['periods_not_estimated']} periods cut short have no past to judge by"
            )
        return told


def _sentence(row: dict[str, Any]) -> str:
    worth = "" if row["lost_value"] is None else f", worth {row['lost_value']:,.2f}"
    return (
        f"{row['sold_units']:,.0f} units sold, {row['lost_units']:,.0f} lost "
        f"({row['lost_low_units']:,.0f} to {row['lost_high_units']:,.0f}){worth}; "
        f"{row['censored_share']:.0%} of {row['periods']:,} periods cut short"
    )


def _plain(table: pl.DataFrame) -> list[dict[str, Any]]:
    floats = pl.selectors.float()
    return table.with_columns(floats.round(4), pl.selectors.date().dt.to_string()).to_dicts()


def of_database(db: psycopg.Connection, wanted: Filter, *, by: By = "total") -> LostSales:
    """From the sales on record; by default the last `DAYS_DEFAULT` days of them.

    Neighbours are read along as far as the filter goes: the SKU's other locations, the location's
    other SKUs. Raises `InputRejected` where no sales are on record for it.
    """
    for name, day in (("from", wanted.first), ("to", wanted.last)):
        if day is not None and day < EARLIEST:
            raise InputRejected(f"{day} must not be before {EARLIEST}", field=name)
    kinds = copy_out(
        db,
        sql.SQL("select sku, category from skus"),
        schema={SKU: pl.String, CATEGORY: pl.String},
    )
    skus = _skus(kinds, wanted)
    places = [wanted.location] if wanted.location else None
    last = wanted.last or store.last_sales_day(db, skus=skus, locations=places)
    if last is None:
        raise InputRejected(NO_SALES)
    first = wanted.first or last - timedelta(days=DAYS_DEFAULT - 1)
    rows = store.read_sales_days(
        db,
        first=first - timedelta(days=WARM_UP_DAYS),
        last=last,
        skus=skus,
        locations=places if skus is None else None,
    )
    history = gap_free(rows.rename({"day": DATE}).drop("covariates"), origin=last)
    history = history.join(kinds, on=SKU, how="left", maintain_order="left")
    return _totals(Panel(history, history.clear()), wanted, by=by, first=first, last=last)


def _skus(kinds: pl.DataFrame, wanted: Filter) -> list[str] | None:
    """The SKUs that the filter needs read; None for all."""
    if wanted.sku is not None:
        return [wanted.sku]
    if wanted.category is None:
        return None
    return kinds.filter(pl.col(CATEGORY) == wanted.category).get_column(SKU).sort().to_list()


def of_file(path: Path, wanted: Filter, *, by: By = "total") -> LostSales:
    """From a file as `vouch predict` reads it; by default all of its periods.

    Raises `InputRejected` where it cannot be read, has nothing of what is asked, or no column
    `category` where that is asked for.
    """
    panel, _ = read_panel(path)
    if (by == CATEGORY or wanted.category) and CATEGORY not in panel.history.columns:
        raise InputRejected(f"{path.name} has no column '{CATEGORY}'", field=CATEGORY)
    earliest = panel.history.get_column(DATE).min()
    assert isinstance(earliest, date)
    return _totals(
        panel, wanted, by=by, first=wanted.first or earliest, last=wanted.last or panel.origin
    )


def _totals(panel: Panel, wanted: Filter, *, by: By, first: date, last: date) -> LostSales:
    if first > last:
        raise InputRejected(f"the first day, {first}, is after the last, {last}", field="from")
    chosen = pl.col(DATE).is_between(first, last)
    for column, value in (
        (SKU, wanted.sku), (LOCATION, wanted.location), (CATEGORY, wanted.category)
    ):  # fmt: skip
        if value is not None:
            chosen &= pl.col(column) == value
    rows = lost_rows(check(panel.history, period_days=panel.period_days)).filter(chosen)
    if rows.is_empty():
        raise InputRejected(f"no sales of that are on record from {first} to {last}")
    every = summed(rows, [])
    return LostSales(first, last, by, every, summed(rows, BY[by]) if BY[by] else every.clear())
