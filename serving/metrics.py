"""What the server counts about itself, for Prometheus; adds up over several worker processes."""

import os
import time
from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own name for the folder in which worker processes keep their counts."""

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REQUESTS = Counter("vouch_http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "vouch_http_request_seconds",
    "Seconds from request to the last byte of the answer.",
    ["method", "route"],
    buckets=SECONDS_BUCKETS,
)
PROMISES = Counter(
    "vouch_promises_total", "Reservations asked for, by what became of them.", ["outcome"]
)


class Measured:
    """ASGI: count and time every request under the path of its route, never under raw ids."""

    def __init__(
        self, app: ASGIApp, *, clock_seconds: Callable[[], float] = time.perf_counter
    ) -> None:
        self.app = app
        self.clock_seconds = clock_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, noting the status that goes by."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = self.clock_seconds(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", None) or "(none)"
            REQUESTS.labels(scope["method"], route, str(status)).inc()
            SECONDS.labels(scope["method"], route).observe(self.clock_seconds() - began)


def page(_request: Request) -> Response:
    """`/metrics`: this process's counts, or those of all workers together."""
    registry = REGISTRY
    if os.environ.get(MULTIPROCESS_FOLDER):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
