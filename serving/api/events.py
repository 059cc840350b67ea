"""Events for others: availability that crossed a threshold, shortages, pegs that were filled."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from inventory.store import outbox
from serving.api.context import PREFIX, Staff, jsonable
from serving.messages import Id, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Events"])

SEQUENCE_MAX = 2**63 - 1


@router.get("/events")
def events(
    *,
    call: Staff,
    after: Annotated[
        int, Query(ge=0, le=SEQUENCE_MAX, description="`last` of the answer before; 0 at first.")
    ] = 0,
    sku: Id | None = None,
    kind: Id | None = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Events in their order; nothing is skipped by asking again with `last` as `after`.

    Remember `last` once you have dealt with the events: who stops in between is given them again.
    The events of a SKU come in the order in which they became true.
    """
    with call.db() as db:
        found = outbox.read(db, after=after, sku=sku, kind=kind, limit=limit)
    last = found[-1]["sequence"] if found else after
    return JSONResponse({"events": jsonable(found), "last": last})
