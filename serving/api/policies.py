"""Replenishment policies: what is kept at a position, when more is ordered, and why."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.errors import UnknownSku
from inventory.store import catalog, planning, policy_recomputes
from inventory.store import policies as store
from inventory.store.retry import retrying
from pipelines.replan import planning_moment, replan
from pipelines.tried_terms import Changes
from pipelines.what_if import read_question, what_if
from serving import messages_policies as messages
from serving.api.context import PREFIX, Call, CatalogueWriter, Reader, Staff, allow, jsonable
from serving.messages import Cursor, Id, PageLimit
from serving.messages_ordering import Compute

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])

Trier = Annotated[Call, allow("planner", "buyer", "admin")]


@router.get("/policies")
def listed(
    *,
    call: Staff,
    sku: Id | None = None,
    location: Id | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Policies by SKU and location, each with its terms and where its settings come from."""
    with call.db() as db:
        found = store.list_policies(db, sku=sku, location=location, cursor=cursor, limit=limit)
    return JSONResponse(jsonable(found))


@router.get("/policies/{sku}/{location}")
def read(sku: Id, location: Id, call: Reader) -> dict[str, Any]:
    """Safety stock, reorder point, order quantity and order-up-to level, term by term."""
    with call.db() as db:
        call.may_see(db, sku)
        return store.read_policy(db, sku, location)


@router.post("/policies/compute")
def compute(body: Compute, call: CatalogueWriter) -> JSONResponse:
    """Work out policies, proposals and alerts of some SKUs now, and of what is ordered with them.

    Where somebody else plans at the moment, the answer is `queued`: it follows within a minute. A
    change of a policy beyond its bound waits for a planner, as always.
    """
    with call.db() as db:

        def act() -> dict[str, Any]:
            with db.transaction():
                if unknown := catalog.unknown(db, skus=body.skus, locations=[])[0]:
                    raise UnknownSku(min(unknown))
                if not planning.kept_turn(db):
                    policy_recomputes.ask(db, body.skus, because=f"asked by {call.actor}")
                    return {"state": "queued"}
                counts = replan(
                    db, call.server.settings, now=call.now, skus=sorted(set(body.skus)), asked=False
                )
                return {"state": "done", **counts}

        return call.once(
            db, scope="POST /policies/compute", body=body, act=lambda: retrying(db, act)
        )


@router.post("/policies/what-if")
def tried(body: messages.WhatIf, call: Trier) -> JSONResponse:
    """What another policy would come to in the days ahead, beside the present one.

    Both are worked out as the daily job does, and played along sample paths of the forecast in
    force, from the stock and supply there are. Nothing is changed.
    """
    given = body.model_dump(exclude={"sku", "location", "days", "lost_sales"})
    changes = Changes(**given)
    changes.check()
    settings = call.server.settings
    with call.db() as db:
        now = planning_moment(db, now=call.now)
        question = read_question(db, body.sku, body.location, settings, now=now)
    # The connection is free again: what follows is arithmetic, of about a second.
    answer = what_if(
        question, changes, days=body.days, lost_sales=body.lost_sales, seed=settings.seed
    )
    return JSONResponse(jsonable(asdict(answer)))
