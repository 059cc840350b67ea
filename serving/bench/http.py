"""`vouch bench http`: latency of the two calls behind every sale, on a small catalogue.

The catalogue is filled through the API, and an open-loop load is sent from another process.
"""

import json
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from serving.bench.load import Request, run
from serving.bench.servers import Running, cpu_seconds, machine, own_database, serving

WARM_UP_SECONDS = 2.0
LOCATIONS = 4
SKUS = 250
UNITS_PER_POSITION = 1_000_000
RATE_AVAILABILITY = 100.0
RATE_RESERVATIONS = 50.0


def http(
    *,
    seconds: float,
    workers: int,
    seed: int,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Latency of availability at 100 requests/s and of one-line reservations at 50/s."""
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
        folder = Path(name)
        progress("starting a database and a server")
        with (
            own_database(folder, now=now) as url,
            serving(folder, url, workers=workers, now=now) as running,
        ):
            figures = _measured(running, seconds=seconds, seed=seed, now=now, progress=progress)
    return {"machine": machine(), "workers": workers, "seed": seed, **figures}


def _measured(
    running: Running,
    *,
    seconds: float,
    seed: int,
    now: datetime,
    progress: Callable[[str], None],
) -> dict[str, Any]:
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
    return figures


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
