"""Stock as it is: feeds and corrections in, balances out."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import uuid4

import psycopg
from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from inventory.errors import VouchError
from inventory.store import feeds, jobs
from inventory.store import stock as store
from inventory.store.paging import decode_cursor, encode_cursor
from inventory.store.retry import retrying
from inventory.store.start_of_day import reset
from serving import problems
from serving.api.context import PREFIX, Call, Reader, StockWriter, jsonable
from serving.messages import Cursor, Id, PageLimit
from serving.messages_stock import SYNC_ROWS_MAX, Correction, Move, StartOfDay, Sync

router = APIRouter(prefix=PREFIX, tags=["Stock"])

StockState = Literal["in_stock", "low", "out_of_stock", "negative"]


@router.post("/inventory/sync")
def sync(body: Sync, call: StockWriter, prefer: Annotated[str, Header()] = "") -> JSONResponse:
    """Take a feed of counts or changes; every row gets one outcome, in request order."""
    if len(body.rows) > SYNC_ROWS_MAX:
        # Two halves of a full file would each set the other one to zero.
        instead = {
            "partial": "send several",
            "full": "send several of scope 'partial', with a zero for each SKU that is gone",
        }[body.scope]
        raise problems.RequestTooLarge(
            f"{len(body.rows)} rows; one request may carry {SYNC_ROWS_MAX}: {instead}"
        )
    if "respond-async" in prefer.lower():
        return _started(body, call)
    with call.db() as db:
        return call.once(
            db, scope="POST /inventory/sync", body=body, act=lambda: _taken(db, body, call)
        )


def _taken(
    db: psycopg.Connection,
    body: Sync,
    call: Call,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    result = feeds.sync(
        db,
        mode=body.mode,
        rows=body.rows,
        now=call.now,
        source=body.source,
        basis=body.basis,
        scope=body.scope,
        location=body.location,
        atomic=body.atomic,
        actor=call.actor,
        feed=body.source,
        progress=progress,
    )
    return result.as_dict()


def _started(body: Sync, call: Call) -> JSONResponse:
    """The answer that names the job; a repeat under the same key names the first one again."""
    job_id = uuid4().hex
    with call.db() as db:

        def create() -> dict[str, Any]:
            jobs.create(db, job_id=job_id, kind="sync", total=len(body.rows), now=call.now)
            path = f"{PREFIX}/jobs/{job_id}"
            return {"id": job_id, "state": "queued", "location": path}

        answer = call.once(
            db, scope="POST /inventory/sync async", body=body, act=create, status=202
        )
    told = json.loads(bytes(answer.body))
    answer.headers["Location"] = told["location"]
    answer.headers["Preference-Applied"] = "respond-async"
    if told["id"] == job_id:
        answer.background = BackgroundTask(_run, job_id, body, call)
    return answer


def _run(job_id: str, body: Sync, call: Call) -> None:
    """The job behind a 202; what happens to it is found under its id, also when it fails.

    The rows and the word that they are in are one transaction: a server killed at any moment leaves
    a job that failed with nothing in, or one that succeeded.
    """
    clock = call.server.clock
    with call.db() as db, call.db() as beside, jobs.held(db, job_id):

        def progress(phase: str) -> None:
            jobs.progress(beside, job_id, phase=phase, now=clock())

        progress("reading")
        try:
            retrying(db, lambda: _in_one(db, job_id, body, call, progress))
        except VouchError as refusal:
            jobs.fail(beside, job_id, problem=str(refusal), now=clock())
        except Exception:
            jobs.fail(beside, job_id, problem="failed; see the log", now=clock())
            raise


def _in_one(
    db: psycopg.Connection, job_id: str, body: Sync, call: Call, progress: Callable[[str], None]
) -> None:
    with db.transaction():
        result = _taken(db, body, call, progress)
        jobs.succeed(db, job_id, result=result, now=call.server.clock())


@router.post("/inventory/start-of-day")
def start_of_day(body: StartOfDay, call: StockWriter) -> JSONResponse:
    """Set all counts of a location at once, while its orders, holds and shipments stay right."""
    if len(body.rows) > SYNC_ROWS_MAX:
        raise problems.RequestTooLarge(
            f"{len(body.rows)} rows; one request may carry {SYNC_ROWS_MAX}"
        )

    def act() -> dict[str, Any]:
        return reset(
            db,
            message_id=body.id,
            location=body.location,
            counted_at=body.effective_at,
            rows=body.rows,
            basis=body.basis,
            source=body.source,
            now=call.now,
            actor=call.actor,
        )

    with call.db() as db:
        return call.once(db, scope="POST /inventory/start-of-day", body=body, act=act)


@router.patch("/inventory/{sku}")
def correct(sku: Id, body: Correction, call: StockWriter) -> JSONResponse:
    """Correct one position by a new count or by a difference, with the reason."""
    with call.db() as db:
        return call.once(
            db,
            scope=f"PATCH /inventory/{sku}",
            body=body,
            act=lambda: jsonable(
                store.correct(
                    db,
                    sku=sku,
                    **body.model_dump(exclude={"id"}),
                    message_id=body.id,
                    now=call.now,
                    actor=call.actor,
                )
            ),
        )


@router.post("/inventory/move")
def move(body: Move, call: StockWriter) -> JSONResponse:
    """Move units of a position from one status to another."""
    with call.db() as db:
        return call.once(
            db,
            scope="POST /inventory/move",
            body=body,
            act=lambda: jsonable(
                store.move(
                    db,
                    message_id=body.id,
                    sku=body.sku,
                    location=body.location,
                    units=body.quantity,
                    from_status=body.from_status,
                    to_status=body.to_status,
                    now=call.now,
                    actor=call.actor,
                )
            ),
        )


@router.get("/inventory")
def page(
    *,
    call: Reader,
    location: Id | None = None,
    category: str | None = None,
    state: StockState | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Positions and their units by status."""
    after = decode_cursor(cursor, str, str) if cursor else None
    with call.db() as db:
        found = store.page(
            db,
            location=location,
            category=category,
            state=state,
            vendor=call.principal.vendor,
            after=(str(after[0]), str(after[1])) if after else None,
            limit=limit,
        )
    last = found[-1] if len(found) == limit else None
    more = encode_cursor([str(last["sku"]), str(last["location"])]) if last else None
    return JSONResponse({"items": jsonable(found), "next_cursor": more})


@router.get("/inventory/{sku}")
def read(sku: Id, call: Reader) -> JSONResponse:
    """One SKU per location: units by status, commitments by class, what is on its way."""
    with call.db() as db:
        call.may_see(db, sku)
        return JSONResponse(jsonable(store.of_sku(db, sku, now=call.now)))
