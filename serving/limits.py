"""What one request may weigh, and how often one key may call."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import problems

BODY_BYTES_MAX = 16 * 1024 * 1024
"""A sync of 10,000 rows is about 2 MB of JSON; a larger body is a file, and `vouch import` reads
files."""

REQUESTS_PER_SECOND_MAX = 2000.0
"""Sustained calls per key and server process: far above one well-behaved client, low enough that
one in a loop cannot starve the others."""

BURST_REQUESTS_MAX = 4000.0
"""What a key may use at once after a quiet moment."""

KEYS_REMEMBERED_MAX = 10_000


@dataclass(slots=True)
class Allowance:
    """A token bucket per key: it fills at a steady rate, each call takes one."""

    per_second: float = REQUESTS_PER_SECOND_MAX
    burst: float = BURST_REQUESTS_MAX
    clock_seconds: Callable[[], float] = time.monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, key_id: str) -> None:
        """Use one call, or raise `TooManyRequests` with the seconds to wait."""
        now = self.clock_seconds()
        tokens, filled_at = self._buckets.get(key_id, (self.burst, now))
        tokens = min(self.burst, tokens + (now - filled_at) * self.per_second)
        if tokens < 1:
            wait = math.ceil((1 - tokens) / self.per_second)
            raise problems.TooManyRequests(retry_after_seconds=wait)
        if len(self._buckets) >= KEYS_REMEMBERED_MAX:
            self._buckets.clear()
        self._buckets[key_id] = (tokens - 1, now)


class _BodyTooLarge(Exception):
    pass


class BodyLimit:
    """ASGI: refuse a body of more than `bytes_max`, announced or not, with 413."""

    def __init__(self, app: ASGIApp, *, bytes_max: int = BODY_BYTES_MAX) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, counting bytes as they come."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = next((v for k, v in scope["headers"] if k == b"content-length"), b"")
        if announced.isdigit() and int(announced) > self.bytes_max:
            await self._refuse(scope, receive, send)
            return
        await self._pass_counted(scope, receive, send)

    async def _pass_counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen_bytes, started = 0, False

        async def counted() -> Message:
            nonlocal seen_bytes
            message = await receive()
            seen_bytes += len(message.get("body", b""))
            if seen_bytes > self.bytes_max:
                raise _BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            # FastAPI answers 400 when reading a body fails; ours says why, so it goes instead.
            if seen_bytes <= self.bytes_max:
                await send(message)

        with contextlib.suppress(_BodyTooLarge):
            await self.app(scope, counted, noted)
        if seen_bytes > self.bytes_max:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = problems.RequestTooLarge(
            f"a request may carry {self.bytes_max // 1024} KiB; send fewer rows at a time"
        )
        await problems.response(problems.body_of(error))(scope, receive, send)
