"""Replenishment policies: what is kept at a position, when more is ordered, and why."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.errors import UnknownSku
from inventory.store import catalog, planning, policy_recomputes
from inventory.store import policies as store
from inventory.store.retry import retrying
from pipelines.replan import replan
from serving.api.context import PREFIX, CatalogueWriter, Reader, Staff, jsonable
from serving.messages import Cursor, Id, PageLimit
from serving.messages_ordering import Compute

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])


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
