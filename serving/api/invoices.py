"""Invoices of vendors: recorded, matched with order and receipt, and decided on by buyers."""

from typing import Annotated, Literal

import psycopg
from fastapi import APIRouter, Body, Path
from fastapi.responses import JSONResponse

from inventory.errors import NotFound
from inventory.store import invoice_discrepancies, invoices
from serving.api.context import PREFIX, Call, Reader, allow, jsonable
from serving.messages import Cursor, Id, PageLimit
from serving.messages_invoices import Decision, Invoice
from serving.problems import Forbidden

router = APIRouter(prefix=PREFIX, tags=["Orders to vendors"])

Recorder = Annotated[Call, allow("buyer", "vendor", "admin")]
Decider = Annotated[Call, allow("buyer", "admin")]
InvoiceId = Annotated[int, Path(ge=1, le=2**63 - 1)]
State = Literal["open", "approved", "rejected"]
Kind = Literal["not_ordered", "not_received", "quantity", "price", "total", "duplicate", "currency"]


@router.post("/invoices", status_code=201)
def record(body: Invoice, call: Recorder) -> JSONResponse:
    """Keep an invoice; the answer names what does not match. A repeat of `id` changes nothing."""
    if call.principal.role == "vendor" and body.vendor != call.principal.vendor:
        raise Forbidden(f"this key records invoices of vendor '{call.principal.vendor}' alone")
    said = body.model_dump(exclude={"id", "order", "lines"})
    lines = [line.model_dump(exclude_none=True) for line in body.lines]
    with call.db() as db:
        return call.once(
            db,
            scope="POST /invoices",
            body=body,
            act=lambda: jsonable(
                invoices.record_invoice(
                    db,
                    **said,
                    lines=lines,
                    order_id=body.order,
                    document_id=body.id,
                    at=call.now,
                    actor=call.actor,
                    house_currency=call.server.settings.currency,
                )
            ),
            status=201,
            key=body.id,
        )


@router.get("/invoices")
def page(
    *,
    call: Reader,
    state: State | None = None,
    vendor: Id | None = None,
    order: Id | None = None,
    matched: bool | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Invoices, newest first, with what does not match; `payable` where nothing is in the way."""
    with call.db() as db:
        found = invoices.list_invoices(
            db, state=state, vendor=call.vendor_asked(vendor), order_id=order, matched=matched,
            cursor=cursor, limit=limit,
        )  # fmt: skip
    return JSONResponse(jsonable(found))


@router.get("/invoices/{id}")
def read(id: InvoiceId, call: Reader) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One invoice with its lines and what does not match, as of now."""
    with call.db() as db:
        return JSONResponse(jsonable(_visible(db, id, call)))


@router.post("/invoices/{id}/{decision}")
def decide(
    id: InvoiceId,  # noqa: A002
    decision: Literal["approve", "reject"],
    call: Decider,
    body: Annotated[Decision | None, Body()] = None,
) -> JSONResponse:
    """Pay an invoice as it is, or refuse it; say why where it does not match."""
    said = body or Decision()
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /invoices/{id}/{decision}",
            body=said,
            act=lambda: jsonable(
                invoices.decide(
                    db,
                    id,
                    approved=decision == "approve",
                    reason=said.reason,
                    actor=call.actor,
                    now=call.now,
                )
            ),
        )


@router.get("/invoice-discrepancies")
def discrepancies(
    *,
    call: Reader,
    kind: Kind | None = None,
    vendor: Id | None = None,
    order: Id | None = None,
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """What open invoices charge that order and receipt do not bear out, the oldest first."""
    with call.db() as db:
        found = invoice_discrepancies.list_discrepancies(
            db, kind=kind, vendor=call.vendor_asked(vendor), order_id=order, cursor=cursor,
            limit=limit,
        )  # fmt: skip
    return JSONResponse(jsonable(found))


def _visible(db: psycopg.Connection, invoice_id: int, call: Call) -> invoices.Invoice:
    """The invoice, where the caller may see it: to a vendor, another's does not exist."""
    found = invoices.get(db, invoice_id)
    if call.principal.role == "vendor" and found["vendor"] != call.principal.vendor:
        raise NotFound("invoice", str(invoice_id))
    return found
