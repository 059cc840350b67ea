"""Registered forecasters: what is in use and why, for those who answer for it.

MLflow loads at the first of these requests, in a thread of its own; models themselves never do: a
promotion by HTTP goes by the comparison on record, which `vouch train` and `vouch promote` make.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from inventory.store.paging import before_id, encode_cursor
from serving.api.context import PREFIX, Call, Staff, allow
from serving.messages import Cursor, PageLimit
from serving.messages_models import VERSION_PATTERN, Promote, RollBack
from serving.problems import PromotionRefused

router = APIRouter(prefix=PREFIX, tags=["Forecasts"])

Scientist = Annotated[Call, allow("scientist", "admin")]
Version = Annotated[str, Path(pattern=VERSION_PATTERN)]


@router.get("/models")
def page(call: Staff, cursor: Cursor = None, limit: PageLimit = 100) -> dict[str, Any]:
    """Registered versions, the newest first, and the latest changes of champion."""
    from models import registry

    uri = call.server.settings.tracking_uri
    before = before_id(cursor)
    found = registry.versions(uri, before=before, limit=limit + 1)
    more = len(found) > limit
    return {
        "models": [one.as_dict() for one in found[:limit]],
        "changes": [change.as_dict() for change in registry.changes(uri)[:limit]],
        "next_cursor": encode_cursor([int(found[limit - 1].version)]) if more else None,
    }


@router.get("/models/{version}")
def read(version: Version, call: Staff) -> dict[str, Any]:
    """One version: what it was trained on, its figures, and how it compared with the champion."""
    from models import registry

    return registry.version_of(call.server.settings.tracking_uri, version=version).as_dict()


@router.post("/models/{version}/promote")
def promote(version: Version, body: Promote, call: Scientist) -> JSONResponse:
    """Make a version the champion if the comparison on record allows it, or by force.

    409 `promotion-refused` with the verdict where it does not.
    """
    from pipelines.champion import promote_as_recorded

    def act() -> dict[str, Any]:
        found = promote_as_recorded(
            call.server.settings.tracking_uri,
            version,
            by=call.actor,
            now=call.now,
            force_reason=body.reason,
        )
        if found.change is None:
            raise PromotionRefused(version, found.verdict.reason, found.verdict.as_dict())
        return found.as_dict()

    with call.db() as db:
        return call.once(db, scope=f"POST /models/{version}/promote", body=body, act=act)


@router.post("/models/rollback")
def roll_back(body: RollBack, call: Scientist) -> JSONResponse:
    """Give the champion's place back to the version that had it before, or to the one named."""
    from models import registry

    def act() -> dict[str, Any]:
        return registry.roll_back(
            call.server.settings.tracking_uri,
            by=call.actor,
            reason=body.reason,
            now=call.now,
            to=body.to,
        ).as_dict()

    with call.db() as db:
        return call.once(db, scope="POST /models/rollback", body=body, act=act)
