"""What may be promised: one question by GET, up to a thousand by POST."""

from collections import defaultdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from inventory.errors import InputRejected, VouchError
from inventory.store import availability as engine
from serving import problems
from serving.api.context import PREFIX, Reader
from serving.messages import Day, Id, Method, QueryUnits
from serving.messages_promises import (
    QUERY_ITEMS_MAX,
    AvailabilityItem,
    AvailabilityQuery,
    HorizonDays,
)

router = APIRouter(prefix=PREFIX, tags=["Availability"])


@router.get("/availability/{sku}")
def availability(
    *,
    sku: Id,
    call: Reader,
    location: Id | None = None,
    group: Id | None = None,
    channel: Id | None = None,
    method: Method | None = None,
    quantity: QueryUnits | None = None,
    on: Day | None = None,
    horizon: HorizonDays | None = None,
    explain: Annotated[bool, Query(description="Add the terms that sum to `raw`.")] = False,
) -> JSONResponse:
    """Units of a SKU that may be promised at a location or a group, day by day."""
    if (location is None) == (group is None):
        raise InputRejected("give exactly one of location and group", field="location")
    with call.db() as db:
        call.may_see(db, sku)
        answer = engine.availability(
            db,
            sku=sku,
            location=location,
            group=group,
            channel=channel,
            method=method,
            quantity=quantity,
            on=on,
            now=call.now,
            horizon_days=horizon or call.server.settings.atp_horizon_days,
            explain=explain,
        )
    return JSONResponse(answer.as_dict())


@router.post("/availability/query")
def query(body: AvailabilityQuery, call: Reader) -> JSONResponse:
    """Many questions at once, answered in order; a bad one is a problem in its place."""
    if len(body.items) > QUERY_ITEMS_MAX:
        raise problems.RequestTooLarge(
            f"{len(body.items)} items; one query may hold {QUERY_ITEMS_MAX}"
        )
    with call.db() as db:
        call.may_see(db, *{item.sku for item in body.items})
        answers = _answers(db, body.items, call)
    results = [
        problems.body_of(answer) if isinstance(answer, VouchError) else answer.as_dict()
        for answer in answers
    ]
    return JSONResponse({"results": results})


def _answers(db: Any, items: list[AvailabilityItem], call: Reader) -> list[Any]:  # noqa: ANN401
    """Ask the engine once per horizon that occurs, and put the answers back in order."""
    by_horizon: dict[int, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        by_horizon[item.horizon or call.server.settings.atp_horizon_days].append(place)
    answers: list[Any] = [None] * len(items)
    for horizon_days, places in by_horizon.items():
        asked = [
            engine.AvailabilityItem(**items[place].model_dump(exclude={"horizon"}))
            for place in places
        ]
        found = engine.availability_many(db, asked, now=call.now, horizon_days=horizon_days)
        for place, answer in zip(places, found, strict=True):
            answers[place] = answer
    return answers
