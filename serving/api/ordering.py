"""What buyers state about ordering and moving: terms, order days, and what needs no person."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from inventory.auto_approval import AutoApproval, Subject
from inventory.errors import InputRejected
from inventory.order_calendar import OrderCalendar
from inventory.store import auto_approval, order_calendars, order_terms, transfer_terms
from serving import messages_ordering as messages
from serving.api.context import PREFIX, Call, Staff, allow, jsonable
from serving.messages import Day, Id

router = APIRouter(prefix=PREFIX, tags=["Orders to vendors"])

Buyer = Annotated[Call, allow("buyer", "admin")]

REPORTED_DAYS = 28
"""What a report covers that names no first day."""
REPORTED_DAYS_MAX = 3_660


@router.get("/order-terms/{vendor}")
def read_terms(vendor: Id, call: Staff) -> JSONResponse:
    """Terms of a vendor, or of all by `*`: what was said, and what holds after all."""
    with call.db() as db:
        return JSONResponse(jsonable(order_terms.get(db, vendor)))


@router.put("/order-terms/{vendor}")
def put_terms(vendor: Id, body: messages.OrderTerms, call: Buyer) -> JSONResponse:
    """Set how far deliveries and invoices may differ, and above what two buyers must approve."""

    def act() -> dict[str, Any]:
        found = order_terms.put(db, vendor, now=call.now, actor=call.actor, **body.model_dump())
        told: dict[str, Any] = jsonable(found)
        return told

    with call.db() as db:
        return call.once(db, scope=f"PUT /order-terms/{vendor}", body=body, act=act)


@router.get("/transfer-terms/{origin}", tags=["Transfers"])
def read_transfer_terms(origin: Id, call: Staff) -> JSONResponse:
    """Terms of what leaves a location, or any by `*`: what was said, and what holds after all."""
    with call.db() as db:
        return JSONResponse(jsonable(transfer_terms.get(db, origin)))


@router.put("/transfer-terms/{origin}", tags=["Transfers"])
def put_transfer_terms(origin: Id, body: messages.TransferTerms, call: Buyer) -> JSONResponse:
    """Set above what value two buyers must approve a transfer."""

    def act() -> dict[str, Any]:
        found = transfer_terms.put(db, origin, now=call.now, actor=call.actor, **body.model_dump())
        told: dict[str, Any] = jsonable(found)
        return told

    with call.db() as db:
        return call.once(db, scope=f"PUT /transfer-terms/{origin}", body=body, act=act)


@router.get("/order-calendars")
def list_calendars(call: Staff, *, vendor: Id | None = None) -> JSONResponse:
    """Order days of one vendor or of all."""
    with call.db() as db:
        found = order_calendars.list_calendars(db, vendor=vendor)
    return JSONResponse({"order_calendars": [jsonable(asdict(calendar)) for calendar in found]})


@router.get("/order-calendars/{id}")
def read_calendar(id: Id, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One order calendar."""
    with call.db() as db:
        return JSONResponse(jsonable(asdict(order_calendars.get(db, id))))


@router.put("/order-calendars/{id}")
def put_calendar(id: Id, body: messages.OrderCalendar, call: Buyer) -> JSONResponse:  # noqa: A002
    """Say on which days a vendor takes orders; proposals follow with the next planning run."""
    calendar = OrderCalendar(id=id, **body.model_dump())
    with call.db() as db:
        return call.once(
            db,
            scope=f"PUT /order-calendars/{id}",
            body=body,
            act=lambda: jsonable(asdict(order_calendars.put(db, calendar))),
        )


@router.delete("/order-calendars/{id}", status_code=204)
def remove_calendar(id: Id, call: Buyer) -> None:  # noqa: A002
    """Take a calendar away: what it named may be ordered on any day."""
    with call.db() as db:
        order_calendars.delete(db, id)


@router.get("/auto-approval-rules")
def list_rules(call: Staff) -> JSONResponse:
    """Rules by which orders and transfers need no person, in the order in which they are tried."""
    with call.db() as db:
        found = auto_approval.list_rules(db)
    return JSONResponse({"auto_approval_rules": [jsonable(asdict(rule)) for rule in found]})


@router.get("/auto-approval-rules/{id}")
def read_rule(id: Id, call: Staff) -> JSONResponse:  # noqa: A002
    """One rule."""
    with call.db() as db:
        return JSONResponse(jsonable(asdict(auto_approval.get(db, id))))


@router.put("/auto-approval-rules/{id}")
def put_rule(id: Id, body: messages.AutoApproval, call: Buyer) -> JSONResponse:  # noqa: A002
    """Let orders or transfers be approved by themselves; it acts with the next planning run."""
    rule = AutoApproval(id=id, **body.model_dump())

    def act() -> dict[str, Any]:
        told: dict[str, Any] = jsonable(
            asdict(auto_approval.put(db, rule, actor=call.actor, now=call.now))
        )
        return told

    with call.db() as db:
        return call.once(db, scope=f"PUT /auto-approval-rules/{id}", body=body, act=act)


@router.delete("/auto-approval-rules/{id}", status_code=204)
def remove_rule(id: Id, call: Buyer) -> None:  # noqa: A002
    """Take a rule away; what it approved stays approved."""
    with call.db() as db:
        auto_approval.delete(db, id)


FirstDay = Annotated[Day | None, Query(alias="from")]


@router.get("/order-approvals")
def approvals(call: Staff, *, from_: FirstDay = None, to: Day | None = None) -> JSONResponse:
    """How many orders were approved in these days, and what share of them by rules alone."""
    return _report(call, from_, to, subject="purchase_order")


@router.get("/transfer-approvals", tags=["Transfers"])
def transfer_approvals(
    call: Staff, *, from_: FirstDay = None, to: Day | None = None
) -> JSONResponse:
    """How many transfers were approved in these days, and what share of them by rules alone."""
    return _report(call, from_, to, subject="transfer")


def _report(call: Call, from_: Day | None, to: Day | None, *, subject: Subject) -> JSONResponse:
    last = to or call.now.date()
    first = from_ or last - timedelta(days=REPORTED_DAYS - 1)
    if not 0 <= (last - first).days < REPORTED_DAYS_MAX:
        raise InputRejected(f"must be after 'from', by at most {REPORTED_DAYS_MAX} days",
                            field="to")  # fmt: skip
    with call.db() as db:
        found = auto_approval.report(db, first=first, last=last, subject=subject)
    return JSONResponse(jsonable(found))
