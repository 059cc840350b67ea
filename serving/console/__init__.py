"""The console: pages for people, under /console of the same server.

Importing this package loads nothing heavy; `mount` loads Dash, once, when a server starts.
"""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from psycopg_pool import ConnectionPool


def mount(
    app: FastAPI,
    *,
    pool: ConnectionPool,
    session_of_key: Callable[[str], str | None],
    role_of_session: Callable[[str], str | None],
    clock: Callable[[], datetime],
    atp_horizon_days: int,
) -> None:
    """Add the console to `app`. Call it last: it answers /console and everything below it.

    Parameters
    ----------
    pool : connections to read with; may be opened after this call, before the first request.
    session_of_key : the signed session that a typed API key opens; None: not let in.
    role_of_session : the role of a session; None: forged or over.
    clock : the server's time, with its zone.
    atp_horizon_days : days ahead that availability is shown.
    """
    from serving.console.reading import Source
    from serving.console.site import Site, Visitors

    source = Source(pool=pool, clock=clock, horizon_days=atp_horizon_days)
    visitors = Visitors(session_of_key=session_of_key, role_of_session=role_of_session)
    app.router.routes.append(Site(source, visitors))
