"""Replenishment policies: what is kept at a position, when more is ordered, and why."""

from typing import Any

from fastapi import APIRouter

from inventory.store import policies as store
from serving.api.context import PREFIX, Reader
from serving.messages import Id

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])


@router.get("/policies/{sku}/{location}")
def read(sku: Id, location: Id, call: Reader) -> dict[str, Any]:
    """Safety stock, reorder point, order quantity and order-up-to level, term by term."""
    with call.db() as db:
        call.may_see(db, sku)
        return store.read_policy(db, sku, location)
