"""Order sourcing: which locations should send what, and why; reserved at once if so wished."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.geography import Point
from inventory.reservations import AskedLine
from inventory.sourcing import SourcingRules, Weights
from inventory.sourcing_request import SourcingTerms, Wish
from inventory.store import sourcing as engine
from serving.api.context import PREFIX, Sourcer
from serving.messages_sourcing import BatchOrder, Propose, ProposeMany, Reserve, Terms

router = APIRouter(prefix=PREFIX, tags=["Sourcing"])


@router.post("/sourcing/propose")
def propose(body: Propose, call: Sourcer) -> JSONResponse:
    """The best way to send one order, explained; `reserve` holds it in the same transaction."""
    name = (body.reserve and body.reserve.order_id) or uuid4().hex
    wish, terms = _wish(body, name), _terms(body)
    with call.db() as db:
        if body.reserve is None:
            (proposal,) = engine.propose(db, [wish], terms, now=call.now)
            return JSONResponse(proposal)
        hold = _hold(body.reserve, body.reserve.order_id)

        def act() -> dict[str, Any]:
            decision = engine.reserve_one(db, wish, terms, hold, now=call.now, actor=call.actor)
            return decision.as_dict()

        return call.once(db, scope="POST /sourcing/propose", body=body, act=act, status=201)


@router.post("/sourcing/propose-many")
def propose_many(body: ProposeMany, call: Sourcer) -> JSONResponse:
    """The best way to send many orders together; what cannot be met is told."""
    wishes, terms = [_wish(order, order.id) for order in body.orders], _terms(body)
    with call.db() as db:
        reserve = body.reserve
        if reserve is None:
            found = engine.propose(db, wishes, terms, now=call.now)
            return JSONResponse({"results": found})
        holds = [_hold(reserve, wish.id) for wish in wishes]

        def act() -> dict[str, Any]:
            decided = engine.reserve(db, wishes, terms, holds, now=call.now, actor=call.actor)
            return {"results": [decision.as_dict() for decision in decided]}

        return call.once(db, scope="POST /sourcing/propose-many", body=body, act=act, status=201)


def _hold(reserve: Reserve, order_id: str | None) -> engine.Hold:
    return engine.Hold(uuid4().hex, reserve.kind, reserve.ttl_seconds, order_id)


def _wish(body: Propose | BatchOrder, name: str) -> Wish:
    return Wish(
        name,
        tuple(AskedLine(line.sku, line.quantity) for line in body.lines),
        Point(body.destination.latitude, body.destination.longitude),
        priority=body.priority,
        exclude=frozenset(body.exclude),
    )


def _terms(body: Terms) -> SourcingTerms:
    weights = Weights(body.weights.time, body.weights.cost, body.weights.performance)
    return SourcingTerms(
        SourcingRules(body.strategy, weights, body.split_penalty),
        channel=body.channel or "",
        method=body.method,
        group=body.group,
        on=body.on,
        splits_max=body.max_splits,
        allow_partial=body.allow_partial,
    )
