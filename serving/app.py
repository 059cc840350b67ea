"""One ASGI app: the API, its documents, the console, and inference on demand."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import cast

import psycopg
from fastapi import FastAPI
from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from inventory.errors import VouchError
from inventory.store import announcements, database, late_supply, outbox
from inventory.store import jobs as jobs_store
from inventory.store import reservations as reservations_store
from inventory.store.promise_batches import PromiseBatcher
from pipelines import stock_alerts
from pipelines.replan import replan_due, replan_expired
from pipelines.settings import Settings, database_of, own_connection
from serving import auth, console, exchanger, limits, metrics, problems
from serving.api import (
    alerts,
    analytics,
    audit,
    availability,
    catalogue,
    dispatches,
    docs,
    documents,
    events,
    explanation,
    forecast_accuracy,
    forecasts,
    health,
    inbound,
    inventory,
    invoices,
    jobs,
    lead_times,
    ledger,
    lost_sales,
    models,
    ordering,
    orders,
    overrides,
    policies,
    purchase_orders,
    quarantine,
    recommendations,
    replenishment,
    reservations,
    sourcing,
    transfers,
)
from serving.api.context import CONNECTION_SECONDS_MAX, Clock, Server
from serving.connectors import alert_delivery
from serving.inference import Inference
from serving.nightly import LOOK_SECONDS, Nightly

log = logging.getLogger("vouch")

# Routes are tried in this order: what is asked most comes first.
AREAS = (
    availability,
    reservations,
    orders,
    sourcing,
    inventory,
    inbound,
    ledger,
    audit,
    quarantine,
    catalogue,
    overrides,
    forecast_accuracy,
    explanation,
    forecasts,
    lost_sales,
    models,
    policies,
    lead_times,
    replenishment,
    purchase_orders,
    dispatches,
    documents,
    ordering,
    invoices,
    transfers,
    alerts,
    analytics,
    recommendations,
    jobs,
    events,
)

OPEN_PATHS = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs",
    "/docs/assets",
    "/docs/openapi.json",
    "/openapi.json",
)
"""What answers without a key: probes, counters and the description of the API."""


SWEEP_SECONDS = 60.0
SETTLE_SECONDS = 2.0
ALERT_SECONDS = 10.0

JOB_LIFETIME_MAX = timedelta(minutes=10)
"""A job silent for longer has lost its process: the largest takes seconds."""


def utc_now() -> datetime:
    """The server's clock; tests pass another."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    allowance: limits.Allowance | None = None,
    body_bytes_max: int = limits.BODY_BYTES_MAX,
    with_inference: bool = True,
) -> FastAPI:
    """The app over the database of `settings`; nothing is opened before the server starts.

    `with_inference` is False where BentoML itself serves the app, and with it the inference paths.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with contextlib.ExitStack() as opened:
            server = await run_in_threadpool(
                _open, opened, settings, clock, allowance or limits.Allowance()
            )
            app.state.server = server
            housekeeping = _keep_house(opened, server)
            # What start-up made stays for good: the collector need not walk it during a request.
            gc.collect()
            gc.freeze()
            yield
            for task in housekeeping:
                task.cancel()
            if with_inference:
                await app.state.inference.close()

    app = FastAPI(
        title="Vouch",
        version=version("vouch"),
        description="Availability that can be promised, and the forecasts behind it.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # Our own counters are at /metrics; spans that nobody collects would slow every promise.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.include_router(health.router)
    for area in AREAS:
        app.include_router(area.router, responses=problems.RESPONSES)
    app.add_route("/metrics", metrics.page)
    docs.install(app)
    problems.install(app)
    app.add_middleware(limits.BodyLimit, bytes_max=body_bytes_max)
    app.add_middleware(metrics.Measured)
    if with_inference:
        app.state.inference = Inference(app)
        app.router.routes.append(Route("/inference/{rest:path}", app.state.inference))
    _mount_console(app, settings, clock)
    return app


def _open(
    opened: contextlib.ExitStack, settings: Settings, clock: Clock, allowance: limits.Allowance
) -> Server:
    """Everything a server process holds open, closed again by `opened`."""
    url = opened.enter_context(database_of(settings))
    with database.connect_after_recovery(url) as db:
        database.migrate(db, now=clock(), report=log.info)
        jobs_store.fail_abandoned(db, before=clock() - JOB_LIFETIME_MAX, now=clock())
    pool = opened.enter_context(database.pool(url, size_max=settings.pool_size))
    return Server(
        settings=settings.model_copy(update={"database_url": url}),
        pool=pool,
        clock=clock,
        key_ring=auth.KeyRing(),
        allowance=allowance,
        secret=auth.cookie_secret(settings.data_dir),
        promises=PromiseBatcher(lambda: pool.connection(CONNECTION_SECONDS_MAX)),
    )


def _keep_house(opened: contextlib.ExitStack, server: Server) -> list[asyncio.Task[None]]:
    """What a server does by itself, until it is told to stop."""
    vendors = exchanger.Exchanger()
    opened.callback(vendors.stop)
    tasks = [
        _every(SWEEP_SECONDS, _sweep, server),
        _every(SWEEP_SECONDS, _replan_expired, server),
        _every(SETTLE_SECONDS, _settle, server),
        _every(ALERT_SECONDS, _tell_alerts, server),
        _every(exchanger.LOOK_SECONDS, vendors.exchange, server),
    ]
    if server.settings.daily_at is not None:
        nightly = Nightly(server.settings.daily_at)
        opened.callback(nightly.stop)
        tasks.append(_every(LOOK_SECONDS, nightly.daily, server))
    return [asyncio.create_task(task) for task in tasks]


class LatePool:
    """The pool of an app whose lifespan has yet to open it."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def connection(self, timeout: float | None = None) -> AbstractContextManager[Connection]:
        """A connection for the length of a `with` block."""
        server: Server = self.app.state.server
        return server.pool.connection(timeout)


def _mount_console(app: FastAPI, settings: Settings, clock: Clock) -> None:
    pool = LatePool(app)

    def session_of_key(key: str) -> str | None:
        server: Server = app.state.server
        with pool.connection() as db:
            principal = auth.principal_of_key(db, key)
        # A vendor sees its own SKUs only, and the console shows all of them.
        if principal is None or principal.role == "vendor":
            return None
        return auth.issue_cookie(principal, secret=server.secret, now=clock())

    def role_of_session(cookie: str) -> str | None:
        server: Server = app.state.server
        return auth.role_of_cookie(cookie, secret=server.secret, now=clock())

    console.mount(
        app,
        pool=cast("ConnectionPool", pool),
        session_of_key=session_of_key,
        role_of_session=role_of_session,
        clock=clock,
        atp_horizon_days=settings.atp_horizon_days,
    )


def _sweep(server: Server) -> None:
    """Collect expired holds, announce what time alone changed, and take old events away.

    No promise waits for it: expiry itself is by the clock.
    """
    with server.pool.connection() as db:
        reservations_store.sweep(db, now=server.clock())
        announcements.announce_due(db, now=server.clock())
        stock_alerts.refresh_supply(db, now=server.clock())
        kept = timedelta(days=server.settings.events_kept_days)
        outbox.prune(db, kept=kept, now=server.clock())


def _replan_expired(server: Server) -> None:
    """Let buffers and policies follow overrides that expired, and prices and terms that changed."""
    with own_connection(server.settings) as db:
        replan_expired(db, server.settings, now=server.clock())
        replan_due(db, server.settings, now=server.clock())


def _settle(server: Server) -> None:
    """Settle what writers could not, with fewer positions in hand than it takes; number events."""
    with server.pool.connection() as db:
        announcements.settle_noted(db, now=server.clock())
        late_supply.move_due(db, now=server.clock())
        outbox.number(db)


def _tell_alerts(server: Server) -> None:
    """Open and close alerts with the stock, and tell who wants to hear of them.

    A mail server may take its time, so on a connection of its own.
    """
    with own_connection(server.settings) as db:
        stock_alerts.follow(db, now=server.clock())
        alert_delivery.deliver(db, server.settings, clock=server.clock)


async def _every(seconds: float, act: Callable[[Server], None], server: Server) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await run_in_threadpool(act, server)
        except (psycopg.Error, PoolTimeout, VouchError) as error:
            log.warning("%s failed: %s", act.__name__.strip("_"), error)


def from_environment() -> FastAPI:
    """The app of a worker process: `vouch serve` hands its settings on by environment."""
    return create_app(Settings())
