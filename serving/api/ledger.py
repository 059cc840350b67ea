"""The entries behind the balances."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.store import ledger as store
from inventory.store.paging import before_id, encode_cursor
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
    before = before_id(cursor)
    with call.db() as db:
        found = store.entries(db, sku=sku, location=location, before_entry_id=before, limit=limit)
    body: dict[str, Any] = {"entries": jsonable(found), "next_cursor": None}
    if len(found) == limit:
        body["next_cursor"] = encode_cursor([int(str(found[-1]["entry_id"]))])
    return JSONResponse(body)
