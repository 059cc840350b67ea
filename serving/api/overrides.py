"""Overrides: what planners state over the forecast, at any level, acting at once."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

import psycopg
from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from inventory.errors import InputRejected, VouchError
from inventory.override_statement import state_override
from inventory.overrides import Override, Scope
from inventory.store import jobs, planning
from inventory.store import overrides as store
from inventory.store.effective_forecasts import read_expected_units
from inventory.store.paging import before_id, encode_cursor
from inventory.store.retry import retrying
from pipelines.replan import replan
from pipelines.settings import own_connection
from serving.api.context import PREFIX, Call, Planner, Staff, jsonable
from serving.messages import Cursor, Id, Message, PageLimit
from serving.messages_overrides import ScopedOverride, SeriesOverride, Why, Withdrawal

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])

SERIES_AT_ONCE_MAX = 100
"""More series than this are planned again behind the answer: a hundred take about a second."""

OverrideId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Reason = Annotated[Why, Query()]


@router.post("/forecasts/{sku}/{location}/overrides", status_code=201)
def state_one(sku: Id, location: Id, body: SeriesOverride, call: Planner) -> JSONResponse:
    """State the demand of one SKU at one location; forecast, buffers and policy follow at once."""
    scope = Scope(sku=sku, location=location)
    return _state(scope, body, call, path=f"/forecasts/{sku}/{location}/overrides")


@router.post("/forecasts/overrides", status_code=201)
def state_any(body: ScopedOverride, call: Planner) -> JSONResponse:
    """State the demand of a SKU, category, vendor, location, group, any mix of them, or in total.

    A quantity is spread over the series below in proportion to their forecasts, and every level
    stays the sum of what is below it. Of overlapping quantities the narrower scope holds, then the
    later one; factors multiply. Beyond 100 series, or while others are planned, buffers and
    policies follow in a job.
    """
    scope = body.scope
    if body.total == bool(scope.named):
        raise InputRejected(
            "name what the override is about: sku, location, category, vendor or group, or else "
            "'total'",
            field="total",
        )
    return _state(scope, body, call, path="/forecasts/overrides")


@router.get("/forecasts/overrides")
def page(
    call: Staff,
    *,
    sku: Id | None = None,
    location: Id | None = None,
    category: Id | None = None,
    vendor: Id | None = None,
    group: Id | None = None,
    active: bool | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Overrides that name these, the latest first; with `active`, only those in force or not."""
    before = before_id(cursor)
    wanted = store.OverrideFilter(sku, location, category, vendor, group, active)
    with call.db() as db:
        found = store.page(db, wanted, at=call.now, before=before, limit=limit)
    more = encode_cursor([found[-1]["override_id"]]) if len(found) == limit else None
    return JSONResponse({"overrides": [told(row) for row in found], "next_cursor": more})


@router.get("/forecasts/overrides/{id}")
def read(id: OverrideId, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One override, also when it acts no more: who withdrew it, when and why."""
    with call.db() as db:
        return JSONResponse(told(store.get(db, id, at=call.now)))


@router.delete("/forecasts/overrides/{id}")
def withdraw(id: OverrideId, reason: Reason, call: Planner) -> JSONResponse:  # noqa: A002
    """Take an override back, and say why; forecast, buffers and policy follow at once."""
    said = Withdrawal(reason=reason)

    def change(db: psycopg.Connection) -> Override:
        return store.withdraw(db, id, reason=reason, actor=call.actor, now=call.now)

    return _changed(call, change, request=f"DELETE /forecasts/overrides/{id}", body=said)


def _state(scope: Scope, body: SeriesOverride, call: Call, *, path: str) -> JSONResponse:
    def change(db: psycopg.Connection) -> Override:
        override = state_override(
            scope=scope,
            first_day=body.from_,
            last_day=body.to,
            reason=body.reason,
            actor=call.actor,
            now=call.now,
            quantity=body.quantity,
            quantity_basis=body.quantity_basis,
            factor=body.factor,
            note=body.note,
            expires_at=body.expires_at,
            confirmed=body.confirm,
        )
        return store.add(db, override)

    return _changed(call, change, request=f"POST {path}", body=body, status=201)


def _changed(
    call: Call,
    change: Callable[[psycopg.Connection], Override],
    *,
    request: str,
    body: Message,
    status: int = 200,
) -> JSONResponse:
    """Change the layer and plan again what it moves, once; a job behind the answer plans many."""
    job_id = uuid4().hex
    with call.db() as db:

        def act() -> dict[str, Any]:
            with db.transaction():
                return _consequences(db, change(db), call, job_id=job_id)

        answer = call.once(
            db, scope=request, body=body, act=lambda: retrying(db, act), status=status
        )
    followed = json.loads(bytes(answer.body))
    if followed["replanned"].get("id") == job_id:
        answer.background = BackgroundTask(_run, job_id, Scope(**followed["scope"]), call)
    return answer


def _consequences(
    db: psycopg.Connection, override: Override, call: Call, *, job_id: str
) -> dict[str, Any]:
    """The override, what it does to the demand of its scope, and what followed."""
    keys = store.series_in(db, override.scope)
    statistical, final = read_expected_units(
        db, keys, first_day=override.first_day, last_day=override.last_day, now=call.now
    )
    skus = sorted({sku for sku, _ in keys})
    if len(keys) <= SERIES_AT_ONCE_MAX and planning.kept_turn(db):
        counts = replan(db, call.server.settings, now=call.now, skus=skus)
        replanned: dict[str, Any] = {"state": "done", **counts}
    else:
        jobs.create(db, job_id=job_id, kind="replan", total=len(skus), now=call.now)
        replanned = {"state": "queued", "id": job_id, "location": f"{PREFIX}/jobs/{job_id}"}
    return told(store.get(db, override.override_id, at=call.now)) | {
        "series": len(keys),
        "expected": {"statistical": round(statistical, 4), "final": round(final, 4)},
        "beside": store.acting_beside(db, override, keys, now=call.now),
        "replanned": replanned,
    }


def _run(job_id: str, scope: Scope, call: Call) -> None:
    """The job: what came of it is found under its id, also when it fails.

    It may wait long for its turn, so on connections of its own.
    """
    clock, settings = call.server.clock, call.server.settings
    with (
        own_connection(settings) as db, own_connection(settings) as beside, jobs.held(db, job_id),
    ):  # fmt: skip
        jobs.progress(beside, job_id, phase="planning", now=clock())
        try:
            retrying(db, lambda: _planned(db, job_id, scope, call))
        except VouchError as refusal:
            jobs.fail(beside, job_id, problem=str(refusal), now=clock())
        except Exception:
            jobs.fail(beside, job_id, problem="failed; see the log", now=clock())
            raise


def _planned(db: psycopg.Connection, job_id: str, scope: Scope, call: Call) -> None:
    with db.transaction():
        skus = sorted({sku for sku, _ in store.series_in(db, scope)})
        counts = replan(db, call.server.settings, now=call.server.clock(), skus=skus)
        jobs.succeed(db, job_id, result=counts, now=call.server.clock())


def told(row: dict[str, Any]) -> dict[str, Any]:
    """One override as the API tells it."""
    quantity: dict[str, Any] = {"factor": row["factor"]}
    if row["quantity"] is not None:
        quantity = {"quantity": row["quantity"], "quantity_basis": row["quantity_basis"]}
    withdrawn = row["withdrawn_at"] and {
        "at": row["withdrawn_at"], "by": row["withdrawn_by"], "reason": row["withdrawn_because"],
    }  # fmt: skip
    scope = {name: row["group_id" if name == "group" else name] for name in store.SCOPE_NAMES}
    answer: dict[str, Any] = jsonable(
        {
            "id": row["override_id"],
            "scope": {name: value for name, value in scope.items() if value is not None},
            "from": row["first_day"],
            "to": row["last_day"],
            **quantity,
            "reason": row["reason"],
            "note": row["note"],
            "created_by": row["created_by"],
            "created_at": row["created_at"],
            "expires_at": row["expires_at"],
            "active": row["active"],
            "withdrawn": withdrawn,
        }
    )
    return answer
