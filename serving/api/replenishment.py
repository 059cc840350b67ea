"""What planning could not do by itself: exceptions, changes that wait, and what people refused."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import Field

from inventory.store import order_refusals, planning_exceptions, policy_changes
from inventory.store.paging import before_id, encode_cursor
from serving.api.context import PREFIX, CatalogueWriter, Planner, Staff, jsonable
from serving.messages import Cursor, Id, Message, PageLimit, Text

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])

ID_MAX = 2**62

State = Literal["applied", "held", "approved", "refused", "lapsed"]


class Decision(Message):
    """Why a change of a policy is put in force or refused, or a refusal lifted."""

    reason: Annotated[Text, Field(min_length=1)]


@router.get("/replenishment/exceptions")
def exceptions(
    *,
    call: Staff,
    kind: Text | None = None,
    sku: Id | None = None,
    vendor: Id | None = None,
    open: bool = True,  # noqa: A002 - the word of the query.
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """What stands in the way of a good plan, each with its remedy; newest first.

    One that `blocks` left a policy or an order out; any other was planned with what there is. It is
    resolved by the next run that no longer sees it.
    """
    with call.db() as db:
        found = planning_exceptions.list_exceptions(
            db, kind=kind, sku=sku, vendor=vendor, open_only=open, before=before_id(cursor),
            limit=limit,
        )  # fmt: skip
    more = encode_cursor([found[-1]["id"]]) if len(found) == limit else None
    return JSONResponse(jsonable({"exceptions": found, "next_cursor": more}))


@router.get("/policy-changes")
def changes(
    *,
    call: Staff,
    sku: Id | None = None,
    location: Id | None = None,
    state: State | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Changes of policies with what was, what is and why; those `held` wait for a planner."""
    with call.db() as db:
        found = policy_changes.list_changes(
            db, sku=sku, location=location, state=state, before=before_id(cursor), limit=limit
        )
    more = encode_cursor([found[-1]["id"]]) if len(found) == limit else None
    return JSONResponse(jsonable({"changes": found, "next_cursor": more}))


@router.post("/policy-changes/{id}/{act}")
def decide(
    id: Annotated[int, Path(ge=0, le=ID_MAX)],  # noqa: A002
    act: Literal["approve", "refuse"],
    body: Decision,
    call: Planner,
) -> JSONResponse:
    """Put a change that waits in force, or leave the policy as it is."""
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /policy-changes/{id}/{act}",
            body=body,
            act=lambda: jsonable(
                policy_changes.decide(
                    db, id, approve=act == "approve", actor=call.actor, reason=body.reason,
                    now=call.now,
                )
            ),
        )  # fmt: skip


@router.get("/order-refusals")
def refusals(
    *,
    call: Staff,
    sku: Id | None = None,
    location: Id | None = None,
    held: bool = True,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Lines that people took out of proposals or rejected: who, when, why, and until when planning
    holds the need back; those that hold no more too with `held=false`. Newest first.
    """
    days = call.server.settings.refused_order_days
    with call.db() as db:
        found = order_refusals.list_refusals(
            db, now=call.now, days=days, sku=sku, location=location, held_only=held,
            before=before_id(cursor), limit=limit,
        )  # fmt: skip
    more = encode_cursor([found[-1]["id"]]) if len(found) == limit else None
    return JSONResponse(jsonable({"refusals": found, "next_cursor": more}))


@router.post("/order-refusals/{id}/lift")
def lift(
    id: Annotated[int, Path(ge=0, le=ID_MAX)],  # noqa: A002
    body: Decision,
    call: CatalogueWriter,
) -> JSONResponse:
    """Have the next run of planning propose it again, where it is still needed."""
    days = call.server.settings.refused_order_days
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /order-refusals/{id}/lift",
            body=body,
            act=lambda: jsonable(
                order_refusals.lift(
                    db, id, actor=call.actor, reason=body.reason, now=call.now, days=days
                )
            ),
        )
