"""Promises: place a hold, confirm it as an order, extend it, let it go."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.errors import InputRejected, InsufficientStock, UnknownLocation, UnknownSku
from inventory.reservations import AskedLine, Basket
from inventory.reservations import Reservation as Promise
from inventory.store import fulfilment
from inventory.store import reservations as engine
from inventory.store.wanted import Wanted
from serving import metrics
from serving.api.context import PREFIX, Call, PromiseWriter, Staff, answer_of
from serving.messages import Id, Message
from serving.messages_promises import Confirmation, Extension, Release, Reservation

router = APIRouter(prefix=PREFIX, tags=["Promises"])


@router.post("/reservations", status_code=201)
@router.post("/inventory/reserve", status_code=201)
def place(body: Reservation, call: PromiseWriter) -> JSONResponse:
    """Hold units for a basket, all or none; 409 tells per line what was asked and what is left."""
    basket = Basket(
        **body.model_dump(exclude={"lines"}),
        lines=tuple(AskedLine(**line.model_dump()) for line in body.lines),
    )

    want = Wanted(uuid4().hex, basket, call.actor)

    def act(db: psycopg.Connection) -> Promise:
        try:
            return engine.place(
                db, basket, reservation_id=want.reservation_id, now=call.now, actor=call.actor
            )
        except (UnknownSku, UnknownLocation) as error:
            raise _with_row(error, basket) from error

    promises = call.server.promises
    claim = call.claim("POST /reservations", body)
    try:
        if claim is None:
            placed = promises.place(want, now=call.now, act=act)
            answer = JSONResponse(placed.as_dict(), status_code=201)
        else:
            answer = answer_of(promises.place_once(want, claim=claim, now=call.now, act=act))
    except InsufficientStock:
        metrics.PROMISES.labels("refused").inc()
        raise
    metrics.PROMISES.labels("accepted").inc()
    return answer


def _with_row(error: UnknownSku | UnknownLocation, basket: Basket) -> InputRejected:
    """The refusal with the first line that it speaks of, if it is about a line."""
    for row, line in enumerate(basket.lines):
        if isinstance(error, UnknownSku) and line.sku == error.sku:
            return UnknownSku(error.sku, row=row)
        if isinstance(error, UnknownLocation) and line.location == error.location:
            return UnknownLocation(error.location, row=row)
    return error


@router.get("/reservations/{id}")
def read(id: Id, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """A reservation as it stands, and how likely each open line is to be kept."""
    with call.db() as db:
        promise = engine.get(db, id, now=call.now)
        return JSONResponse(fulfilment.with_chances(db, promise, now=call.now).as_dict())


@router.post("/reservations/{id}/confirm")
def confirm(id: Id, body: Confirmation, call: PromiseWriter) -> JSONResponse:  # noqa: A002
    """Turn a live hold into an order. At or after its expiry: 410, or its lines promised anew."""
    return _write(
        call,
        f"POST /reservations/{id}/confirm",
        body,
        lambda db: engine.confirm(
            db,
            id,
            order_id=body.order_id,
            now=call.now,
            actor=call.actor,
            reacquire=body.reacquire,
        ),
    )


@router.post("/reservations/{id}/extend")
def extend(id: Id, body: Extension, call: PromiseWriter) -> JSONResponse:  # noqa: A002
    """Give a live hold a new lifetime, counted from now."""
    return _write(
        call,
        f"POST /reservations/{id}/extend",
        body,
        lambda db: engine.extend(
            db, id, ttl_seconds=body.ttl_seconds, now=call.now, actor=call.actor
        ),
    )


@router.delete("/reservations/{id}")
@router.post("/reservations/{id}/release")
def release(id: Id, call: PromiseWriter) -> JSONResponse:  # noqa: A002
    """Let a hold go; its units can be promised again at once."""
    return _release(call, id)


@router.post("/inventory/release")
def release_named(body: Release, call: PromiseWriter) -> JSONResponse:
    """Let a hold go, named in the body."""
    return _release(call, body.id)


def _release(call: Call, reservation_id: str) -> JSONResponse:
    return _write(
        call,
        f"release {reservation_id}",
        None,
        lambda db: engine.release(db, reservation_id, now=call.now, actor=call.actor),
    )


def _write(
    call: Call,
    scope: str,
    body: Message | None,
    act: Callable[[psycopg.Connection], Promise],
    *,
    status: int = 200,
) -> JSONResponse:
    with call.db() as db:

        def promised() -> dict[str, Any]:
            return act(db).as_dict()

        return call.once(db, scope=scope, body=body, act=promised, status=status)
