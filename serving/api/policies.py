"""Replenishment policies: what is kept at a position, when more is ordered, and why."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.store import policies as store
from serving.api.context import PREFIX, Reader, Staff, jsonable
from serving.messages import Cursor, Id, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])


@router.get("/policies")
def listed(
    *,
    call: Staff,
    sku: Id | None = None,
    location: Id | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Policies by SKU and location, each with its terms and where its settings come from."""
    with call.db() as db:
        found = store.list_policies(db, sku=sku, location=location, cursor=cursor, limit=limit)
    return JSONResponse(jsonable(found))


@router.get("/policies/{sku}/{location}")
def read(sku: Id, location: Id, call: Reader) -> dict[str, Any]:
    """Safety stock, reorder point, order quantity and order-up-to level, term by term."""
    with call.db() as db:
        call.may_see(db, sku)
        return store.read_policy(db, sku, location)
