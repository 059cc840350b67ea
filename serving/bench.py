"""How fast the promise path answers, measured from outside on a server of its own.

`vouch bench http` starts a real `vouch serve` over a fresh embedded PostgreSQL (durable commits),
fills a catalogue through the API, and sends an open-loop load from another process.
"""

import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from inventory.errors import Unavailable
from inventory.store import database, keys
from pipelines.settings import Settings, database_of
from serving.load import Request, run

START_SECONDS_MAX = 60.0
WARM_UP_SECONDS = 2.0
LOCATIONS = 4
SKUS = 250
UNITS_PER_POSITION = 1_000_000
RATE_AVAILABILITY = 100.0
RATE_RESERVATIONS = 50.0


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


def http(
    *,
    seconds: float,
    workers: int,
    seed: int,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Latency of availability at 100 requests/s and of one-line reservations at 50/s."""
    with server(workers=workers, now=now, progress=progress) as running:
        progress(f"filling {SKUS} SKUs at {LOCATIONS} locations through the API")
        fill(running, now=now)
        rng = np.random.default_rng(seed)
        figures = {}
        for name, rate, make in (
            ("availability", RATE_AVAILABILITY, _question),
            ("reservation", RATE_RESERVATIONS, _reservation),
        ):
            progress(f"{name}: {rate:.0f} requests/s for {seconds:.0f} s")
            aim = {"rate_per_second": rate, "host": "127.0.0.1"}
            aim |= {"port": running.port, "key": running.key}
            warm_up = int(rate * min(seconds, WARM_UP_SECONDS))
            run([make(rng) for _ in range(warm_up)], **aim)  # type: ignore[arg-type]
            cpu_before = cpu_seconds(running.process_group)
            measured = run([make(rng) for _ in range(int(rate * seconds))], **aim)  # type: ignore[arg-type]
            spent = cpu_seconds(running.process_group) - cpu_before
            per_request = {"server_cpu_ms": round(spent * 1000 / len(measured.milliseconds), 2)}
            figures[name] = measured.as_dict() | per_request
    return {"machine": machine(), "workers": workers, "seed": seed, **figures}


def _question(rng: np.random.Generator) -> Request:
    sku, location = rng.integers(SKUS), rng.integers(LOCATIONS)
    view = "channel=web&method=bopis&explain=true"
    return Request("GET", f"/api/v2/availability/S{sku}?location=L{location}&{view}")


def _reservation(rng: np.random.Generator) -> Request:
    body = {
        "kind": "soft",
        "channel": "web",
        "method": "bopis",
        "location": f"L{rng.integers(LOCATIONS)}",
        "lines": [{"sku": f"S{rng.integers(SKUS)}", "quantity": 1}],
    }
    return Request("POST", "/api/v2/reservations", json.dumps(body).encode())


def fill(running: Running, *, now: datetime) -> None:
    """A catalogue and plenty of stock, through the API."""
    running.send("PUT", "/channels/web", {"name": "Web"})
    locations = [f"L{n}" for n in range(LOCATIONS)]
    for location in locations:
        place = {"name": location, "type": "store", "methods": ["bopis"]}
        running.send("PUT", f"/locations/{location}", place)
    rule = {"location_type": "store", "method": "bopis", "quantity": 2}
    running.send("PUT", "/buffer-rules/stores", rule)
    rows = []
    for sku in (f"S{n}" for n in range(SKUS)):
        running.send("PUT", f"/skus/{sku}", {"name": sku, "category": "bench"})
        rows += [
            {
                "id": f"{sku}-{location}",
                "sku": sku,
                "location": location,
                "quantity": UNITS_PER_POSITION,
                "effective_at": now.isoformat(),
            }
            for location in locations
        ]
    running.send("POST", "/inventory/sync", {"mode": "snapshot", "basis": "physical", "rows": rows})


@contextlib.contextmanager
def server(*, workers: int, now: datetime, progress: Callable[[str], None]) -> Iterator[Running]:
    """A `vouch serve` in a folder of its own, with an admin key; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as folder:
        settings = Settings(data_dir=Path(folder), database_url=None)
        progress("starting a database and a server")
        with database_of(settings) as url, database.connect(url) as db:
            database.migrate(db, now=now)
            key = keys.create_key(db, role="admin", label="bench", now=now)
            with _serving(folder, workers) as (port, process_group):
                yield Running(port, key, process_group)


@contextlib.contextmanager
def _serving(folder: str, workers: int) -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {n: v for n, v in os.environ.items() if n != "VOUCH_DATABASE_URL"}
    command = [sys.executable, "-m", "serving.cli", "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers)]
    child = subprocess.Popen(
        command,
        env=environment | {"VOUCH_DATA_DIR": folder},
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
