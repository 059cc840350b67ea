"""What every endpoint is given: who calls, what time it is, and a way to the database.

Endpoints are plain functions that run in the thread pool; this dependency is the only part that
runs on the event loop, and it touches the database only for a key it has not seen for a while.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, TypeVar

import psycopg
from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool

from inventory.store import catalog, idempotency
from inventory.store.promise_batches import PromiseBatcher
from pipelines.settings import Settings
from serving import auth
from serving.limits import Allowance
from serving.messages import Message
from serving.problems import Forbidden, Unauthenticated

bearer = HTTPBearer(auto_error=False, description="A key made by `vouch keys create`.")

PREFIX = "/api/v2"
"""Under which all that needs a key lives. A router carries it itself, so that the path of a route
is the whole path, which is what the counters name."""

Clock = Callable[[], datetime]
T = TypeVar("T")

CONNECTION_SECONDS_MAX = 5.0
"""Who waited this long is told to come back: behind a promise there is a customer waiting too."""


SERVER_GOES = (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown)
"""How a server says good-bye: the connection looks open until it is used again."""


@dataclass(frozen=True, slots=True)
class Server:
    """What one server process holds; found at `app.state.server`."""

    settings: Settings
    pool: ConnectionPool
    clock: Clock
    key_ring: auth.KeyRing
    allowance: Allowance
    secret: bytes
    promises: PromiseBatcher

    def reading(
        self, act: Callable[[psycopg.Connection], T], seconds_max: float = CONNECTION_SECONDS_MAX
    ) -> T:
        """What `act` reads, on a live connection for which it waits no longer than so.

        The pool looks at a connection now and then only; one that died since is found out by
        using it. Then nothing was done yet, and the next one is tried.
        """
        for _ in range(self.settings.pool_size):
            with self.pool.connection(seconds_max) as db:
                try:
                    return act(db)
                except psycopg.OperationalError as error:
                    if not db.closed and not isinstance(error, SERVER_GOES):
                        raise
                    db.close()  # So that nobody gets it again.
        with self.pool.connection(seconds_max) as db:
            return act(db)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its caller and its moment."""

    server: Server
    principal: auth.Principal
    now: datetime
    idempotency_key: str | None = None

    @property
    def actor(self) -> str:
        """Who did it, for the ledger: role and key, never the key's secret part."""
        return f"{self.principal.role}:{self.principal.key_id}"

    @property
    def doing(self) -> dict[str, Any]:
        """Who acts, as what and when: keywords of every act on an order or a transfer."""
        return {"actor": self.actor, "role": self.principal.role, "now": self.now}

    def vendor_asked(self, vendor: str | None) -> str | None:
        """The vendor whose rows a list shows: a vendor's key sees its own, whatever it asks."""
        return self.principal.vendor if self.principal.role == "vendor" else vendor

    def db(self) -> AbstractContextManager[psycopg.Connection]:
        """A connection for the length of a `with` block."""
        return self.server.pool.connection(CONNECTION_SECONDS_MAX)

    def reading(self, act: Callable[[psycopg.Connection], T]) -> T:
        """What `act` reads: see `Server.reading`."""
        return self.server.reading(act)

    def may_see(self, db: psycopg.Connection, *skus: str) -> None:
        """Raise `Forbidden` where a vendor's key asks about somebody else's SKU."""
        if self.principal.role != "vendor":
            return
        for sku in skus:
            if catalog.vendor_of(db, sku) != self.principal.vendor:
                raise Forbidden(f"SKU '{sku}' is not one of vendor '{self.principal.vendor}'")

    def once(
        self,
        db: psycopg.Connection,
        *,
        scope: str,
        body: Message | None,
        act: Callable[[], dict[str, Any]],
        status: int = 200,
        key: str | None = None,
    ) -> JSONResponse:
        """Do a write, once only for an `Idempotency-Key`: a repeat gets the first answer again.

        `scope` names the act and what it is done to; keys of different callers never meet.
        `key` is an id in the body that serves where the header is absent.
        """
        claim = self.claim(scope, body, key=key)
        if claim is None:
            return JSONResponse(act(), status_code=status)
        return answer_of(
            idempotency.once(
                db,
                scope=claim.scope,
                key=claim.key,
                body=claim.body,
                now=self.now,
                act=act,
                status=status,
            )
        )

    def claim(
        self, scope: str, body: Message | None, *, key: str | None = None
    ) -> idempotency.Claim | None:
        """The id of a request that is to have one outcome, see `once`; None where it has no id."""
        key = self.idempotency_key or key
        if key is None:
            return None
        told = body.model_dump(mode="json") if body else {}
        return idempotency.Claim(f"{self.principal.key_id}:{scope}", key, told)


def answer_of(outcome: idempotency.Outcome) -> JSONResponse:
    """The first answer to a request, or that answer again."""
    replayed = {"Idempotency-Replayed": "true"} if outcome.replayed else {}
    return JSONResponse(outcome.response, status_code=outcome.status, headers=replayed)


def jsonable(answer: Any) -> Any:  # noqa: ANN401 - any part of an answer.
    """An answer of the store as JSON values: moments, days and times become text."""
    match answer:
        case dict():
            return {name: jsonable(part) for name, part in answer.items()}
        case list() | tuple():
            return [jsonable(part) for part in answer]
        case datetime() | date() | time():
            return answer.isoformat()
    return answer


Permission = Callable[..., Awaitable[Call]]


def allow(*roles: str) -> Any:  # noqa: ANN401 - what FastAPI's Depends returns.
    """The dependency that lets `roles` in: 401 without a good key, 403 with another role."""

    async def permission(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Call:
        server: Server = request.app.state.server
        principal = await caller(server, credentials.credentials if credentials else None)
        auth.require(principal, roles)
        return Call(server, principal, server.clock(), idempotency_key)

    permission.roles = roles  # type: ignore[attr-defined]
    return Depends(permission)


async def caller(server: Server, key: str | None) -> auth.Principal:
    """Who sent `key`, within that key's allowance; raises `Unauthenticated`."""
    if not key:
        raise Unauthenticated
    known, principal = server.key_ring.remembered(key)
    if not known:
        principal = await run_in_threadpool(_look_up, server, key)
    if principal is None:
        raise Unauthenticated
    server.allowance.take(principal.key_id)
    return principal


def _look_up(server: Server, key: str) -> auth.Principal | None:
    return server.reading(lambda db: server.key_ring.look_up(db, key))


Reader = Annotated[Call, allow(*auth.READERS)]
Staff = Annotated[Call, allow(*auth.STAFF)]
PromiseWriter = Annotated[Call, allow(*auth.PROMISE_WRITERS)]
Sourcer = Annotated[Call, allow(*auth.SOURCERS)]
Auditor = Annotated[Call, allow(*auth.AUDITORS)]
StockWriter = Annotated[Call, allow(*auth.STOCK_WRITERS)]
CatalogueWriter = Annotated[Call, allow(*auth.CATALOGUE_WRITERS)]
Planner = Annotated[Call, allow(*auth.OVERRIDERS)]
OrderActor = Annotated[Call, allow(*auth.ORDER_ACTORS)]
