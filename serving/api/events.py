"""Events for others, and the marks from which a position counts as low."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from inventory.store import low_marks, outbox
from serving.api.context import PREFIX, CatalogueWriter, Staff, jsonable
from serving.messages import Id, Message, PageLimit, Units

router = APIRouter(prefix=PREFIX, tags=["Events"])

SEQUENCE_MAX = 2**63 - 1


@router.get("/events")
def events(
    *,
    call: Staff,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=SEQUENCE_MAX,
            description="`last` of the answer before; at first left out, for all that is kept.",
        ),
    ] = None,
    sku: Id | None = None,
    kind: Id | None = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Events in their order; nothing is skipped by asking again with `last` as `after`.

    Remember `last` once you have dealt with the events: who stops in between is given them again.
    The events of a SKU come in the order in which they became true. They are kept for some days
    (30 unless the operator says otherwise): where some after `after` are gone the answer is 410,
    with the `oldest` that is kept. Then read what you follow anew, and go on after `oldest` - 1.
    """
    with call.db() as db:
        found = outbox.read(db, after=after, sku=sku, kind=kind, limit=limit)
        start = outbox.pruned_through(db) if after is None else after
    last = found[-1]["sequence"] if found else start
    return JSONResponse({"events": jsonable(found), "last": last})


class LowMark(Message):
    """From how many free units on a SKU is low; without a location, everywhere."""

    location: Id | None = None
    units: Units | None
    """Null takes the mark back: then the reorder point of the position's policy holds."""


@router.put("/low-marks/{sku}")
def put_low_mark(sku: Id, body: LowMark, call: CatalogueWriter) -> JSONResponse:
    """Say from how many free units on `low_stock` is told; positions are judged at once."""
    with call.db() as db:

        def act() -> dict[str, object]:
            low_marks.put(db, sku=sku, location=body.location, units=body.units, now=call.now)
            return {"sku": sku, "marks": low_marks.of_sku(db, sku)}

        return call.once(db, scope=f"PUT /low-marks/{sku}", body=body, act=act)


@router.get("/low-marks/{sku}")
def get_low_marks(sku: Id, call: Staff) -> JSONResponse:
    """The marks that persons set for a SKU, the one for everywhere first."""
    with call.db() as db:
        return JSONResponse({"sku": sku, "marks": low_marks.of_sku(db, sku)})
