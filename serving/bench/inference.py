"""`vouch bench inference`: how long a forecast on demand takes, asked of a running server.

Each request carries the history of ten series, and the champion that answers was trained on series
like them. Requests come one by one, then a burst of them at once.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.frame import KEY, Panel
from inventory.errors import Unavailable
from models.gate import Verdict
from models.members import Preset
from pipelines.predict import fit_ensemble
from pipelines.settings import Settings
from pipelines.train import register
from serving.bench.load import Measured, Request, run
from serving.bench.servers import Running, cpu_seconds, machine, own_database, serving

SERIES = 10
HORIZON = 28
P95_MS_MAX = 300.0
"""What is promised to whoever asks about ten series."""

TRAINED_SERIES = 20
BURST = 8
RATE_PER_SECOND = 1.0
BURST_RATE_PER_SECOND = 1_000.0
WARM_UP = 3
"""The first loads the champion."""

PROMOTED_SHARE = 0.1
FIRST_DAY = date(2023, 1, 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked: `days` of history per series; `requests` one by one."""

    days: int = 730
    requests: int = 60
    preset: Preset = "full"
    seed: int = 7
    threads: int = 2


def measure(
    plan: Plan, *, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Latency of requests for ten series, one by one and eight at once."""
    rng = np.random.default_rng(plan.seed)
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
        folder = Path(name)
        progress(f"training the {plan.preset} preset on {TRAINED_SERIES} series")
        train(folder, plan, rng=rng, now=now)
        progress("starting a database and a server")
        with (
            own_database(folder, now=now) as url,
            serving(folder, url, workers=1, now=now) as running,
        ):
            figures = _measured(running, plan, rng=rng, progress=progress)
    p95 = figures["one_by_one"]["p95_ms"]
    return {
        "machine": machine(),
        "series": SERIES,
        "horizon": HORIZON,
        **asdict(plan),
        **figures,
        "p95_ms_max": P95_MS_MAX,
        "fast_enough": p95 <= P95_MS_MAX,
    }


def train(folder: Path, plan: Plan, *, rng: np.random.Generator, now: datetime) -> None:
    """A champion in the registry of `folder`."""
    panel = made_up(TRAINED_SERIES, days=plan.days, rng=rng)
    fitted = fit_ensemble(
        panel, horizon=HORIZON, preset=plan.preset, seed=plan.seed, threads=plan.threads
    )
    settings = Settings(
        data_dir=folder, database_url=None, mlflow_tracking_uri=None, horizon_days=HORIZON
    )
    register(
        fitted,
        panel,
        settings,
        verdict=Verdict(True, "it is measured"),
        parameters={"preset": plan.preset, "seed": plan.seed},
        now=now,
        by="vouch bench",
    )


def made_up(series: int, *, days: int, rng: np.random.Generator) -> Panel:
    """Daily sales with a week, promotions that double them at a lower price, and categories."""
    dates = [FIRST_DAY + timedelta(days=t) for t in range(days + HORIZON)]
    week = 1 + 0.4 * np.sin(2 * np.pi * np.arange(days + HORIZON) / 7)
    frames = []
    for number in range(series):
        promoted = rng.random(days + HORIZON) < PROMOTED_SHARE
        mean_units = rng.gamma(2, 3) * week * np.where(promoted, 2, 1)
        frames.append(
            pl.DataFrame({
                "sku": f"S{number:03d}", "location": f"L{number % 3}", "date": dates,
                "units": rng.poisson(mean_units).astype(float), "in_stock": 1.0,
                "price": np.where(promoted, 8.0, 10.0), "promotion": promoted.astype(float),
                "category": f"C{number % 5}",
            })
        )  # fmt: skip
    every = pl.concat(frames)
    ahead = pl.col("date") > dates[days - 1]
    return Panel(
        history=every.filter(~ahead),
        future=every.filter(ahead).select(*KEY, "price", "promotion"),
    )


def request_of(panel: Panel) -> Request:
    """The question about a panel, as somebody would send it."""
    history, future = (
        frame.with_columns(pl.col("date").cast(pl.String)).to_dicts()
        for frame in (panel.history, panel.future)
    )
    body = {"history": history, "future": future, "horizon": HORIZON}
    return Request("POST", "/inference/series", json.dumps(body).encode())


def _measured(
    running: Running, plan: Plan, *, rng: np.random.Generator, progress: Callable[[str], None]
) -> dict[str, Any]:
    asked = [request_of(made_up(SERIES, days=plan.days, rng=rng)) for _ in range(BURST)]

    def load(count: int, rate_per_second: float) -> Measured:
        found = run(
            [asked[n % BURST] for n in range(count)],
            rate_per_second=rate_per_second,
            host="127.0.0.1",
            port=running.port,
            key=running.key,
        )
        if not found.all_answered("200"):
            raise Unavailable(f"forecasts on demand were not all answered: {found.statuses}")
        return found

    for _ in range(WARM_UP):
        load(1, RATE_PER_SECOND)
    progress(f"{plan.requests} requests one by one")
    before = cpu_seconds(running.process_group)
    alone = load(plan.requests, RATE_PER_SECOND)
    spent = cpu_seconds(running.process_group) - before
    progress(f"{BURST} requests at once")
    together = load(BURST, BURST_RATE_PER_SECOND)
    cpu_ms = {"server_cpu_ms": round(spent * 1000 / plan.requests, 1)}
    return {"one_by_one": alone.as_dict() | cpu_ms, "burst": together.as_dict()}
