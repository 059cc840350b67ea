"""The console as one route of the server: who may enter, and Dash behind it.

Dash gets an application of its own. Its middleware then never touches a promise, and the path it
sees stays whole, which a Starlette mount would cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Message, Receive, Scope, Send

from serving.auth import COOKIE_NAME
from serving.console import sign_in
from serving.console.dash_app import build_dash
from serving.console.reading import Source
from serving.console.wording import PREFIX

LOGIN = f"{PREFIX}/login"

OPEN_TO_ALL = (f"{PREFIX}/assets/", f"{PREFIX}/_dash-component-suites/")
"""Style sheet, fonts and scripts: the same for everybody, and the sign-in page needs some."""

FILES = (*OPEN_TO_ALL, f"{PREFIX}/_")
"""What Dash answers by its path: files, and the calls of its script."""

FORM_BYTES_MAX = 4096

HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        b"worker-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
}
"""Nothing is loaded from, or sent to, another host; Dash and AG Grid write inline code."""


@dataclass(frozen=True, slots=True)
class Visitors:
    """How an API key becomes a session, and a session a role."""

    session_of_key: Callable[[str], str | None]
    role_of_session: Callable[[str], str | None]


class Site(BaseRoute):
    """Everything under /console."""

    def __init__(self, source: Source, visitors: Visitors) -> None:
        self.visitors = visitors
        self.pages = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        build_dash(self.pages, source)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full match for /console and below."""
        path = scope.get("path", "")
        ours = scope["type"] == "http" and (path == PREFIX or path.startswith(f"{PREFIX}/"))
        return (Match.FULL, {}) if ours else (Match.NONE, {})

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:  # noqa: ANN401
        """Pages of the console have no names in the server's table."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in who has signed in; send everybody else to the sign-in page."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS.items()]
            await send(message)

        request = Request(scope, receive)
        answer = await self.answer(request)
        if answer is not None:
            await answer(scope, receive, send_guarded)
            return
        inner: dict[str, Any] = {**scope, "app": self.pages}
        if not scope["path"].startswith(FILES):
            # Every page starts from the same document; its script reads the address.
            inner |= {"path": f"{PREFIX}/", "raw_path": f"{PREFIX}/".encode()}
        await self.pages(inner, receive, send_guarded)

    async def answer(self, request: Request) -> Response | None:
        """The response where Dash has no part in it, None where it has."""
        path = request.url.path
        if path == PREFIX:
            return RedirectResponse(f"{PREFIX}/")
        if path == LOGIN:
            return await self.sign_in(request)
        if path == f"{PREFIX}/logout":
            answer = RedirectResponse(LOGIN, status_code=303)
            answer.delete_cookie(COOKIE_NAME, path=PREFIX)
            return answer
        if path.startswith(OPEN_TO_ALL) or self.role(request) is not None:
            return None
        return _ask_to_sign_in(request)

    def role(self, request: Request) -> str | None:
        """The role of whoever sent this; None where nobody has signed in."""
        session = request.cookies.get(COOKIE_NAME)
        return self.visitors.role_of_session(session) if session else None

    async def sign_in(self, request: Request) -> Response:
        """The form, and what happens when it is sent."""
        next_path = _own_path(request.query_params.get("next", ""))
        if request.method != "POST":
            return HTMLResponse(sign_in.page(next_path))
        key = await _typed_key(request)
        session = await run_in_threadpool(self.visitors.session_of_key, key) if key else None
        if session is None:
            return HTMLResponse(sign_in.page(next_path, refused=True), status_code=401)
        answer = RedirectResponse(next_path, status_code=303)
        answer.set_cookie(
            COOKIE_NAME,
            session,
            path=PREFIX,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


def _ask_to_sign_in(request: Request) -> Response:
    """Pages lead to the form and back again; a script is told, and leads there itself."""
    if request.url.path.startswith(FILES):
        return Response("sign in again", status_code=401, media_type="text/plain")
    return RedirectResponse(f"{LOGIN}?next={quote(_whole_path(request), safe='/')}")


async def _typed_key(request: Request) -> str:
    """The key in the form; empty where the body is none of ours."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("key", [""])[0].strip()


def _whole_path(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _own_path(path: str) -> str:
    """`path` if it leads into the console, else the overview: a link cannot lead elsewhere."""
    inside = path.startswith(f"{PREFIX}/") and not any(part in path for part in ("\\", "\n", "\r"))
    return path if inside else f"{PREFIX}/"
