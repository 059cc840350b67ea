"""The daily job of a server that nobody attends: `vouch daily`, once a day, in its own process.

A process of its own, since training takes minutes of all processors and gigabytes that a server of
promises has no use for. It runs at low priority, and ends with the server.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from datetime import time

from inventory.store import database
from pipelines.schedule import JobFailed, run_daily_if_due
from serving.api.context import Server

LOOK_SECONDS = 60.0
"""How often a server asks whether the job is due."""

TOLD_MAX = 2000
"""Characters kept of what a failed job said."""


class Stopped(Exception):
    """The server ends, and its job with it."""


class Nightly:
    """Runs the job when it is due; of several servers on one database, one does."""

    def __init__(self, at: time) -> None:
        self.at = at
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    def daily(self, server: Server) -> None:
        """Run the job if it is due, until its end."""
        url = server.settings.database_url
        assert url is not None
        with database.connect(url) as db, contextlib.suppress(Stopped):
            run_daily_if_due(db, at=self.at, now=server.clock, run=lambda: self._run(server))

    def stop(self) -> None:
        """End the job with the server; what it had not finished is caught up later."""
        self._stopped = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def _run(self, server: Server) -> object:
        settings = server.settings
        told = {
            "VOUCH_DATABASE_URL": settings.database_url or "",
            "VOUCH_DATA_DIR": str(settings.data_dir),
        }
        self._child = subprocess.Popen(
            [*_politely(), sys.executable, "-m", "serving.cli", "daily", "--of-server",
             "--json"],
            env=os.environ | told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if self._stopped:  # Just before there was a child to end.
            self._child.terminate()
        said, complained = self._child.communicate()
        if self._stopped:
            raise Stopped
        if self._child.returncode != 0:
            raise JobFailed(_last_words(complained) or f"exit code {self._child.returncode}")
        return json.loads(said)


def _politely() -> list[str]:
    """Promises come first: the job takes what processor time they leave."""
    nice = shutil.which("nice")
    return [nice, "-n", "10"] if nice else []


def _last_words(complained: str) -> str:
    """The refusal that ends a command's progress lines."""
    lines = [line for line in complained.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("vouch: ")]
    return (own or lines or [""])[-1].removeprefix("vouch: ")[:TOLD_MAX]
