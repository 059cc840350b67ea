"""How long vendors take, as their deliveries show."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.store import lead_times as store
from inventory.store.paging import decode_cursor, encode_cursor
from serving.api.context import PREFIX, Reader, jsonable
from serving.messages import Cursor, Id, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])


@router.get("/lead-times")
def listed(
    *, call: Reader, vendor: Id | None = None, cursor: Cursor = None, limit: PageLimit = 100
) -> JSONResponse:
    """Lead time of each vendor with deliveries (location null) and of each of its lanes.

    `orders` and `receipts` say what it was learned from; `mean_days` and `sd_days`, which planning
    uses, are drawn towards what the vendor states the more the fewer there are. `fill_share` is
    what came of what was ordered.
    """
    after = [str(part) for part in decode_cursor(cursor, str, str)] if cursor else None
    with call.db() as db:
        found = store.page(db, vendor=call.vendor_asked(vendor), after=after, limit=limit)
    last = found[-1] if len(found) == limit else None
    more = encode_cursor([last["vendor"], last["location"] or ""]) if last else None
    return JSONResponse(jsonable({"lead_times": found, "next_cursor": more}))
