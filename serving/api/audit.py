"""Who did what, when, why and from which source, over all records in one order of time."""

from dataclasses import astuple, fields
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from inventory.errors import InputRejected
from inventory.store import audit as store
from inventory.store.paging import decode_cursor, encode_cursor
from serving.api.context import PREFIX, Auditor, jsonable
from serving.messages import Cursor, Id, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Audit"])

Since = Annotated[AwareDatetime | None, Query(alias="from")]
Until = Annotated[AwareDatetime | None, Query(alias="to")]


@router.get("/audit")
def records(
    call: Auditor,
    *,
    sku: Id | None = None,
    location: Id | None = None,
    actor: Id | None = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Ledger entries, steps of reservations, orders and transfers, and overrides, newest first."""
    _check(since, until)
    wanted = store.AuditFilter(sku, location, actor, since, until)
    before = store.Position(*_position(cursor)) if cursor else store.Position()
    with call.db() as db:
        found, last = store.page(db, wanted, before=before, limit=limit)
    more = encode_cursor(list(astuple(last))) if len(found) == limit else None
    return JSONResponse({"records": jsonable(found), "next_cursor": more})


def _check(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and since >= until:
        raise InputRejected("must be later than 'from'", field="to")


def _position(cursor: str) -> list[int]:
    return [int(part) for part in decode_cursor(cursor, *[int] * len(fields(store.Position)))]
