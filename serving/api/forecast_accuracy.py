"""How good forecasts were, once the days had come: accuracy, value added, and monitoring."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from psycopg.errors import QueryCanceled

from inventory.errors import InputRejected, NotFound
from inventory.store import database
from inventory.store.forecast_outcomes import LEADS
from inventory.store.forecast_scores import Asked, Level
from inventory.store.monitoring_reports import newest_report
from pipelines.accuracy import accuracy_report
from serving.api.context import PREFIX, Reader, Staff, jsonable
from serving.messages import Day, Id

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])

WINDOW_DAYS = 28
"""Days that are judged where none are named: four of each weekday."""

STATEMENT_SECONDS_MAX = 10.0
"""Each of the few reads of an answer may take so long: the database has promises to keep."""

From = Annotated[Day | None, Query(alias="from", description="First day; four weeks before `to`.")]
To = Annotated[Day | None, Query(description="Last day; yesterday.")]
Lead = Annotated[
    int | None, Query(ge=1, description="Judge forecasts in force so many days before: 1, 7, …")
]
Horizon = Annotated[int | None, Query(ge=1, le=366, description="Leads up to so many days.")]
Listed = Annotated[
    int, Query(ge=0, le=1000, description="Most keys and overrides that are listed.")
]


@router.get("/forecasts/accuracy")
def accuracy(
    *,
    call: Reader,
    level: Level = "item-location",
    sku: Id | None = None,
    location: Id | None = None,
    category: Id | None = None,
    first: From = None,
    to: To = None,
    lead: Lead = None,
    horizon: Horizon = None,
    limit: Listed = 20,
) -> dict[str, Any]:
    """WAPE, MAPE, bias, coverage and forecast value added of days that have come.

    `level` says what is added up before errors are taken. The figures are those of the shortest
    lead; `horizons` has them for each. A vendor sees its own SKUs.
    """
    last = to or call.now.date() - timedelta(days=1)
    start = first or last - timedelta(days=WINDOW_DAYS - 1)
    if start > last:
        raise InputRejected(f"must not be after 'to', {last}", field="from")
    asked = Asked(
        first=start,
        last=last,
        leads=_leads(lead, horizon),
        sku=sku,
        location=location,
        category=category,
        vendor=call.principal.vendor,
    )
    with call.db() as db:
        if sku is not None:
            call.may_see(db, sku)
        try:
            with database.snapshot(db, statement_seconds_max=STATEMENT_SECONDS_MAX):
                return accuracy_report(
                    db, asked, level=level, limit=limit,
                    with_overrides=call.principal.vendor is None,
                )  # fmt: skip
        except QueryCanceled as error:
            raise InputRejected(
                "so many outcomes take longer to add up than an answer should; name a sku, a "
                "location, a category or a lead, or ask for fewer days",
                field="from",
            ) from error


@router.get("/forecasts/monitoring")
def monitoring(call: Staff) -> dict[str, Any]:
    """The latest monitoring: figures per segment, drift of inputs, thresholds and breaches."""
    with call.db() as db:
        found = newest_report(db)
    if found is None:
        raise NotFound("monitoring report", "any; `vouch monitor` makes one")
    return dict(jsonable(found))


def _leads(lead: int | None, horizon: int | None) -> list[int]:
    """The leads asked for; all where none is."""
    known = ", ".join(map(str, LEADS))
    if lead is not None and lead not in LEADS:
        raise InputRejected(f"forecasts are judged {known} days ahead", field="lead")
    return [
        days
        for days in LEADS
        if (lead is None or days == lead) and (horizon is None or days <= horizon)
    ]
