"""The daily job of a server that nobody attends: `vouch daily`, once a day, in its own process.

A process of its own, since training takes minutes of all processors and gigabytes that a server of
promises has no use for. It runs at low priority, and ends with the server.
"""

import contextlib
import json
from datetime import time

from pipelines.schedule import JobFailed, run_daily_if_due
from pipelines.settings import own_connection
from serving.api.context import Server
from serving.child import Child, Stopped

LOOK_SECONDS = 60.0
"""How often a server asks whether the job is due."""

TOLD_MAX = 2000
"""Characters kept of what a failed job said."""


class Nightly:
    """Runs the job when it is due; of several servers on one database, one does."""

    def __init__(self, at: time) -> None:
        self.at = at
        self._child = Child()

    def daily(self, server: Server) -> None:
        """Run the job if it is due, until its end."""
        with own_connection(server.settings) as db, contextlib.suppress(Stopped):
            run_daily_if_due(db, at=self.at, now=server.clock, run=lambda: self._run(server))

    def stop(self) -> None:
        """End the job with the server; what it had not finished is caught up later."""
        self._child.stop()

    def _run(self, server: Server) -> object:
        said = self._child.run(server.settings, "daily", "--of-server", "--json")
        if said.returncode != 0:
            raise JobFailed(said.last_words[:TOLD_MAX] or f"exit code {said.returncode}")
        return json.loads(said.output)
