"""`vouch bench forecast`: time and memory of `vouch predict` against the number of series.

Each size is a process of its own on files of its own, as a user would run it, so that the peak of
memory is that of the whole command. Cost is linear when a series is no dearer among many than
among few.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
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
"""Seconds per series at the largest size over those at the smallest. Start-up flatters it."""

ARIMA_SERIES = 1_000

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
    def growth(self) -> float:
        """Seconds per series at the largest size over those at the smallest."""
        first, last = self.runs[0], self.runs[-1]
        return round(first.series_per_second / last.series_per_second, 2)

    def as_dict(self) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "horizon": FRESHRETAIL.horizon,
            "runs": [run.as_dict() for run in self.runs],
            "seconds_per_series_growth": self.growth,
            "linear": self.growth <= LINEAR_MAX,
            "arima_series_per_second": self.arima_series_per_second,
            "machine": self.machine,
        }

    def lines(self) -> list[str]:
        """One line per size."""
        verdict = "linear" if self.growth <= LINEAR_MAX else "GROWS"
        return [
            *(run.line() for run in self.runs),
            f"{verdict}: a series costs {self.growth} times as much among the most",
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
    command += ["--out", str(folder / "forecast.parquet")]
    asked = {"VOUCH_THREADS": str(threads), "VOUCH_SEED": str(seed)}
    started = time.monotonic()
    child = subprocess.Popen(command, env=os.environ | asked, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Unavailable(f"vouch predict on {N:,} series failed; its message is above")
    return Run(N, T, round(seconds, 1), round(used.ru_maxrss / PEAK_PER_GIB, 2))


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
