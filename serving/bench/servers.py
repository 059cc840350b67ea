"""Servers under test: a real `vouch serve` over a PostgreSQL of its own, durable commits."""

import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from inventory.errors import Unavailable
from inventory.store import database, keys
from pipelines.settings import Settings, database_of

START_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server under test."""

    port: int
    key: str
    process_group: int

    def send(self, method: str, path: str, body: object) -> None:
        """One request of the preparation; raises on any error."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v2{path}",
            data=json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            answer.read()


@contextlib.contextmanager
def own_database(folder: Path, *, now: datetime) -> Iterator[str]:
    """URL of a fresh database in `folder`, tables in place; stopped afterwards."""
    with database_of(Settings(data_dir=folder, database_url=None)) as url:
        with database.connect(url) as db:
            database.migrate(db, now=now)
        yield url


@contextlib.contextmanager
def serving(folder: Path, url: str, *, workers: int, now: datetime) -> Iterator[Running]:
    """A `vouch serve` over the database in `folder`, with an admin key; gone afterwards."""
    with database.connect(url) as db:
        key = keys.create_key(db, role="admin", label="bench", now=now)
    with _process(folder, workers) as (port, process_group):
        yield Running(port, key, process_group)


@contextlib.contextmanager
def _process(folder: Path, workers: int) -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    elsewhere = {"VOUCH_DATABASE_URL", "VOUCH_MLFLOW_TRACKING_URI"}
    environment = {n: v for n, v in os.environ.items() if n not in elsewhere}
    command = [sys.executable, "-m", "serving.cli", "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers)]
    child = subprocess.Popen(
        command,
        env=environment | {"VOUCH_DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_ready(port, child)
        yield port, child.pid
    finally:
        child.terminate()
        child.wait(timeout=START_SECONDS_MAX)


def wait_until_ready(port: int, child: subprocess.Popen[bytes]) -> None:
    """Return once `/readyz` says so; raise `Unavailable` when the server ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return
        time.sleep(0.1)
    raise Unavailable(f"the server on port {port} did not become ready; its messages are above")


def cpu_seconds(process_group: int) -> float:
    """CPU that the processes of a group have used, without PostgreSQL's; 0 where /proc is not.

    Latency suffers from whatever else the machine does; this figure hardly does.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == process_group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
