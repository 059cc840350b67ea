"""Orders to vendors: proposed by the planning run, decided by people, reported on by vendors."""

from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from inventory import purchase_orders as rules
from inventory.errors import NotFound
from inventory.store import purchase_orders as store
from inventory.store.act_history import nameless
from serving.api.context import PREFIX, Call, OrderActor, Reader, jsonable
from serving.connectors import leaving
from serving.messages import Cursor, Id, PageLimit, rows_of
from serving.messages_purchase_orders import Act, Edit, Sort, Step, Urgency
from serving.problems import Forbidden

router = APIRouter(prefix=PREFIX, tags=["Orders to vendors"])


@router.get("/purchase-orders")
def orders(
    *,
    call: Reader,
    state: str | None = None,
    vendor: Id | None = None,
    location: Id | None = None,
    urgency: Urgency | None = None,
    sort: Sort = "newest",
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Orders, optionally of one state, vendor, location or urgency; newest, most urgent or dearest
    first. Each tells when stock runs out without it, how long it lasts and which sales it saves.
    By urgency: open ones, unless a state is given; by class, then stock-out day, then money saved.
    """
    with call.db() as db:
        page = store.list_orders(
            db, state=state, vendor=call.vendor_asked(vendor), location=location, urgency=urgency,
            sort=sort, sent_only=call.principal.role == "vendor", cursor=cursor, limit=limit,
        )  # fmt: skip
    page["orders"] = [_answer(found, call) for found in page["orders"]]
    return JSONResponse(page)


@router.get("/purchase-orders/{id}")
def order(id: Id, call: Reader) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One order with its lines, their explanation, and everything that happened to it."""
    with call.db() as db:
        return JSONResponse(_answer(_visible(db, id, call), call))


@router.patch("/purchase-orders/{id}")
def edit(id: Id, body: Edit, call: OrderActor) -> JSONResponse:  # noqa: A002
    """Change quantities or the date; the changed lines are left alone by planning.

    What breaks packs, minimum or maximum is refused unless `override` is true. With `version`, only
    the order that was read is changed, as with every step: else 409, with what changed since.
    """
    _check_role("edit", call)
    with call.db() as db:
        return call.once(
            db,
            scope=f"PATCH /purchase-orders/{id}",
            body=body,
            act=lambda: jsonable(
                store.edit(
                    db,
                    id,
                    **call.doing,
                    reason=body.reason,
                    lines=rows_of(body.lines),
                    expected_on=body.expected_on,
                    override=body.override,
                    version=body.version,
                )
            ),
        )


@router.post("/purchase-orders/{id}/{act}")
def perform(
    id: Id,  # noqa: A002
    act: Act,
    call: OrderActor,
    body: Annotated[Step | None, Body()] = None,
) -> JSONResponse:
    """Take an order one step further; which roles may depends on the step.

    What `send` answers tells under `dispatch` if the order cannot leave, and why.
    """
    _check_role(act, call)
    step = body or Step()
    with call.db() as db:
        _visible(db, id, call)
        return call.once(
            db,
            scope=f"POST /purchase-orders/{id}/{act}",
            body=step,
            act=lambda: _answer(
                leaving.checked(
                    db,
                    store.act(
                        db,
                        id,
                        act,
                        **call.doing,
                        reason=step.reason,
                        lines=rows_of(step.lines),
                        at=step.received_at,
                        version=step.version,
                        # A delivery is booked once, whoever tells of it again.
                        document_id=step.id if act in rules.TOLD_ONCE else None,
                    ),
                    call.server.settings,
                    now=call.now,
                ),
                call,
            ),
            key=step.id,
        )


def _check_role(act: str, call: Call) -> None:
    if not rules.may(act, call.principal.role):
        raise Forbidden(
            f"role '{call.principal.role}' may not {act} a purchase order; {rules.who_may(act)} may"
        )


def _visible(db: psycopg.Connection, purchase_order_id: str, call: Call) -> dict[str, Any]:
    """The order, where the caller may see it: to a vendor, only its own exist, and once sent."""
    found = store.get_order(db, purchase_order_id)
    hidden = found["vendor"] != call.principal.vendor or found["state"] in rules.UNSENT_STATES
    if call.principal.role == "vendor" and hidden:
        raise NotFound("purchase order", purchase_order_id)
    return found


OURS = (
    "urgency", "stock_out_on", "cover_days", "revenue_protected", "calendar", "approved_by",
    "approved_by_names", "approvals_needed", "second_approval_above",
)  # fmt: skip
OURS_OF_LINES = ("explanation", "worth", "run_id", "firmed")
"""What an order is to us: its vendor does not read our forecast, stock and margin."""


def _answer(order: dict[str, Any], call: Call) -> dict[str, Any]:
    """The order as the caller reads it."""
    if call.principal.role == "vendor":
        lines = [_without(line, OURS_OF_LINES) for line in order["lines"]]
        order = _without(order, (*OURS, "dispatch")) | {"lines": lines}
        if "events" in order:
            order["events"] = [
                nameless(event)
                for event in order["events"]
                if event["act"] in rules.TOLD_TO_VENDORS
            ]
    told: dict[str, Any] = jsonable(order)
    return told


def _without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
