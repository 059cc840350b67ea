"""The stock of today in a plain file: what is on hand, and what arrives in the next periods.

A row that cannot be right is refused by itself, with what is wrong and what to write instead; the
others go on. A file that cannot be a state at all is refused as a whole.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.frame import LOCATION, SERIES, SKU
from inventory.errors import InputRejected
from inventory.simulate import StockState
from pipelines.row_checks import PROBLEMS

ON_HAND = "on_hand"
ON_ORDER = "on_order_"
ROW = "row"

NAMED_MAX = 5
"""Series that a note names; the rest it counts."""


@dataclass(frozen=True, slots=True, eq=False)
class OrderState:
    """Sound rows of a state file, in its order, and what was wrong with the others."""

    rows: pl.DataFrame
    """sku, location, on_hand, on_order_1 … on_order_K."""
    problems: pl.DataFrame
    """Columns `row_checks.PROBLEMS`."""
    notes: list[str]

    @property
    def refused_rows(self) -> int:
        """How many rows were refused."""
        return self.problems[ROW].n_unique()


def checked_state(table: pl.DataFrame, *, name: str, lost_sales: bool = False) -> OrderState:
    """The state file, row by row.

    With lost sales nothing is owed: stock below zero then is an empty shelf, and told.
    Raises `InputRejected` where a column is missing, or no row is sound.
    """
    for column in (SKU, LOCATION, ON_HAND):
        if column not in table.columns:
            raise InputRejected(
                f"{name} has no column '{column}'; it has {', '.join(table.columns)}",
                field=column,
            )
    if table.is_empty():
        raise InputRejected(f"{name} has no rows; give the stock of each sku and location")
    arriving = arrivals_of(table)
    given = table.select(SKU, LOCATION, ON_HAND, *arriving).with_row_index(ROW, offset=1)
    read = given.with_columns(
        pl.col(*SERIES).cast(pl.String),
        # What is not on its way is often left empty; what is on hand somebody has to count.
        *(pl.col(column).fill_null(_nothing(given.schema[column])) for column in arriving),
    ).with_columns(pl.col(ON_HAND, *arriving).cast(pl.Float64, strict=False))
    problems = _problems(given, read, arriving)
    sound = read.join(problems.select(pl.col(ROW).unique().cast(read.schema[ROW])), on=ROW,
                      how="anti", maintain_order="left")  # fmt: skip
    if sound.is_empty():
        row, field, _, problem, remedy = problems.row(0)
        raise InputRejected(f"{problem}; {remedy}; no row of {name} is left", field=field, row=row)
    below = sound.filter(pl.col(ON_HAND) < 0)
    notes = []
    if lost_sales and len(below):
        sound = sound.with_columns(pl.col(ON_HAND).clip(lower_bound=0.0))
        told = "have stock below zero: with lost sales nothing is owed, so they count as an empty"
        notes = [f"{len(below)} rows of {name} {told} shelf ({named(below)})"]
    return OrderState(sound.drop(ROW), problems, notes)


def _nothing(kind: pl.DataType) -> object:
    return "0" if kind == pl.String else 0


def _problems(given: pl.DataFrame, read: pl.DataFrame, arriving: list[str]) -> pl.DataFrame:
    """What is wrong, one row per fault, columns `PROBLEMS`."""
    found = [
        _fault(given, read[column].is_null(), column, "is empty", f"give the {column}")
        for column in SERIES
    ]
    for column in (ON_HAND, *arriving):
        number = read[column].is_not_null() & read[column].is_finite().fill_null(value=False)
        remedy = "write a number like 12" + (", or remove the row" if column == ON_HAND else "")
        found.append(_fault(given, ~number, column, "is not a number", remedy))
        if column != ON_HAND:
            negative = number & (read[column] < 0).fill_null(value=False)
            found.append(_fault(given, negative, column, "is negative", "write 0 or more"))
    sound = ~given[ROW].is_in(pl.concat(found)[ROW].cast(given.schema[ROW]).implode())
    counted = read.select(sound.alias("sound").cast(pl.Int64), *SERIES).select(
        pl.col("sound").cum_sum().over(SERIES)
    )["sound"]
    found.append(_fault(
        given, sound & (counted > 1), SKU, "a row of the same sku and location came before",
        "give one row for each; the first was used",
    ))  # fmt: skip
    return pl.concat(found).sort(ROW, maintain_order=True)


def _fault(
    given: pl.DataFrame, wrong: pl.Series, column: str, problem: str, remedy: str
) -> pl.DataFrame:
    return (
        given.filter(wrong)
        .select(
            pl.col(ROW), pl.lit(column).alias("field"),
            pl.col(column).cast(pl.String).fill_null("").alias("value"),
            pl.lit(problem).alias("problem"), pl.lit(remedy).alias("remedy"),
        )
        .cast(PROBLEMS)  # type: ignore[arg-type]
    )  # fmt: skip


def named(series: pl.DataFrame) -> str:
    """The first few series by name, and how many more there are."""
    told = [f"{sku} at {place}" for sku, place in series.select(SERIES).head(NAMED_MAX).rows()]
    more = len(series) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def state_of(state: pl.DataFrame) -> StockState:
    """Rows of the state file as the simulator reads them."""
    arriving = arrivals_of(state)
    pipeline = state.select(arriving).to_numpy() if arriving else np.zeros((len(state), 0))
    return StockState(state[ON_HAND].to_numpy(), np.asarray(pipeline, dtype=float))


def arrivals_of(table: pl.DataFrame) -> list[str]:
    """Columns on_order_1 … on_order_K, in order."""
    count = sum(column.startswith(ON_ORDER) for column in table.columns)
    wanted = [f"{ON_ORDER}{k}" for k in range(1, count + 1)]
    for column in wanted:
        if column not in table.columns:
            raise InputRejected(
                f"'{column}' is missing; number on_order_1, on_order_2, … without gaps",
                field=column,
            )
    return wanted
