"""Recommended prices, where the history says enough, and why not where it does not."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from serving.api.context import PREFIX, Staff
from serving.messages import Id, Number

router = APIRouter(prefix=PREFIX, tags=["Analytics"])


@router.get("/recommendations/prices")
def prices(
    sku: Id,
    call: Staff,
    location: Id | None = None,
    days: Annotated[Number | None, Query(gt=0, le=365)] = None,
    salvage: Annotated[Number, Query(ge=-1e9, le=1e9)] = 0.0,
) -> dict[str, Any]:
    """How demand for a SKU answers to its price, and at which price what is too much would clear.

    Learned from two years of prices, with an interval of 90 %. A price is only recommended between
    prices that were tried before, and where it surely returns more; else `why_not` says why.
    `days`: until it should be gone; `salvage`: money for a unit that is left then.
    """
    from pipelines.price_advice import advise

    return call.reading(
        lambda db: advise(db, sku, now=call.now, location=location, days=days, salvage=salvage)
    )
