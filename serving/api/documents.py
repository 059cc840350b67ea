"""What vendors send of orders: applied as it comes, or kept for a person with the reason."""

import hashlib
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query
from fastapi.responses import JSONResponse, Response

from inventory.store import documents as store
from serving.api.context import PREFIX, CatalogueWriter, OrderActor, Staff, jsonable
from serving.messages import TEXT_CHARS_MAX, Id
from serving.messages_documents import DocumentsAsked
from serving.problems import RequestTooLarge

router = APIRouter(prefix=PREFIX, tags=["Orders to vendors"])

BYTES_MAX = 1024 * 1024
"""An invoice of a thousand lines has 100 kB; reading much more would keep promises waiting."""

APPLIED_AT_ONCE_MAX = 50
"""Documents applied within a request: the others are `pending`, and applied within a minute."""

DocumentId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Reason = Annotated[str, Query(min_length=1, max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")]


@router.post("/documents")
def send(
    content: Annotated[bytes, Body(media_type="application/octet-stream")],
    call: OrderActor,
    name: Id | None = None,
) -> JSONResponse:
    """Hand in a file of X12 (855, 856, 810, 997) or EDIFACT (ORDRSP, DESADV, INVOIC) as it is.

    Each document in it is applied, or set aside with a reason; the answer says which. The same
    content under the same name is taken once, and a repeat is told what became of it.
    """
    from serving.connectors import intake

    if len(content) > BYTES_MAX:
        raise RequestTooLarge(
            f"a file may have {BYTES_MAX // 1024} KiB here; split it, or bring it by SFTP"
        )
    with call.db() as db:
        file_id, found = intake.take(
            db,
            content,
            source=f"http:{call.principal.key_id}",
            name=name or hashlib.sha256(content).hexdigest(),
            came_from=call.principal.vendor,
            actor=call.actor,
            settings=call.server.settings,
            now=call.now,
            apply_max=APPLIED_AT_ONCE_MAX,
        )
    return JSONResponse({"file": file_id, "documents": jsonable(found)})


@router.get("/documents")
def page(call: Staff, asked: Annotated[DocumentsAsked, Depends()]) -> JSONResponse:
    """Documents of vendors, newest first; `state=quarantined`: those that wait for a person."""
    with call.db() as db:
        return JSONResponse(jsonable(store.page(db, **asdict(asked))))


@router.get("/documents/{id}")
def read(id: DocumentId, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """One document: what it says, what it led to, or why it was set aside."""
    with call.db() as db:
        return JSONResponse(jsonable(store.get(db, id)))


@router.get("/documents/{id}/file", response_class=Response)
def file(id: DocumentId, call: Staff) -> Response:  # noqa: A002
    """The file in which it came, byte for byte."""
    with call.db() as db:
        content = store.content(db, store.get(db, id)["file"]).content
    headers = {"Content-Disposition": f'attachment; filename="document-{id}.edi"'}
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.post("/documents/{id}/retry")
def retry(id: DocumentId, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Try a document again after mending what was wrong; an unreadable file is read again."""
    from serving.connectors import intake

    def act() -> dict[str, Any]:
        found = intake.retry(db, id, actor=call.actor, settings=call.server.settings, now=call.now)
        return {"documents": jsonable(found)}

    with call.db() as db:
        return call.once(db, scope=f"POST /documents/{id}/retry", body=None, act=act)


@router.delete("/documents/{id}")
def dismiss(id: DocumentId, reason: Reason, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Take a document off the list that a person saw to by other means, and say why."""
    with call.db() as db:
        row = store.dismiss(db, id, why=reason, actor=call.actor, now=call.now)
    return JSONResponse(jsonable(row))
