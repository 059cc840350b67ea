"""Orders on their way to vendors: where each vendor wants them, and what became of each."""

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from inventory.errors import StateConflict
from inventory.store import dispatches as store
from inventory.store import vendor_dispatch
from serving.api.context import PREFIX, CatalogueWriter, Staff, jsonable
from serving.messages import Id
from serving.messages_documents import DocumentsAsked, VendorDispatch

router = APIRouter(prefix=PREFIX, tags=["Orders to vendors"])

MEDIA_TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


@router.put("/vendors/{id}/dispatch")
def put_settings(id: Id, body: VendorDispatch, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Say where a vendor wants its orders; what waited for an address is sent within a minute."""
    settings = body.settings(id)

    def put() -> dict[str, Any]:
        vendor_dispatch.put(db, settings, actor=call.actor, now=call.now)
        found: dict[str, Any] = jsonable(asdict(settings))
        return found

    with call.db() as db:
        return call.once(db, scope=f"PUT /vendors/{id}/dispatch", body=body, act=put)


@router.get("/vendors/{id}/dispatch")
def read_settings(id: Id, call: Staff) -> JSONResponse:  # noqa: A002
    """Where a vendor's orders go: as was set, else by mail to its address in the catalogue."""
    with call.db() as db:
        found = vendor_dispatch.get(db, id)
    told = {"vendor": id, "channel": None} if found is None else asdict(found)
    return JSONResponse(jsonable(told))


@router.delete("/vendors/{id}/dispatch", status_code=204)
def remove_settings(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Back to mail to the vendor's address in the catalogue."""
    with call.db() as db:
        vendor_dispatch.remove(db, id)


@router.get("/dispatches")
def page(call: Staff, asked: Annotated[DocumentsAsked, Depends()]) -> JSONResponse:
    """Documents to vendors, newest first; `state=blocked` and `failed` need a person."""
    with call.db() as db:
        return JSONResponse(jsonable(store.page(db, **asdict(asked))))


@router.get("/dispatches/{number}")
def read(number: Id, call: Staff) -> JSONResponse:
    """One document: what it says, where it went, and what is wrong if it did not arrive."""
    with call.db() as db:
        return JSONResponse(jsonable(store.get(db, number)))


@router.get("/dispatches/{number}/{form}", response_class=Response)
def paper(number: Id, form: Literal["pdf", "csv"], call: Staff) -> Response:
    """The document as it goes by mail."""
    from serving.connectors import dispatch, order_pdf, order_text
    from serving.connectors.delivery import NotPossible

    settings = call.server.settings
    with call.db() as db:
        found = store.get(db, number)
    try:
        document = dispatch.document_of(found, settings)
    except NotPossible as why:
        raise StateConflict("dispatch", number, state=f"not ready: {why}", act="print") from why
    if form == "pdf":
        content = order_pdf.write_pdf(
            document, buyer=settings.company_name, buyer_address=settings.company_address
        )
    else:
        content = order_text.write_csv(document)
    name = f"attachment; filename*=UTF-8''{quote(number, safe='')}.{form}"
    return Response(content, media_type=MEDIA_TYPES[form], headers={"Content-Disposition": name})


@router.post("/dispatches/{number}/retry")
def retry(number: Id, call: CatalogueWriter) -> JSONResponse:
    """Try again within a minute what failed or waits."""

    def act() -> dict[str, Any]:
        found: dict[str, Any] = jsonable(store.retry(db, number, now=call.now))
        return found

    with call.db() as db:
        return call.once(db, scope=f"POST /dispatches/{number}/retry", body=None, act=act)
