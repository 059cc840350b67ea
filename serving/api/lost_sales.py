"""Sales estimated lost to empty shelves."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from inventory.errors import InputRejected
from pipelines import lost_sales as report
from serving.api.context import PREFIX, Staff
from serving.messages import Day, Id

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])

ROWS_MAX = 1000
"""Rows in one answer, those that lost most; the total counts all."""


@router.get("/forecasts/lost-sales")
def lost_sales(  # noqa: PLR0917 - one argument per question.
    call: Staff,
    sku: Id | None = None,
    location: Id | None = None,
    category: Id | None = None,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
    by: report.By = "total",
) -> dict[str, Any]:
    """Units sold and units lost of a SKU, a location or a category, with an interval.

    By default of the last 28 days on record. Of everything, ask `vouch lost-sales`: that may take
    longer than an answer should.
    """
    if sku is None and location is None and category is None:
        raise InputRejected("name a sku, a location or a category", field="sku")
    wanted = report.Filter(sku=sku, location=location, category=category, first=first, last=last)
    with call.db() as db:
        found = report.of_database(db, wanted, by=by).as_dict()
    return {**found, "rows": found["rows"][:ROWS_MAX], "rows_in_all": len(found["rows"])}
