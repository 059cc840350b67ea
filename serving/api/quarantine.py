"""Rows of feeds that could not go in: seen, sent again, or dismissed with a reason."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from inventory.store import quarantine as store
from inventory.store import replays
from inventory.store.paging import before_id, encode_cursor
from serving.api.context import PREFIX, Staff, StockWriter, jsonable
from serving.messages import TEXT_CHARS_MAX, Cursor, Id, PageLimit
from serving.messages_stock import Replay

router = APIRouter(prefix=PREFIX, tags=["Stock"])

RowId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Reason = Annotated[str, Query(min_length=1, max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")]


@router.get("/quarantine")
def page(
    call: Staff, feed: Id | None = None, cursor: Cursor = None, limit: PageLimit = 100
) -> JSONResponse:
    """Rows of feeds that could not go in and still wait, oldest first, each with its reason."""
    after = before_id(cursor) or 0
    with call.db() as db:
        found = store.waiting(db, feed=feed, after_quarantine_id=after, limit=limit)
    body: dict[str, Any] = {"rows": jsonable(found), "next_cursor": None}
    if len(found) == limit:
        body["next_cursor"] = encode_cursor([int(str(found[-1]["quarantine_id"]))])
    return JSONResponse(body)


@router.post("/quarantine/replay")
def replay_many(body: Replay, call: StockWriter) -> JSONResponse:
    """Send waiting rows again, those named or up to 10,000: same ids, same moments, same feed."""

    def act() -> dict[str, Any]:
        report = replays.replay(
            db, now=call.now, actor=call.actor, quarantine_ids=body.ids, feed=body.feed
        )
        return report.as_dict()

    with call.db() as db:
        return call.once(db, scope="POST /quarantine/replay", body=body, act=act)


@router.get("/quarantine/{id}")
def read(id: RowId, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One row, also when it waits no more: who saw to it, when and why."""
    with call.db() as db:
        return JSONResponse(jsonable(store.get(db, id)))


@router.post("/quarantine/{id}/replay")
def replay_one(id: RowId, call: StockWriter) -> JSONResponse:  # noqa: A002
    """Send one row again, with all others of its message if that was all-or-nothing."""

    def act() -> dict[str, Any]:
        return replays.replay(db, now=call.now, actor=call.actor, quarantine_ids=[id]).as_dict()

    with call.db() as db:
        return call.once(db, scope=f"POST /quarantine/{id}/replay", body=None, act=act)


@router.delete("/quarantine/{id}")
def dismiss(id: RowId, reason: Reason, call: StockWriter) -> JSONResponse:  # noqa: A002
    """Take a row off the list that need not go in, and say why."""
    with call.db() as db:
        row = store.dismiss(db, id, reason=reason, actor=call.actor, now=call.now)
    return JSONResponse(jsonable(row))
