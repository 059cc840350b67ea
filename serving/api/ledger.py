"""The entries behind the balances, and the rows that could not become one."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.store import ledger as store
from inventory.store import quarantine
from inventory.store.paging import decode_cursor, encode_cursor
from serving.api.context import PREFIX, Staff, jsonable
from serving.messages import Cursor, Id, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Stock"])


@router.get("/ledger")
def entries(
    call: Staff,
    sku: Id | None = None,
    location: Id | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Entries, newest first: what each stated, and what it did to its balance."""
    before = _id_in(cursor)
    with call.db() as db:
        found = store.entries(db, sku=sku, location=location, before_entry_id=before, limit=limit)
    return _page("entries", found, key="entry_id", limit=limit)


@router.get("/quarantine")
def quarantined(
    call: Staff, feed: Id | None = None, cursor: Cursor = None, limit: PageLimit = 100
) -> JSONResponse:
    """Rows of feeds that could not go in and still wait, oldest first, each with its reason."""
    after = _id_in(cursor) or 0
    with call.db() as db:
        found = quarantine.waiting(db, feed=feed, after_quarantine_id=after, limit=limit)
    return _page("rows", found, key="quarantine_id", limit=limit)


def _id_in(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    return int(decode_cursor(cursor, int)[0])


def _page(name: str, found: list[dict[str, object]], *, key: str, limit: int) -> JSONResponse:
    body: dict[str, Any] = {name: jsonable(found), "next_cursor": None}
    if len(found) == limit:
        body["next_cursor"] = encode_cursor([int(str(found[-1][key]))])
    return JSONResponse(body)
