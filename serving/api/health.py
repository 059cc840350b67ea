"""Is the process alive, and can it answer? Open to all: probes carry no keys."""

import psycopg
from fastapi import APIRouter, Request
from psycopg_pool import ConnectionPool, PoolTimeout

from inventory.errors import Unavailable
from serving.api.context import Server

router = APIRouter(tags=["Health"])

DATABASE_SECONDS_MAX = 2.0
"""A probe that waits longer than this has its answer."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Alive: the process answers. Says nothing about the database."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> dict[str, str]:
    """Ready: the database answers. 503 while it does not."""
    server: Server = request.app.state.server
    try:
        server.reading(ConnectionPool.check_connection, DATABASE_SECONDS_MAX)
    except (psycopg.Error, PoolTimeout) as error:
        raise Unavailable("the database does not answer; try again in a moment") from error
    return {"status": "ready"}
