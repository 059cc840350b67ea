"""Speed of building features: rows per second, beside one rolling mean over the same rows.

The rows are series of daily sales made up from a seed, with stock-outs and a promotion. Lags and
rolling windows are all features that read nothing but the series' own demand; the catalogue is
everything that such a panel gets. Every feature is made on every row.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from features.build import FeatureTable, build, recipe_for
from features.frame import DATE, IN_STOCK, LOCATION, SKU, UNITS, Panel
from features.recipe import Recipe
from inventory.errors import InputRejected
from pipelines.phrases import phrase
from serving.bench.servers import machine

FLOOR_WINDOW = 28
LOCATIONS = 50
HORIZON = 14
RUNS = 3
"""Each measurement counts by its fastest of so many runs."""
TARGET_ROWS_PER_SECOND = 2_000_000
FIRST_DAY = date(2024, 1, 1)


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds on the wall, and of the processor over all threads."""

    seconds: float
    cpu_seconds: float


@dataclass(slots=True)
class FeatureSpeed:
    """What was measured; rates in rows of the history and horizon per second."""

    machine: dict[str, Any]
    rows: int
    series: int
    threads: int
    rolling_features: int
    rolling_rows_per_second: int
    rolling_cpu_ns_per_row: int
    all_features: int
    all_rows_per_second: int
    all_cpu_ns_per_row: int
    laid_out_rows_per_second: int
    floor_rows_per_second: int
    rolling_times_floor: float
    target_rows_per_second: int = TARGET_ROWS_PER_SECOND

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Sentences for a person."""
        yield (
            f"{self.rolling_rows_per_second / 1e6:.2f} million rows/s: {self.rolling_features} "
            f"lags and rolling features on {self.rows:,} rows, {self.threads} threads, "
            f"{self.rolling_cpu_ns_per_row} ns of CPU a row"
        )
        yield (
            f"{self.all_rows_per_second / 1e6:.2f} million rows/s: all {self.all_features} "
            f"features of such a file, {self.all_cpu_ns_per_row} ns of CPU a row"
        )
        yield (
            f"{self.laid_out_rows_per_second / 1e6:.2f} million rows/s: laying the panel side by "
            "side, once for either"
        )
        yield (
            f"{self.floor_rows_per_second / 1e6:.2f} million rows/s: the floor, one polars "
            f"rolling_mean; {self.rolling_features} features cost as much as "
            f"{self.rolling_times_floor:.0f} of it"
        )
        yield f"on {self.machine}"


def run(
    *,
    rows: int = 1_000_000,
    periods: int = 90,
    threads: int = 2,
    seed: int = 7,
    progress: Callable[[str], None] = lambda _: None,
) -> FeatureSpeed:
    """Build features on about `rows` rows of series of `periods` days."""
    if rows < periods:
        raise InputRejected(f"must be at least {periods}, one series", field="--rows")
    progress(f"making {rows:,} rows")
    panel = made_up(max(1, rows // periods), periods=periods, seed=seed)
    recipe = recipe_for(panel, horizon=HORIZON)
    own = rolling_only(recipe)
    laid, table = timed(lambda: build(panel, own, threads=threads))
    everything = build(panel, recipe, threads=threads)
    cells = len(table.demand_units)
    progress(f"{len(own.features)} lags and rolling features")
    with threadpool_limits(1):  # One thread per worker; nested pools would only spin.
        rolling, _ = timed(lambda: make_all(table))
        progress(f"all {len(recipe.features)} features")
        catalogue, _ = timed(lambda: make_all(everything))
    progress("one rolling mean, the floor")
    demand = pl.DataFrame({"demand": table.demand_units})
    mean = pl.col("demand").rolling_mean(FLOOR_WINDOW, min_samples=1)
    floor, _ = timed(lambda: demand.select(mean))
    return FeatureSpeed(
        machine=machine(),
        rows=cells,
        series=len(table.first_row),
        threads=threads,
        rolling_features=len(own.features),
        rolling_rows_per_second=round(cells / rolling.seconds),
        rolling_cpu_ns_per_row=round(1e9 * rolling.cpu_seconds / cells),
        all_features=len(recipe.features),
        all_rows_per_second=round(cells / catalogue.seconds),
        all_cpu_ns_per_row=round(1e9 * catalogue.cpu_seconds / cells),
        laid_out_rows_per_second=round(cells / laid.seconds),
        floor_rows_per_second=round(cells / floor.seconds),
        rolling_times_floor=round(rolling.seconds / floor.seconds, 1),
    )


def rolling_only(recipe: Recipe) -> Recipe:
    """The recipe cut down to lags and windows of the series' own demand."""
    names = tuple(f.name for f in recipe.features if f.name.startswith(("demand_", "season_")))
    return Recipe.from_dict(recipe.as_dict() | {"columns": names, "groups": ()})


def make_all(table: FeatureTable) -> None:
    """Every feature on every row, a stretch of series at a time, then dropped."""

    def make(some: slice) -> None:
        table.every_row(some)

    with ThreadPoolExecutor(table.threads) as pool:
        list(pool.map(make, table.stretches()))


def timed(call: Callable[[], Any]) -> tuple[Timed, Any]:
    """The fastest of `RUNS` calls, and what the last returned."""
    best = Timed(float("inf"), 0.0)
    for _ in range(RUNS):
        began, cpu_began = time.perf_counter(), time.process_time()
        result = call()
        once = Timed(time.perf_counter() - began, time.process_time() - cpu_began)
        best = min(best, once, key=lambda timed: timed.seconds)
    return best, result


def made_up(series: int, *, periods: int, seed: int) -> Panel:
    """Daily sales of `series` items at up to 50 locations, out of stock on a tenth of the days."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(1.0, 4.0, size=(series, 1))
    promotion = (rng.random((series, periods)) < 0.1).astype(float)  # noqa: PLR2004
    units = rng.poisson(level * (1 + 0.5 * promotion)).astype(float)
    in_stock = np.where(rng.random((series, periods)) < 0.1, rng.random((series, periods)), 1.0)  # noqa: PLR2004
    number = np.repeat(np.arange(series), periods)
    sku, location = (
        phrase(letter + "{}", column.cast(pl.String).str.zfill(7))
        for letter, column in (("S", pl.col(SKU)), ("L", pl.col(LOCATION)))
    )
    names = pl.DataFrame({SKU: number // LOCATIONS, LOCATION: number % LOCATIONS}).select(
        sku.alias(SKU), location.alias(LOCATION)
    )
    days = pl.Series([FIRST_DAY + timedelta(days=t) for t in range(periods)], dtype=pl.Date)
    history = names.with_columns(
        pl.Series(DATE, days.gather(np.tile(np.arange(periods), series))),
        pl.Series(UNITS, units.reshape(-1)),
        pl.Series(IN_STOCK, in_stock.reshape(-1)),
        pl.Series("promotion", promotion.reshape(-1)),
    )
    return Panel(history=history, future=history.head(0).select(SKU, LOCATION, DATE))
