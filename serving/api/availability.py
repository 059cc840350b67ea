"""What may be promised: one question by GET, up to a thousand by POST."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated

import psycopg
from fastapi import APIRouter, Query
from fastapi.responses import Response

from inventory.availability import Availability
from inventory.errors import InputRejected, VouchError
from inventory.store import availability as engine
from inventory.store import fulfilment
from serving import problems
from serving.api.context import PREFIX, Call, Reader
from serving.messages import Day, Id, Method, QueryUnits
from serving.messages_promises import (
    QUERY_ITEMS_MAX,
    AvailabilityItem,
    AvailabilityQuery,
    HorizonDays,
    Malformed,
)

CHANCES_MAX = 100
"""Quantities of one query that get a `fulfilment_probability`; with more, none of them does."""

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
) -> Response:
    """Units of a SKU that may be promised at a location or a group, day by day."""
    if (location is None) == (group is None):
        raise InputRejected("give exactly one of location and group", field="location")

    def ask(db: psycopg.Connection) -> Availability:
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
        fulfilment.add_chances(db, [(answer, on)], now=call.now)
        return answer

    return _json(call.reading(ask).as_json())


@router.post("/availability/query")
def query(body: AvailabilityQuery, call: Reader) -> Response:
    """Many questions at once, answered in order; a bad one is a problem in its place."""
    if len(body.items) > QUERY_ITEMS_MAX:
        raise problems.RequestTooLarge(
            f"{len(body.items)} items; one query may hold {QUERY_ITEMS_MAX}"
        )
    questions = body.questions()

    def ask(db: psycopg.Connection) -> list[Answer]:
        call.may_see(db, *{item.sku for item in questions if isinstance(item, AvailabilityItem)})
        return _answers(db, questions, call)

    results = ",".join(_told(answer, row) for row, answer in enumerate(call.reading(ask)))
    return _json(f'{{"results":[{results}]}}')


Answer = Availability | VouchError | Malformed


def _told(answer: Answer, row: int) -> str:
    if isinstance(answer, Availability):
        return answer.as_json()
    if isinstance(answer, VouchError):
        return json.dumps(problems.body_of(answer) | {"row": row})
    faults = [
        problems.fault(("items", row, *error["loc"]), error["msg"]) for error in answer.errors
    ]
    return json.dumps(problems.invalid(faults))


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _answers(
    db: psycopg.Connection, items: Sequence[AvailabilityItem | Malformed], call: Call
) -> list[Answer]:
    """Ask the engine once per horizon that occurs, and put the answers back in order."""
    by_horizon: dict[int, dict[int, engine.AvailabilityItem]] = defaultdict(dict)
    answers: dict[int, Answer] = {}
    for place, item in enumerate(items):
        if isinstance(item, Malformed):
            answers[place] = item
            continue
        horizon_days = item.horizon or call.server.settings.atp_horizon_days
        by_horizon[horizon_days][place] = engine.AvailabilityItem(
            item.sku,
            item.location,
            item.group,
            item.channel,
            item.method,
            item.quantity,
            item.on,
            item.explain,
        )
    for horizon_days, asked_by_place in by_horizon.items():
        found = engine.availability_many(
            db, list(asked_by_place.values()), now=call.now, horizon_days=horizon_days
        )
        answers |= zip(asked_by_place, found, strict=True)
    _add_chances(db, items, answers, call)
    return [answers[place] for place in range(len(items))]


def _add_chances(
    db: psycopg.Connection,
    items: Sequence[AvailabilityItem | Malformed],
    answers: Mapping[int, Answer],
    call: Call,
) -> None:
    asked = [
        (answer, item.on)
        for place, item in enumerate(items)
        if isinstance(answer := answers[place], Availability)
        and isinstance(item, AvailabilityItem)
        and item.quantity is not None
    ]
    if len(asked) <= CHANCES_MAX:
        fulfilment.add_chances(db, asked, now=call.now)
