"""Forecasts of series that come with the question: their history in, quantiles out.

Rows are as in the files of `vouch predict`, and are checked as those are; but where a file loses
its broken rows and says so, a question with one is refused, and the row named.
"""

from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from features.frame import KEY, SERIES, Panel
from inventory.errors import InputRejected
from models import registry
from pipelines.forecast import refuse_beyond
from pipelines.panel_checks import gaps_ahead
from pipelines.panel_file import panel_of
from serving.api.forecasts import days_of

SERIES_MAX = 100
ROWS_MAX = 100_000
"""A hundred series of two and a half years."""
ROWS_FILLED_MAX = 2 * ROWS_MAX
"""Once periods without a row are there, too: two rows may lie thousands of years apart."""
COLUMNS_MAX = 40
LEVELS_DEFAULT = [0.05, 0.5, 0.95]

Level = Annotated[float, Field(gt=0, lt=1)]
Rows = list[dict[str, Any]]


class Question(BaseModel):
    """Series to forecast, each row a period of one: sku, location, date, units and what is known.

    history : also `in_stock` (share of the period on sale), `price`, `promotion` and any further
        numbers or texts. future : the same columns of the periods ahead, where known.
    """

    model_config = ConfigDict(extra="forbid")

    history: Annotated[Rows, Field(min_length=1, max_length=ROWS_MAX)]
    future: Annotated[Rows, Field(max_length=ROWS_MAX)] = []
    horizon: Annotated[int, Field(ge=1, le=365)] = 14
    levels: Annotated[list[Level], Field(min_length=1, max_length=99)] = LEVELS_DEFAULT


def answer(question: Question, champion: registry.Champion) -> dict[str, Any]:
    """The champion's forecast of the series in question, and what was noted about the rows.

    Raises `InputRejected` with the row and what is wrong about it.
    """
    refuse_beyond(champion.ensemble, question.horizon)
    panel, notes = given_panel(question)
    if panel.period_days != champion.ensemble.period_days:
        raise InputRejected(
            f"rows are {panel.period_days} days apart, and the model in use was trained on periods "
            f"of {champion.ensemble.period_days}",
            field="history",
        )
    notes += gaps_ahead(panel, horizon=question.horizon, name="future")
    levels = np.array(sorted(set(question.levels)))
    found = champion.ensemble.predict(panel, horizon=question.horizon, levels=levels)
    keys = zip(found.skus, found.locations, strict=True)
    return {
        "model_version": f"{registry.MODEL}/{champion.version}",
        "origin": panel.origin.isoformat(),
        "series": [
            {"sku": sku, "location": location, "days": days_of(found, row=row)}
            for row, (sku, location) in enumerate(keys)
        ],
        "notes": notes,
    }


def given_panel(question: Question) -> tuple[Panel, list[str]]:
    """The rows of a question as the models read them, and notes on what had to be assumed."""
    history = _table(question.history, "history")
    future = _table(question.future, "future") if question.future else None
    try:
        panel, report = panel_of(
            (history, "history"),
            None if future is None else (future, "future"),
            rows_max=ROWS_FILLED_MAX,
        )
    except InputRejected as refusal:  # Rows of files count from one, those of a request from zero.
        row = None if refusal.row is None else refusal.row - 1
        raise InputRejected(refusal.problem, field=refusal.field, row=row) from refusal
    if len(report.rejected):
        row, reason = report.rejected.sort("row").row(0)
        raise InputRejected(f"{reason}; mend the row or leave it out", field="history", row=row - 1)
    count = panel.history.select(SERIES).n_unique()
    if count > SERIES_MAX:
        raise InputRejected(
            f"holds {count} series; ask about {SERIES_MAX} at a time", field="history"
        )
    return panel, report.notes


def _table(rows: Rows, field: str) -> pl.DataFrame:
    """Rows as a table."""
    names = sorted(set[str]().union(*rows))
    if len(names) > COLUMNS_MAX:
        raise InputRejected(f"has more than {COLUMNS_MAX} columns", field=field)
    return pl.DataFrame([_column(name, [row.get(name) for row in rows], field) for name in names])


def _column(name: str, values: list[Any], field: str) -> pl.Series:
    """Numbers and flags as numbers, all else as text; ids and dates as they were written."""
    told = {*map(type, values)} - {type(None)}
    try:
        if name in KEY:
            return pl.Series(name, [v if v is None else str(v) for v in values], dtype=pl.String)
        if told <= {int, float, bool}:
            return pl.Series(name, np.array(values, dtype=np.float64), nan_to_null=True)
        return pl.Series(name, values, dtype=pl.String, strict=True)
    except (TypeError, OverflowError) as error:
        raise InputRejected(
            "must hold numbers, or texts, and nothing else", field=f"{field}.{name}"
        ) from error
