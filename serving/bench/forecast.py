"""`vouch bench forecast`: time and memory of `vouch predict` against the number of series.

Each size is a process of its own on files of its own, as a user would run it, so that the peak of
memory is that of the whole command. Cost is linear when a further series is no dearer among many
than among few.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from inventory.demand import LEVELS
from inventory.errors import InputRejected, Unavailable
from models.arima import ArimaForecaster
from models.members import Preset
from pipelines.panel_file import read_panel
from serving.bench.accuracy_data import FRESHRETAIL, data_folder, load, split
from serving.bench.servers import machine

SIZES = (1_000, 10_000, 50_000)

LINEAR_MAX = 1.2
"""What a further series costs between the largest sizes, over that between the smallest."""

ARIMA_SERIES = 1_000

LAUNCHER = """
import os, sys
pid = os.posix_spawn(sys.executable, sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
"""
"""A process counts the memory of whoever started it into its peak, so a small one starts it."""

PEAK_PER_GIB = 2**30 if sys.platform == "darwin" else 2**20
"""The system counts bytes on macOS, KiB elsewhere."""


@dataclass(frozen=True, slots=True)
class Run:
    """One `vouch predict`, from its start to its end."""

    series: int
    periods: int
    seconds: float
    peak_gib: float

    @property
    def series_per_second(self) -> float:
        return self.series / self.seconds

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"series_per_second": round(self.series_per_second, 1)}

    def line(self) -> str:
        return (
            f"{self.series:,} series of {self.periods} days: {self.seconds:.0f} s, "
            f"{self.peak_gib:.2f} GiB, {self.series_per_second:.1f} series/s"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All sizes, smallest first, and the speed of the dearest member alone."""

    preset: Preset
    runs: list[Run]
    arima_series_per_second: float
    machine: dict[str, Any]

    @property
    def further_series_seconds(self) -> list[float]:
        """What each further series costs, from one size to the next: start-up is in neither."""
        pairs = pairwise(self.runs)
        return [round((b.seconds - a.seconds) / max(1, b.series - a.series), 4) for a, b in pairs]

    @property
    def growth(self) -> float | None:
        """The last of `further_series_seconds` over the first; None below three sizes."""
        costs = self.further_series_seconds
        return round(costs[-1] / max(costs[0], 1e-9), 2) if len(costs) > 1 else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "horizon": FRESHRETAIL.horizon,
            "runs": [run.as_dict() for run in self.runs],
            "further_series_seconds": self.further_series_seconds,
            "growth": self.growth,
            "linear": None if self.growth is None else self.growth <= LINEAR_MAX,
            "arima_series_per_second": self.arima_series_per_second,
            "machine": self.machine,
        }

    def lines(self) -> list[str]:
        """One line per size."""
        growth = []
        if self.growth is not None:
            verdict = "linear" if self.growth <= LINEAR_MAX else "GROWS"
            costs = ", ".join(f"{cost} s" for cost in self.further_series_seconds)
            growth = [f"{verdict}: a further series costs {costs}, {self.growth} times as much"]
        return [
            *(run.line() for run in self.runs),
            *growth,
            f"ARIMA alone: {self.arima_series_per_second:.0f} series/s",
            f"on {self.machine}",
        ]


def measure(
    folder: Path | None,
    *,
    sizes: Sequence[int] = SIZES,
    preset: Preset = "full",
    seed: int = 7,
    threads: int = 2,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """`vouch predict` on FreshRetail at each size, and ARIMA alone on a sample."""
    if not sizes or min(sizes) < 1:
        raise InputRejected("needs numbers of series, like 1000,10000", field="series")
    where = data_folder(folder)
    runs = []
    for size in sorted(sizes):
        with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
            progress(f"vouch predict --preset {preset} on {size:,} series")
            runs.append(
                run(where, Path(name), size=size, preset=preset, seed=seed, threads=threads)
            )
            progress(runs[-1].line())
    progress("ARIMA alone")
    return Report(
        preset,
        runs,
        round(arima_series_per_second(where, seed=seed, threads=threads), 1),
        machine() | {"threads": threads, "vouch": version("vouch")},
    )


def run(where: Path, folder: Path, *, size: int, preset: Preset, seed: int, threads: int) -> Run:
    """One command on `size` series drawn at random, its files in `folder`."""
    window = split(FRESHRETAIL, load(FRESHRETAIL, where, series=size, seed=seed), back=0)
    history, future = window.write(folder)
    N, T = window.past_units.shape
    del window
    command = [sys.executable, "-m", "serving.cli", "predict", "--history", str(history)]
    command += ["--future", str(future), "--horizon", str(FRESHRETAIL.horizon)]
    command += ["--window", "7,14", "--levels", "0.1,0.5,0.9,0.95,0.99", "--preset", preset]
    command += ["--out", str(folder / "forecast.parquet"), "--json"]
    asked = {"VOUCH_THREADS": str(threads), "VOUCH_SEED": str(seed)}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command],
        env=os.environ | asked,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - started
    code, peak = (int(figure) for figure in done.stdout.split()[-2:])
    if code != 0:
        raise Unavailable(f"vouch predict on {N:,} series failed; its message is above")
    return Run(N, T, round(seconds, 1), round(peak / PEAK_PER_GIB, 2))


def arima_series_per_second(where: Path, *, seed: int, threads: int) -> float:
    """Series that ARIMA alone fits and forecasts a second."""
    window = split(FRESHRETAIL, load(FRESHRETAIL, where, series=ARIMA_SERIES, seed=seed), back=0)
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
        panel, _ = read_panel(*window.write(Path(name)))
    H = FRESHRETAIL.horizon
    started = time.monotonic()
    member = ArimaForecaster(seed=seed, threads=threads).fit(panel, horizon=H)
    member.predict(panel, horizon=H, levels=np.array(LEVELS))
    return len(window.keys) / (time.monotonic() - started)
