"""Transfers between our own locations: proposed, decided, shipped and received; and their lanes."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from inventory import transfers as rules
from inventory.store import transfer_lanes as lanes
from inventory.store import transfer_proposals as proposals
from inventory.store import transfers as store
from serving.api.context import PREFIX, Call, CatalogueWriter, OrderActor, Staff, jsonable
from serving.messages import Cursor, Id, PageLimit, rows_of
from serving.messages_transfers import Act, Edit, Lane, Proposal, Step
from serving.problems import Forbidden

router = APIRouter(prefix=PREFIX, tags=["Transfers"])


@router.get("/transfers")
def transfers(  # noqa: PLR0917 - one argument per question.
    call: Staff,
    state: str | None = None,
    origin: Id | None = None,
    destination: Id | None = None,
    sku: Id | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Transfers, newest first, optionally of one state, origin, destination or SKU."""
    with call.db() as db:
        page = store.list_transfers(
            db,
            state=state,
            origin=origin,
            destination=destination,
            sku=sku,
            cursor=cursor,
            limit=limit,
        )
    return JSONResponse(jsonable(page))


@router.get("/transfers/{id}")
def transfer(id: Id, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One transfer with its lines, what they save and why, and everything that happened to it."""
    with call.db() as db:
        return JSONResponse(jsonable(store.get_transfer(db, id)))


@router.post("/transfers", status_code=201)
def propose(body: Proposal, call: OrderActor) -> JSONResponse:
    """Propose a transfer by hand. Planning leaves it alone."""
    _check_role("propose", call)
    with call.db() as db:
        return call.once(
            db,
            scope="POST /transfers",
            body=body,
            status=201,
            act=lambda: jsonable(
                proposals.propose_by_hand(
                    db,
                    origin=body.origin,
                    destination=body.destination,
                    lines=[line.model_dump() for line in body.lines],
                    **call.doing,
                    reason=body.reason,
                )
            ),
        )


@router.patch("/transfers/{id}")
def edit(id: Id, body: Edit, call: OrderActor) -> JSONResponse:  # noqa: A002
    """Change quantities before approval; the changed lines are left alone by planning."""
    _check_role("edit", call)
    with call.db() as db:
        return call.once(
            db,
            scope=f"PATCH /transfers/{id}",
            body=body,
            act=lambda: jsonable(
                store.edit(
                    db,
                    id,
                    **call.doing,
                    reason=body.reason,
                    lines=[line.model_dump() for line in body.lines],
                )
            ),
        )


@router.post("/transfers/{id}/{act}")
def perform(
    id: Id,  # noqa: A002
    act: Act,
    call: OrderActor,
    body: Annotated[Step | None, Body()] = None,
) -> JSONResponse:
    """Take a transfer one step further; which roles may depends on the step.

    Approval commits the units at the origin, where it can spare them, and announces them at the
    destination; 409 where it cannot.
    """
    _check_role(act, call)
    step = body or Step()
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /transfers/{id}/{act}",
            body=step,
            act=lambda: jsonable(
                store.act(
                    db,
                    id,
                    act,
                    **call.doing,
                    reason=step.reason,
                    lines=rows_of(step.lines),
                    expected_on=step.expected_on,
                )
            ),
            key=step.id,
        )


@router.get("/transfer-lanes")
def list_lanes(
    call: Staff, origin: Id | None = None, destination: Id | None = None
) -> dict[str, Any]:
    """The ways between our own locations."""
    with call.db() as db:
        found = lanes.read(db, origin=origin, destination=destination)
    return {"lanes": [asdict(lane) for lane in found]}


@router.put("/transfer-lanes/{origin}/{destination}")
def put_lane(origin: Id, destination: Id, body: Lane, call: CatalogueWriter) -> JSONResponse:
    """Say what a way costs, how long it takes and what fits. No way, no transfer."""
    lane = rules.Lane(origin=origin, destination=destination, **body.model_dump())
    with call.db() as db:

        def put() -> dict[str, Any]:
            lanes.put(db, lane)
            return asdict(lane)

        return call.once(db, scope=f"PUT lane {origin} {destination}", body=body, act=put)


@router.delete("/transfer-lanes/{origin}/{destination}", status_code=204)
def remove_lane(origin: Id, destination: Id, call: CatalogueWriter) -> None:
    """Take a way out of use; transfers that are under way stay."""
    with call.db() as db:
        lanes.remove(db, origin=origin, destination=destination)


def _check_role(act: str, call: Call) -> None:
    if not rules.may(act, call.principal.role):
        raise Forbidden(
            f"role '{call.principal.role}' may not {act} a transfer; {rules.who_may(act)} may"
        )
