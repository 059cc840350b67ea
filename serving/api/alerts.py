"""What needs somebody's eyes."""

from typing import Any, Literal

from fastapi import APIRouter

from inventory.store import alerts as store
from serving.api.context import PREFIX, Staff
from serving.messages import Cursor, Id, PageLimit

router = APIRouter(prefix=PREFIX, tags=["Orders to vendors"])


@router.get("/alerts")
def alerts(
    *,
    call: Staff,
    kind: str | None = None,
    sku: Id | None = None,
    location: Id | None = None,
    severity: Literal["info", "warning", "critical"] | None = None,
    state: Literal["open", "all"] = "open",
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> dict[str, Any]:
    """Alerts, newest first; open ones unless `state=all`."""
    with call.db() as db:
        return store.list_alerts(
            db,
            kind=kind,
            sku=sku,
            location=location,
            severity=severity,
            open_only=state == "open",
            cursor=cursor,
            limit=limit,
        )
