"""What a measurement stands on: loaded stock, a clock, random positions, and loops that time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psycopg

from inventory.store import bench_data, database
from inventory.store.bench_data import LOCATIONS, Loaded

CONNECTIONS = 8

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bed:
    """One loaded database, and how long each measurement may take."""

    folder: Path
    url: str
    loaded: Loaded
    seconds: float
    seed: int
    clock: Callable[[], datetime]
    workers: int = 1

    def connect(self) -> psycopg.Connection:
        return database.connect(self.url)

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def pairs(self, rng: np.random.Generator, count: int) -> list[Pair]:
        """So many random positions, in no order; no repeats as far as there are enough."""
        total = self.loaded.positions
        if count > total // 4:
            places = np.resize(rng.permutation(total), count)
        else:
            drawn: dict[int, None] = {}
            while len(drawn) < count:
                drawn |= dict.fromkeys(rng.integers(total, size=count - len(drawn)).tolist())
            places = np.fromiter(drawn, np.int64, count)
        return [
            (bench_data.sku(n), bench_data.location(m))
            for n, m in zip(*(part.tolist() for part in divmod(places, LOCATIONS)), strict=True)
        ]


def method_at(location: str) -> str:
    """How the customers of a loaded location get their goods."""
    return "ship" if location < _FIRST_STORE else "bopis"


_FIRST_STORE = bench_data.location(bench_data.WAREHOUSES)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, what was to be reached, and whether it was."""

    name: str
    reach: str
    figures: dict[str, Any]
    passed: bool
    cost_ms: float
    """Milliseconds of one operation, to compare sizes with."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "operation": self.name,
            "reach": self.reach,
            "passed": self.passed,
            **self.figures,
        }

    def line(self) -> str:
        """The row as a sentence for people."""
        told = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in self.figures.items()
        )
        return f"{'pass' if self.passed else 'MISS'}  {self.name}: {told}  (reach: {self.reach})"


@dataclass(slots=True)
class Timed:
    """Seconds of every call, and how much they did in how long."""

    seconds: list[float] = field(default_factory=list)
    units: int = 0
    wall_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return self.units / self.wall_seconds

    def milliseconds(self, percent: float) -> float:
        """A percentile of the time that one call took."""
        return round(float(np.percentile(self.seconds, percent)) * 1000, 3)

    def percentiles(self) -> dict[str, float]:
        return {f"p{percent}_ms": self.milliseconds(percent) for percent in (50, 95, 99)}


Prepared = TypeVar("Prepared")


def repeat(
    act: Callable[[Prepared], int],
    *,
    prepare: Callable[[], Prepared],
    seconds: float,
    calls_min: int = 1,
) -> Timed:
    """Call again and again for so long, and at least so often.

    `act` returns the units it did; what `prepare` makes for it costs no time that counts.
    """
    timed = Timed()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(timed.seconds) < calls_min:
        prepared = prepare()
        began = time.perf_counter()
        timed.units += act(prepared)
        timed.seconds.append(time.perf_counter() - began)
    timed.wall_seconds = sum(timed.seconds)
    return timed


Means = TypeVar("Means")
Worker = Callable[[psycopg.Connection, np.random.Generator], int]


def side_by_side(bed: Bed, act: Worker, *, seconds: float) -> Timed:
    """As many threads as `CONNECTIONS`, each calling `act` on a connection of its own."""
    return in_threads(bed, act, means=bed.connect, seconds=seconds, threads=CONNECTIONS)


def in_threads(
    bed: Bed,
    act: Callable[[Means, np.random.Generator], int],
    *,
    means: Callable[[], AbstractContextManager[Means]],
    seconds: float,
    threads: int,
) -> Timed:
    """So many threads at once, each calling `act` with `means` of its own and a generator.

    A thread stops when its time is over or `act` did nothing.
    """
    total = Timed()
    start = threading.Barrier(threads + 1)

    def work(number: int) -> Timed:
        rng = np.random.default_rng((bed.seed, number))
        timed = Timed()
        with means() as given:
            start.wait()
            began = time.perf_counter()
            while (done := time.perf_counter()) - began < seconds:
                units = act(given, rng)
                if units == 0:
                    break
                timed.units += units
                timed.seconds.append(time.perf_counter() - done)
        return timed

    with ThreadPoolExecutor(threads) as executor:
        futures = [executor.submit(work, number) for number in range(threads)]
        start.wait()
        began = time.perf_counter()
        parts = [future.result() for future in futures]
        total.wall_seconds = time.perf_counter() - began
    for part in parts:
        total.seconds += part.seconds
        total.units += part.units
    return total


def beside(
    bed: Bed, *, floor: Callable[[float], Timed], ours: Callable[[float], Timed]
) -> tuple[Timed, Timed]:
    """The floor and ours in turns, two of each, so that both see the same machine.

    Both are given the seconds of a turn.
    """
    turns = 2
    first, second = Timed(), Timed()
    for _ in range(turns):
        for measured, into in ((floor, first), (ours, second)):
            part = measured(bed.seconds / turns)
            into.seconds += part.seconds
            into.units += part.units
            into.wall_seconds += part.wall_seconds
    return first, second
