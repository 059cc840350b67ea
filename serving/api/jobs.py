"""Work that runs behind a request."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from inventory.store import jobs as store
from serving.api.context import PREFIX, Staff, jsonable
from serving.messages import Id

router = APIRouter(prefix=PREFIX, tags=["Stock"])


@router.get("/jobs/{id}")
def read(id: Id, call: Staff) -> JSONResponse:  # noqa: A002 - the name in the path.
    """How far a job is, and its result once it is done."""
    with call.db() as db:
        found = store.look(db, id, now=call.server.clock())
    return JSONResponse({"id": found.pop("job_id"), **jsonable(found)})
