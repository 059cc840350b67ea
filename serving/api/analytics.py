"""Figures of stock, orders and promises: turnover, ages, classes, health, accuracy, outcomes."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response

from inventory.analytics import FIGURES
from inventory.store import analytics as store
from serving.api.context import PREFIX, Staff, jsonable
from serving.messages import Day, Id

router = APIRouter(prefix=PREFIX, tags=["Analytics"])

CSV = "text/csv"


@router.get("/analytics")
def definitions(call: Staff) -> dict[str, Any]:  # noqa: ARG001 - who may ask.
    """What figures there are, each with units, meaning, source and the SQL view that has it."""
    return {"analytics": [figure.as_dict() for figure in FIGURES.values()]}


@router.get(
    "/analytics/{name}",
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
def figures(  # noqa: PLR0917 - one argument per question.
    name: Id,
    call: Staff,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
    of: Id | None = None,
    format: Literal["json", "csv"] | None = None,  # noqa: A002 - the name in the query.
    accept: Annotated[str, Header()] = "",
) -> Response:
    """One table of figures; by default of the last 90 whole days (UTC), or of now.

    The row without a location (vendor, channel) is everything together; `of` asks for one alone.
    CSV where the query says `format=csv`, or else where `Accept` prefers `text/csv`.
    """
    told = store.figure(name)
    days = store.days(first, last, today=call.now.date())
    rows = call.reading(
        lambda db: store.read(db, name, first=days[0], last=days[1], now=call.now, of=of)
    )
    if format == "csv" or (format is None and CSV in accept.lower()):
        return Response(
            as_csv(list(told.columns), rows),
            media_type=CSV,
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
    period = {"from": days[0], "to": days[1]} if told.dated else {"at": call.now}
    return JSONResponse(jsonable(told.as_dict() | period | {"rows": rows}))


def as_csv(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Rows as CSV with a header, numbers as they are and nothing for null."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _safe(value: object) -> object:
    """A text that a spreadsheet would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value[1:] else value
