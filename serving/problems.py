"""One table from refusals to HTTP: every error leaves as `application/problem+json` (RFC 9457).

A problem has a stable `type`, a `title`, the `status`, a `detail` for people, and the data of the
refusal: the field or row, what was asked and what is available. Never a stack trace.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from inventory import errors

log = logging.getLogger("vouch")

TYPE_PREFIX = "https://vouch.dev/problems/"
"""Types are names, not pages to open: clients compare them."""


class Unauthenticated(errors.VouchError):
    """No key, or one that is not ours."""

    def __init__(self) -> None:
        super().__init__(
            "send a valid key as `Authorization: Bearer KEY`; "
            "`vouch keys create --role ROLE` makes one"
        )


class Forbidden(errors.VouchError):
    """The key is good, but its role may not do this."""


class RequestTooLarge(errors.VouchError):
    """More bytes or rows than one request may carry."""


class TooManyRequests(errors.VouchError):
    """The key has used up its allowance for the moment."""

    def __init__(self, *, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"too many requests for this key; try again in {retry_after_seconds} s")


class PromotionRefused(errors.VouchError):
    """A model is worse than the champion, or was never compared with it."""

    def __init__(self, version: str, reason: str, verdict: Mapping[str, Any]) -> None:
        self.verdict = verdict
        super().__init__(f"version {version} is not promoted: {reason}")


@dataclass(frozen=True, slots=True)
class Kind:
    """How one class of refusal looks from outside."""

    status: HTTPStatus
    slug: str
    title: str


KINDS: dict[type[errors.VouchError], Kind] = {
    errors.InputRejected: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "The input is wrong"
    ),
    errors.UnknownSku: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-sku", "No such SKU"),
    errors.UnknownLocation: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-location", "No such location"
    ),
    errors.NotFound: Kind(HTTPStatus.NOT_FOUND, "not-found", "Nothing has that id"),
    errors.InsufficientStock: Kind(
        HTTPStatus.CONFLICT, "insufficient-stock", "More was asked for than can be promised"
    ),
    errors.ReservationExpired: Kind(
        HTTPStatus.GONE, "reservation-expired", "The reservation has expired"
    ),
    errors.EventsExpired: Kind(
        HTTPStatus.GONE, "events-expired", "Events asked for are not kept any more"
    ),
    errors.StateConflict: Kind(
        HTTPStatus.CONFLICT, "state-conflict", "Not allowed from the present state"
    ),
    errors.VersionConflict: Kind(
        HTTPStatus.CONFLICT, "version-conflict", "It changed since it was read"
    ),
    errors.IdempotencyConflict: Kind(
        HTTPStatus.CONFLICT, "idempotency-conflict", "The id was used for something else"
    ),
    errors.Unavailable: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "A part that is needed cannot be used"
    ),
    PromotionRefused: Kind(
        HTTPStatus.CONFLICT, "promotion-refused", "The model may not take the champion's place"
    ),
    Unauthenticated: Kind(HTTPStatus.UNAUTHORIZED, "unauthenticated", "A valid key is needed"),
    Forbidden: Kind(HTTPStatus.FORBIDDEN, "forbidden", "This key may not do that"),
    RequestTooLarge: Kind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", "The request is too large"
    ),
    TooManyRequests: Kind(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
}


def _told(kind: str, description: str) -> dict[str, str]:
    return {"type": kind, "description": description}


_PROBLEM = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _told("string", f"What kind of problem, as `{TYPE_PREFIX}insufficient-stock`."),
        "title": _told("string", "The kind in words."),
        "status": _told("integer", "The status of the response."),
        "detail": _told("string", "What is wrong and what to do about it, for people."),
        "field": _told("string", "The first field that is wrong."),
        "row": _told("integer", "The first row, line or item that is wrong, from 0."),
        "errors": _told("array", "All fields that are wrong, each with its problem."),
        "lines": _told("array", "What there is too little of: asked, available, and when all is."),
        "version": _told("integer", "Of what changed since it was read: where it is now."),
        "changes": _told("array", "What happened to it since then: act, actor, when and why."),
    },
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Refused, with the reason (RFC 9457).",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
}
"""How the description of the API tells of everything that is not a success."""


def kind_of(error: errors.VouchError) -> Kind:
    """The row of the table for an error, or for its nearest base class."""
    return next(KINDS[base] for base in type(error).__mro__ if base in KINDS)


def body_of(error: errors.VouchError) -> dict[str, Any]:
    """The problem document of a refusal."""
    if isinstance(error, errors.NotFound) and error.kind == "group":
        return _unknown_group(error)
    kind = kind_of(error)
    data = _news_of(error) if isinstance(error, errors.VersionConflict) else _data_of(error)
    return document(kind.status, kind.slug, kind.title, str(error)) | data


def _unknown_group(error: errors.NotFound) -> dict[str, Any]:
    """A group, like a SKU or a location, is a field of what was asked and has no page to miss."""
    remedy = f"group '{error.key}' is not in the catalogue; add it with PUT /api/v2/groups/ID"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return document(status, "unknown-group", "No such group", remedy) | {"field": "group"}


def document(status: int, slug: str, title: str, detail: str) -> dict[str, Any]:
    """The four members that every problem has."""
    return {"type": TYPE_PREFIX + slug, "title": title, "status": int(status), "detail": detail}


def _data_of(error: errors.VouchError) -> dict[str, Any]:
    data: dict[str, Any] = {}
    match error:
        case errors.InsufficientStock():
            data = {"lines": [_shortage(shortage) for shortage in error.shortages]}
        case errors.InputRejected():
            data = {"field": error.field, "row": error.row}
        case errors.StateConflict():
            data = {"kind": error.kind, "id": error.key, "state": error.state, "act": error.act}
        case errors.ReservationExpired():
            data = {"id": error.reservation_id}
        case errors.EventsExpired():
            data = {"after": error.after, "oldest": error.oldest}
        case errors.NotFound():
            data = {"kind": error.kind, "id": error.key}
        case errors.IdempotencyConflict():
            data = {"id": error.key}
        case PromotionRefused():
            data = {"verdict": dict(error.verdict)}
        case TooManyRequests():
            data = {"retry_after_seconds": error.retry_after_seconds}
    return {name: value for name, value in data.items() if value is not None}


def _news_of(error: errors.VersionConflict) -> dict[str, Any]:
    """The version now, and what happened since the one that the caller read."""
    changes = [{**change, "at": change["at"].isoformat()} for change in error.changes]
    return {
        "kind": error.kind,
        "id": error.key,
        "seen": error.seen,
        "version": error.version,
        "changes": changes,
    }


def _shortage(shortage: errors.Shortage) -> dict[str, Any]:
    earliest = shortage.earliest_date
    when = {} if earliest is None else {"earliest_date": earliest.isoformat()}
    return when | {
        "sku": shortage.sku,
        "group" if shortage.in_group else "location": shortage.place,
        "date": shortage.day.isoformat(),
        "asked": shortage.asked_units,
        "available": shortage.available_units,
    }


def response(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem document as an HTTP response."""
    return JSONResponse(
        dict(body),
        status_code=body["status"],
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def install(app: FastAPI) -> None:
    """Make every error of `app`, expected or not, leave as a problem document."""
    app.add_exception_handler(errors.VouchError, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for broken in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        app.add_exception_handler(broken, _database_away)
    app.add_exception_handler(psycopg.IntegrityError, _database_refused)
    app.add_exception_handler(psycopg.DataError, _database_refused)
    app.add_exception_handler(Exception, _unexpected)


def _refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.VouchError)
    body = body_of(error)
    if _is_named_in_path(request, error):
        body["status"] = HTTPStatus.NOT_FOUND.value
    return response(body, _headers(error))


def _is_named_in_path(request: Request, error: errors.VouchError) -> bool:
    """An unknown SKU is a wrong field inside a body, but a missing page in a path."""
    match error:
        case errors.UnknownSku():
            return bool(request.path_params.get("sku") == error.sku)
        case errors.UnknownLocation():
            return bool(request.path_params.get("location") == error.location)
        case errors.NotFound(kind="group"):
            return bool(request.path_params.get("id") == error.key)
    return False


def _headers(error: errors.VouchError) -> dict[str, str]:
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case TooManyRequests():
            return {"Retry-After": str(error.retry_after_seconds)}
    return {}


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found: list[ErrorDetails] = list(error.errors())
    faults = [fault(detail["loc"][1:], detail["msg"]) for detail in found]
    if _is_foreign(request, found):
        status, slug = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"
        remedy = "send JSON, and say so: `Content-Type: application/json`"
        return response(document(status, slug, status.phrase, remedy))
    if any(detail["type"] == "json_invalid" for detail in found):
        status, slug = HTTPStatus.BAD_REQUEST, "malformed-json"
        return response(document(status, slug, "The body is not JSON", faults[0]["problem"]))
    return response(invalid(faults))


def invalid(faults: list[dict[str, Any]]) -> dict[str, Any]:
    """The problem document of a message with such faults, the first of them foremost."""
    detail = "; ".join(f"field '{fault['field']}': {fault['problem']}" for fault in faults[:5])
    kind = KINDS[errors.InputRejected]
    body = document(kind.status, kind.slug, kind.title, detail)
    first = {name: faults[0][name] for name in ("field", "row") if name in faults[0]}
    return body | first | {"errors": faults[:100]}


def _is_foreign(request: Request, found: Iterable[ErrorDetails]) -> bool:
    """Whether a body is not what was expected because it was not announced as JSON."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json" or media.endswith("+json"):
        return False
    return any(detail["loc"] == ("body",) and detail["type"] != "missing" for detail in found)


def fault(where: Sequence[str | int], message: str) -> dict[str, Any]:
    """Where and what, in the words of the request: `rows.3.quantity`, not of our code."""
    rows = [part for part in where if isinstance(part, int)]
    told: dict[str, Any] = {
        "field": ".".join(map(str, where)) or "body",
        "problem": message.removeprefix("Value error, "),
    }
    return told | ({"row": rows[0]} if rows else {})


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    slug = status.phrase.lower().replace(" ", "-")
    detail = str(error.detail or status.description)
    return response(document(status, slug, status.phrase, detail), error.headers)


def _database_away(_request: Request, error: Exception) -> JSONResponse:
    log.error("database: %s", error)
    away = errors.Unavailable("the database does not answer; try again in a moment")
    return response(body_of(away), {"Retry-After": "1"})


def _database_refused(_request: Request, error: Exception) -> JSONResponse:
    """What our own checks let through, the constraints of the tables still refuse."""
    log.warning("database refused: %s", error)
    assert isinstance(error, psycopg.Error)
    told = error.diag.message_detail or error.diag.message_primary or "a value is not allowed"
    return response(body_of(errors.InputRejected(told, field=error.diag.column_name)))


def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "Vouch failed on this request; the server's log has the cause"
    return response(document(status, "internal-error", "Something broke on our side", detail))
