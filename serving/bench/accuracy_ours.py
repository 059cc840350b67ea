"""Our own forecast of a split: `vouch predict` on plain files, and what each member said."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from features.frame import DATE, SERIES
from inventory.demand import DemandForecast
from models.members import Preset
from models.metrics import SCORED_LEVELS
from pipelines.predict import level_name, predict_file
from serving.bench.accuracy_data import Split
from serving.bench.accuracy_peers import Said, without_closed

QUANTILES = [level_name(level) for level in SCORED_LEVELS]


@dataclass(frozen=True, slots=True, eq=False)
class Ours:
    """The ensemble, its members from the same fit, and the weights that it gave them."""

    ensemble: Said
    members: dict[str, Said]
    weights: dict[str, float]


def forecast(
    split: Split,
    folder: Path,
    *,
    preset: Preset,
    seed: int,
    threads: int,
    progress: Callable[[str], None],
) -> Ours:
    """Write the split's files into `folder`, predict, and read back what was written."""
    history, future = split.write(folder)
    report = predict_file(
        history, future, horizon=split.horizon, levels=SCORED_LEVELS,
        out_path=folder / "forecast.parquet", window=split.data.sums, preset=preset, seed=seed,
        threads=threads, keep_members=True, progress=progress,
    )  # fmt: skip
    N = len(split.keys)
    rows = np.arange(N)
    days = pl.read_parquet(report.out_path).sort(*SERIES, DATE)
    assert days.select(SERIES).unique(maintain_order=True).equals(split.keys)
    sums = {}
    for periods, path in zip(split.data.sums, report.window_paths, strict=True):
        window = pl.read_parquet(path).sort(SERIES)
        assert window.select(SERIES).equals(split.keys)
        sums[periods] = window.select(QUANTILES).to_numpy()
    ensemble = Said(
        rows,
        days.select(QUANTILES).to_numpy().reshape(N, split.horizon, -1),
        days["mean"].to_numpy().reshape(N, split.horizon),
        report.seconds,
        sums,
    )
    weights = dict(report.weights.group_by("member").agg(pl.col("weight").mean()).iter_rows())
    return Ours(
        ensemble,
        {name: _said(forecast, split) for name, forecast in report.members.items()},
        {name: round(weight, 3) for name, weight in sorted(weights.items())},
    )


def _said(forecast: DemandForecast, split: Split) -> Said:
    """A member's forecast, as everybody's is read."""
    keys = pl.DataFrame(dict(zip(SERIES, (forecast.skus, forecast.locations), strict=True)))
    assert keys.equals(split.keys)
    picked = [int(np.argmin(np.abs(forecast.levels - level))) for level in SCORED_LEVELS]
    said = Said(
        np.arange(len(forecast.skus)),
        forecast.quantiles_units[:, : split.horizon, picked],
        forecast.mean_units[:, : split.horizon],
    )
    return without_closed(split, said)
