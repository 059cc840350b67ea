"""Dated supply on its way to a position, and its arrival."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.store import approvals
from inventory.store import inbound as store
from serving import auth
from serving.api.context import PREFIX, Call, Staff, allow, jsonable
from serving.messages import Id
from serving.messages_stock import Approval, Inbound, Receipt

router = APIRouter(prefix=PREFIX, tags=["Stock"])

SupplyWriter = Annotated[Call, allow("buyer", *auth.STOCK_WRITERS)]


def _told(inbound: dict[str, Any]) -> dict[str, Any]:
    """`quantity` is what was announced, as it was sent; `open` is what of it is still to come."""
    still_to_come = inbound["quantity"]
    announced = still_to_come + inbound["received_units"]
    answer: dict[str, Any] = jsonable(inbound | {"quantity": announced, "open": still_to_come})
    return answer


@router.get("/inbound/{id}")
def read(id: Id, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One inbound, and how much of it has arrived."""
    with call.db() as db:
        return JSONResponse(_told(store.get(db, id)))


@router.put("/inbound/{id}")
def put(id: Id, body: Inbound, call: SupplyWriter) -> JSONResponse:  # noqa: A002
    """Add an inbound, re-date it, change its quantity or its state."""
    with call.db() as db:
        return call.once(
            db,
            scope=f"PUT /inbound/{id}",
            body=body,
            act=lambda: _told(store.put(db, inbound_id=id, **body.model_dump(), now=call.now)),
        )


@router.post("/inbound/{id}/receive")
def receive(id: Id, body: Receipt, call: SupplyWriter) -> JSONResponse:  # noqa: A002
    """Book units that have arrived; the `id` in the body makes a repeat harmless."""
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /inbound/{id}/receive",
            body=body,
            act=lambda: jsonable(
                store.receive(
                    db,
                    id,
                    **body.model_dump(exclude={"id"}),
                    message_id=body.id,
                    now=call.now,
                    actor=call.actor,
                )
            ),
        )


@router.post("/inbound/{id}/approve")
def approve(id: Id, body: Approval, call: SupplyWriter) -> JSONResponse:  # noqa: A002
    """Decide on goods that arrived where receipts want approval; a repeat of `id` is harmless."""
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /inbound/{id}/approve",
            body=body,
            act=lambda: approvals.approve(
                db,
                id,
                message_id=body.id,
                quantity=body.quantity,
                status=body.status,
                now=call.now,
                actor=call.actor,
            ),
        )
