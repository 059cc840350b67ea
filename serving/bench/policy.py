"""`vouch bench policy`: policies of a million positions, in memory and through PostgreSQL.

Beside each figure stands the least it could cost: one pass over the same arrays, and bare COPY of
the same rows out of and into tables without a key.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg

from inventory.order_plan import LOT_COVER_DAYS_MAX
from inventory.policy.lot_size import DAYS_PER_YEAR, economic_order_quantity_units
from inventory.policy.safety_stock import safety_stock_variable_lead_time_units
from inventory.store import database, policy_bench
from inventory.store.bulk import copy_in
from inventory.store.demand_windows import read_windows
from inventory.store.policies import POLICY_COLUMNS, read_positions
from pipelines import policies
from pipelines.demand_windows import stated_digest
from pipelines.policies import Decided
from pipelines.settings import Settings
from serving.bench.servers import machine, own_database

RUNS = 3
"""Work in memory counts by its fastest of so many runs."""
MEMORY_SECONDS_MAX = 5.0
DATABASE_SECONDS_MAX = 90.0

CHECKED = 1_000
"""Positions whose policy is worked out again by the textbook's functions, one by one."""


@dataclass(slots=True)
class PolicySpeed:
    """What was measured; seconds on the wall, and of this process's CPU where it says so."""

    machine: dict[str, Any]
    positions: int
    memory_seconds: float
    memory_cpu_seconds: float
    memory_floor_seconds: float
    memory_times_floor: float
    database_seconds: float
    database_cpu_seconds: float
    database_floor_seconds: float
    database_times_floor: float
    again_seconds: float
    steps: dict[str, float]
    written: int
    written_again: int
    checked: int
    largest_difference_units: float
    memory_seconds_max: float = MEMORY_SECONDS_MAX
    database_seconds_max: float = DATABASE_SECONDS_MAX

    @property
    def fast_enough(self) -> bool:
        """Whether both stay within what is promised for a million positions."""
        return (
            self.memory_seconds <= self.memory_seconds_max
            and self.database_seconds <= self.database_seconds_max
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"fast_enough": self.fast_enough}

    def lines(self) -> Iterator[str]:
        """Sentences for a person."""
        yield (
            f"{self.positions:,} positions: {self.memory_seconds:.2f} s in memory "
            f"({self.memory_times_floor:.0f} times one pass over the arrays), "
            f"{self.database_seconds:.1f} s with PostgreSQL ({self.database_times_floor:.1f} "
            "times bare COPY)"
        )
        yield ", ".join(f"{step} {seconds:.1f} s" for step, seconds in self.steps.items())
        yield (
            f"{self.written:,} policies written; the same again: {self.written_again:,} in "
            f"{self.again_seconds:.1f} s"
        )
        yield (
            f"{self.checked:,} of them beside the textbook's functions: at most "
            f"{self.largest_difference_units:.4f} units apart"
        )
        verdict = "within" if self.fast_enough else "OVER"
        yield (
            f"{verdict} {self.memory_seconds_max:.0f} s and {self.database_seconds_max:.0f} s; "
            f"on {self.machine}"
        )


def measure(
    *, positions: int, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> PolicySpeed:
    """Fill a database of its own, then work out and write every policy."""
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
        folder = Path(name)
        settings = Settings(data_dir=folder, database_url=None)
        progress("starting a database")
        with own_database(folder, now=now) as url, database.connect(url) as db:
            made = policy_bench.fill(
                db, positions=positions, stated=stated_digest(db, now=now), now=now,
                report=progress,
            )  # fmt: skip
            progress("working out policies, reading from and writing to PostgreSQL")
            found, steps, cpu = _through_database(db, settings, now=now)
            progress("the same again")
            again, _, _ = _through_database(db, settings, now=now)
            progress("in memory")
            memory, memory_cpu, memory_floor = _in_memory(found.decided)
            progress("bare COPY")
            database_floor = _floor(db, found.decided)
    total, difference = sum(steps.values()), _difference(found.decided)
    return PolicySpeed(
        machine=machine(), positions=made,
        memory_seconds=memory, memory_cpu_seconds=memory_cpu,
        memory_floor_seconds=memory_floor, memory_times_floor=memory / memory_floor,
        database_seconds=total, database_cpu_seconds=cpu,
        database_floor_seconds=database_floor, database_times_floor=total / database_floor,
        again_seconds=again.seconds, steps={k: round(v, 2) for k, v in steps.items()},
        written=found.written, written_again=again.written,
        checked=min(CHECKED, made), largest_difference_units=difference,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """One run over everything."""

    decided: Decided
    written: int
    seconds: float


def _through_database(
    db: psycopg.Connection, settings: Settings, *, now: datetime
) -> tuple[Done, dict[str, float], float]:
    """Read positions and windows, decide, write: seconds by step, and CPU of this process."""
    cpu, started = time.process_time(), time.perf_counter()
    table = read_positions(db, now=now)
    read = time.perf_counter()
    decided = policies.decide(db, table, settings, now=now, choose=False)
    known = time.perf_counter()
    written, _ = policies.write(db, decided, now=now)
    ended = time.perf_counter()
    steps = {
        "read positions": read - started,
        "read windows and decide": known - read,
        "write policies": ended - known,
    }
    return Done(decided, written, ended - started), steps, time.process_time() - cpu


def _in_memory(found: Decided) -> tuple[float, float, float]:
    """Fastest seconds and CPU of the arithmetic alone, and of one pass over what it reads."""
    runs = []
    for _ in range(RUNS):
        cpu, started = time.process_time(), time.perf_counter()
        policies.decided(found.table, found.windows, found.prices)
        runs.append((time.perf_counter() - started, time.process_time() - cpu))
    columns = ("level", "order_cost", "holding_cost", "review_period_days")
    arrays = [found.windows.quantiles_units, *(found.table[c].to_numpy() for c in columns)]
    floors = []
    for _ in range(RUNS):
        started = time.perf_counter()
        for array in arrays:
            np.sum(array)
        floors.append(time.perf_counter() - started)
    return *min(runs), min(floors)


def _floor(db: psycopg.Connection, found: Decided) -> float:
    """Seconds of bare COPY: the windows out, the policies into a table without a key."""
    rows = policies.policy_rows(db, found)
    policy_bench.empty_copy(db)
    started = time.perf_counter()
    read_windows(db)
    copy_in(db, rows, table="bench_policies", columns=POLICY_COLUMNS)
    return time.perf_counter() - started


def _difference(found: Decided) -> float:
    """The largest gap between vectorised policies and the textbook's functions, in units.

    The bench's demand is normal, so its safety stock has a closed form wherever the target is a
    cycle service; the lot has one everywhere.
    """
    table = found.table.with_columns(
        pl.Series("safety", found.policy.safety_stock_units),
        pl.Series("lot", found.policy.economic_lot_units),
        pl.Series("rate", found.demand_per_day_units),
    )
    step = max(1, len(table) // CHECKED)
    gaps = [0.0]
    for row in table.gather_every(step).iter_rows(named=True):
        rate = row["rate"]
        if row["target_kind"] == "cycle_service":
            number = int(row["sku"][1:])
            safety = safety_stock_variable_lead_time_units(
                service_level=row["level"], demand_mean_units=rate,
                demand_sd_units=rate * (0.3 + 0.1 * (number % 10)),
                lead_time_days=row["lead_time_days"], lead_time_sd_days=row["lead_time_sd_days"],
                review_period_days=row["review_period_days"],
            )  # fmt: skip
            gaps.append(abs(row["safety"] - max(float(safety), 0.0)))
        lot = economic_order_quantity_units(
            demand_rate_units=rate * DAYS_PER_YEAR, order_cost=row["order_cost"],
            holding_cost=row["holding_cost"],
        )  # fmt: skip
        gaps.append(abs(row["lot"] - min(float(lot), rate * LOT_COVER_DAYS_MAX)))
    return max(gaps)
