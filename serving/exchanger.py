"""What a server exchanges with vendors: `vouch dispatch run`, a process of its own, when it is due.

Writing a PDF, speaking SSH and reading interchanges take processor time, and libraries that a
server of promises does not load. Whether there is anything to do is asked here, and costs nothing.
"""

import contextlib
import logging
from datetime import datetime, timedelta

import psycopg

from inventory.store import dispatches, documents, edi_acknowledgements, vendor_dispatch
from pipelines.settings import Settings, own_connection
from serving.api.context import Server
from serving.child import Child, Stopped
from serving.connectors import inboxes, undelivered

log = logging.getLogger("vouch")

LOOK_SECONDS = 60.0
"""How often a server asks whether something is due."""

FETCH_EVERY = timedelta(minutes=5)
"""Between two looks into vendors' SFTP folders, which tell nobody what is in them."""


class Exchanger:
    """Sends and takes when something is due; several servers share the work."""

    def __init__(self) -> None:
        self._child = Child()
        self._fetched_at: datetime | None = None

    def exchange(self, server: Server) -> None:
        """Send and take what is due, until that is done."""
        now = server.clock()
        with own_connection(server.settings) as db:
            if not self.is_due(db, server.settings, now=now):
                return
        with contextlib.suppress(Stopped):
            said = self._child.run(server.settings, "dispatch", "run", "--json")
            if said.returncode != 0:
                log.warning("exchange with vendors failed: %s", said.last_words)

    def is_due(self, db: psycopg.Connection, settings: Settings, *, now: datetime) -> bool:
        """Whether something waits to be sent, applied or taken, or it is time to look for it."""
        if (
            dispatches.any_due(db, now=now)
            or edi_acknowledgements.any_due(db, now=now)
            or documents.pending(db, limit=1)
            or undelivered.is_due(db, settings, now=now)
            or inboxes.is_due(db, settings, now=now)
        ):
            return True
        if self._fetched_at is not None and now < self._fetched_at + FETCH_EVERY:
            return False
        self._fetched_at = now
        return any(place.sftp and place.sftp.fetch_from for place in vendor_dispatch.partners(db))

    def stop(self) -> None:
        """End with the server; what was being sent is sent again under its number."""
        self._child.stop()
