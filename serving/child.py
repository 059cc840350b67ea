"""A command of ours in a process of its own: at low priority, and ended with the server.

For work that takes processor time which a server of promises has no use for.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from pipelines.settings import Settings


class Stopped(Exception):
    """The server ends, and its child with it."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said on the way."""

    returncode: int
    output: str
    complaints: str

    @property
    def last_words(self) -> str:
        """The refusal that ends a command's progress lines."""
        lines = [line for line in self.complaints.splitlines() if line.strip()]
        own = [line for line in lines if line.startswith("vouch: ")]
        return (own or lines or [""])[-1].removeprefix("vouch: ")


class Child:
    """Runs one command at a time on the database and data folder of a server."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    @property
    def returncode(self) -> int | None:
        """How the last one ended; None while it runs."""
        return None if self._process is None else self._process.returncode

    def run(self, settings: Settings, *command: str) -> Said:
        """Run `vouch COMMAND` until its end. Raises `Stopped` where the server ends first."""
        told = {
            "VOUCH_DATABASE_URL": settings.database_url or "",
            "VOUCH_DATA_DIR": str(settings.data_dir),
        }
        self._process = subprocess.Popen(
            [*_politely(), sys.executable, "-m", "serving.cli", *command],
            env=os.environ | told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if self._stopped:  # Just before there was a child to end.
            self._process.terminate()
        output, complaints = self._process.communicate()
        if self._stopped:
            raise Stopped
        return Said(self._process.returncode, output, complaints)

    def stop(self) -> None:
        """End it with the server."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()


def _politely() -> list[str]:
    """Promises come first: a child takes what processor time they leave."""
    nice = shutil.which("nice")
    return [nice, "-n", "10"] if nice else []
