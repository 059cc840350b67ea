"""Orders: what became of a confirmed promise, step by step to the customer's door or back."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.orders import ActLine, OrderMessage
from inventory.store import orders as engine
from serving.api.context import PREFIX, PromiseWriter, Staff
from serving.messages import Id
from serving.messages_promises import OrderAct

router = APIRouter(prefix=PREFIX, tags=["Promises"])

Act = Literal["allocate", "process", "ship", "cancel", "reject", "return", "redate"]


@router.get("/orders/{id}")
def read(id: Id, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """An order by the id that the order system gave it."""
    with call.db() as db:
        return JSONResponse(engine.get(db, id, now=call.now).as_dict())


@router.post("/orders/{id}/{act}")
def perform(id: Id, act: Act, body: OrderAct, call: PromiseWriter) -> JSONResponse:  # noqa: A002
    """Record what happened to an order; the `id` in the body makes a repeat harmless."""
    message = OrderMessage(
        id=body.id,
        lines=tuple(ActLine(**line.model_dump()) for line in body.lines or ()),
        location=body.location,
        at=body.at,
        reason=body.reason,
        rest=body.rest,
        on=body.on,
        strategy=body.strategy,
    )
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /orders/{id}/{act}",
            body=body,
            act=lambda: (
                engine.perform(db, id, act, message, now=call.now, actor=call.actor).response
            ),
        )
