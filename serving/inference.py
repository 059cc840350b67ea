"""The way from the API to BentoML: checked for a key, and started only when first used."""

import asyncio
import contextlib
import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.errors import InputRejected, VouchError
from serving import auth, problems
from serving.api.context import caller

PATH = "/inference/"
ROLES = ("planner", "buyer", "scientist", "admin")
HTTP_ERRORS_FROM = 400
SLUG, TITLE = "inference-failed", "Inference failed"
LISTED = ("questions", 0)
"""How the place of a fault begins where a body is taken as a list of one."""


class Guarded:
    """ASGI: under `/inference/`, let good keys in, and let errors leave as problem documents."""

    def __init__(self, app: ASGIApp, *, api: FastAPI) -> None:
        self.app = app
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on that is not inference."""
        if scope["type"] != "http" or not scope["path"].startswith(PATH):
            await self.app(scope, receive, send)
            return
        try:
            authorization = Request(scope).headers.get("authorization", "")
            scheme, _, key = authorization.partition(" ")
            who = await caller(self.api.state.server, key if scheme.lower() == "bearer" else None)
            auth.require(who, ROLES)
        except VouchError as refusal:
            await problems.response(problems.body_of(refusal))(scope, receive, send)
            return
        await self.app(scope, receive, _Translated(scope, receive, send))


class _Translated:
    """A `send` that turns BentoML's error answers into ours.

    In a batch, one request's refusal must not be another's: there it comes as an answer, and gets
    its status here.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += message.get("body", b"")
        if message.get("more_body", False):
            return
        assert self.start is not None, "a body follows its start"
        if self.start["status"] >= HTTP_ERRORS_FROM or _is_problem(self.body):
            answer = problems.response(problem_of(self.start["status"], self.body))
            await answer(self.scope, self.receive, self.send)
            return
        await self.send(self.start)
        await self.send({"type": "http.response.body", "body": self.body})


def problem_of(status: int, body: bytes) -> dict[str, Any]:
    """BentoML's answer to a failed request, in our form.

    >>> problem_of(400, b'{"detail": [{"loc": ["skus"], "msg": "Field required"}]}')["field"]
    'skus'
    """
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    if isinstance(told, dict) and str(told.get("type", "")).startswith(problems.TYPE_PREFIX):
        return told
    faults = told.get("detail") if isinstance(told, dict) else None
    if isinstance(faults, list) and faults:
        place = tuple(faults[0]["loc"])
        place = place[len(LISTED) :] if place[: len(LISTED)] == LISTED else place
        field = ".".join(str(part) for part in place)
        kind = problems.KINDS[InputRejected]
        detail = f"field '{field}': {faults[0]['msg']}" if field else str(faults[0]["msg"])
        told = {"field": field} if field else {}
        return problems.document(kind.status, kind.slug, kind.title, detail) | told
    if isinstance(told, list):  # How BentoML tells some of its own refusals.
        told = told[0] if told and isinstance(told[0], dict) else {}
    detail = told.get("error")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not detail:
        return failed(status)
    return problems.document(status, SLUG, TITLE, str(detail))


def failed(status: int = HTTPStatus.INTERNAL_SERVER_ERROR) -> dict[str, Any]:
    """The problem document of a failure that is no fault of the request's."""
    detail = "the inference service failed; its log has the cause"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        detail = "more forecasts are asked for than can be made in time; try again"
    return problems.document(status, SLUG, TITLE, detail)


def _is_problem(body: bytes) -> bool:
    start = b'{"type":"' + problems.TYPE_PREFIX.encode()
    return body[: len(start) + 1].replace(b" ", b"").startswith(start)


class Inference:
    """ASGI: BentoML's app for `/inference/`, built and started at the first request."""

    def __init__(self, api: FastAPI) -> None:
        self.api = api
        self._started = asyncio.Lock()
        self._app: ASGIApp | None = None
        self._stop = asyncio.Event()
        self._lifetime: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, after the guard has let the request in."""
        await Guarded(self._answer, api=self.api)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._started:
            if self._app is None:
                await self._start()
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _start(self) -> None:
        def build() -> Any:  # noqa: ANN401 - BentoML is untyped.
            from serving.on_demand import service_of

            return service_of(self.api).to_asgi()

        app = await asyncio.to_thread(build)
        ready = asyncio.get_running_loop().create_future()
        # One task enters and leaves the app's lifespan: its parts may not change tasks.
        self._lifetime = asyncio.create_task(self._live(app, ready))
        await ready
        self._app = app

    async def _live(self, app: Any, ready: "asyncio.Future[None]") -> None:  # noqa: ANN401
        async with app.router.lifespan_context(app):
            ready.set_result(None)
            await self._stop.wait()

    async def close(self) -> None:
        """Stop what was started."""
        self._stop.set()
        if self._lifetime is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._lifetime
