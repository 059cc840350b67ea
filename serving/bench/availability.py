"""`vouch bench availability`: the engine's speed on a large stock, beside the least it could cost.

Everything runs on a PostgreSQL of its own with durable commits, client and server on this machine,
and ends with `verify`: figures of an engine that lost count would be worth nothing.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inventory.store import bench_data, bench_floor, database
from inventory.store.verify import verify
from serving.bench import expiry, over_http, promises, reads, syncs
from serving.bench.bed import Bed, Row
from serving.bench.servers import machine, own_database

MEASUREMENTS: dict[str, Callable[[Bed], Row]] = {
    "one-line": promises.one_line,
    "baskets": promises.baskets,
    "sync": syncs.sync,
    "position": reads.position,
    "positions": reads.positions,
    "group": reads.group,
    "http-ask": over_http.ask_one,
    "http-query": over_http.ask_many,
    "http-reserve": over_http.reserve,
    "hot": promises.hot,
    "expiry": expiry.expiry,
}
"""By name, in the order in which they run."""

IN_PROCESS = tuple(name for name in MEASUREMENTS if not name.startswith("http-"))

SIZES = (10_000, 100_000, 1_000_000)
FLAT_MAX = 2.0
"""Cost at the largest size over that at the smallest: noise and deeper trees, not scans."""


@dataclass(frozen=True, slots=True)
class Report:
    """The table, what it was measured on, and whether the books were in order at the end."""

    machine: dict[str, Any]
    server: dict[str, str]
    positions: int
    seconds: float
    seed: int
    rows: list[Row]
    verified: list[str]
    drifts: int

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "skus": self.positions // bench_data.LOCATIONS,
            "locations": bench_data.LOCATIONS,
            "rows": [row.as_dict() for row in self.rows],
        }

    def lines(self) -> list[str]:
        """The table for people."""
        stock = f"{self.positions:,} positions"
        return [
            *(row.line() for row in self.rows),
            f"verify: {self.verified[0]}",
            f"on {stock}, PostgreSQL {self.server}, {self.machine}",
        ]


@dataclass(frozen=True, slots=True)
class Growth:
    """The same measurements at several sizes, smallest first."""

    reports: list[Report]

    def costs(self) -> dict[str, dict[str, Any]]:
        """Milliseconds of one operation by size, and the cost at the largest over the smallest."""
        by_name: dict[str, dict[str, Any]] = {}
        for report in self.reports:
            for row in report.rows:
                costs = by_name.setdefault(row.name, {})
                costs[f"{report.positions:,} positions"] = round(row.cost_ms, 3)
        for costs in by_name.values():
            smallest, *_, largest = costs.values()
            costs["times"] = round(largest / smallest, 2)
            costs["flat"] = costs["times"] <= FLAT_MAX
        return by_name

    def as_dict(self) -> dict[str, Any]:
        return {"costs_ms": self.costs(), "sizes": [report.as_dict() for report in self.reports]}

    def lines(self) -> list[str]:
        """One line per operation."""
        return [
            f"{'flat' if costs['flat'] else 'GROWS'}  {name}: "
            + ", ".join(f"{cost} ms at {size}" for size, cost in list(costs.items())[:-2])
            + f" ({costs['times']}x)"
            for name, costs in self.costs().items()
        ]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. `only`: names of measurements; empty: everything."""

    positions: int = SIZES[-1]
    seconds: float = 10.0
    seed: int = 7
    workers: int = 1
    only: Sequence[str] = ()


def measure(
    plan: Plan,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Load, measure, verify."""
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
        folder = Path(name)
        progress("starting a database")
        with own_database(folder, now=clock()) as url, database.connect(url) as db:
            loaded = bench_data.fill(db, positions=plan.positions, now=clock(), report=progress)
            bench_floor.prepare(db)
            bed = Bed(folder, url, loaded, plan.seconds, plan.seed, clock, plan.workers)
            rows = []
            for measurement in plan.only or MEASUREMENTS:
                progress(f"measuring {measurement}")
                rows.append(MEASUREMENTS[measurement](bed))
            progress("verifying every balance against its entries")
            verified = verify(db)
            return Report(
                machine=machine() | {"vouch": version("vouch")},
                server=bench_data.server_facts(db),
                positions=loaded.positions,
                seconds=plan.seconds,
                seed=plan.seed,
                rows=rows,
                verified=verified.lines()[:10],
                drifts=len(verified.drifts),
            )


def against_size(
    plan: Plan,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[str], None] = lambda _: None,
    sizes: Sequence[int] = SIZES,
) -> Growth:
    """The same measurements at each size, on a database of its own."""
    plans = [replace(plan, positions=size, only=plan.only or IN_PROCESS) for size in sizes]
    return Growth([measure(each, clock=clock, progress=progress) for each in plans])
