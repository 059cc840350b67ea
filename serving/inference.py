"""The way from the API to BentoML: checked for a key, and started only when first used."""

import asyncio
import contextlib
import json
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
    """A `send` that turns BentoML's error answers into ours."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.failed_status: int | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= HTTP_ERRORS_FROM:
            self.failed_status = message["status"]
            return
        if self.failed_status is None:
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            answer = problems.response(problem_of(self.failed_status, self.body))
            await answer(self.scope, self.receive, self.send)


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
        field = ".".join(str(part) for part in faults[0]["loc"])
        kind = problems.KINDS[InputRejected]
        detail = f"field '{field}': {faults[0]['msg']}"
        return problems.document(kind.status, kind.slug, kind.title, detail) | {"field": field}
    if status >= 500:  # noqa: PLR2004
        told = {}
    detail = str(told.get("error", "the inference service failed; its log has the cause"))
    return problems.document(status, "inference-failed", "Inference failed", detail)


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
