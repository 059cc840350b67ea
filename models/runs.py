"""One training run in MLflow: what it was made from, how it did, and the model that came of it."""

import contextlib
import io
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.frame import SERIES, Panel
from inventory.demand import LEVELS
from models import run_figures
from models.ensemble import NAME as ENSEMBLE
from models.ensemble import Ensemble
from models.gate import Verdict
from models.registry import CHALLENGER, CHAMPION, MODEL, change_champion, tag_verdict
from models.tracking import Progress, changing, experiment_of, store

SERIES_IN_EXAMPLE = 2
"""Series in the model's input example."""

BLOCKS = ("near", "middle", "far", "farthest")
"""What the horizon blocks of `models.backtest.blocks` are called in the names of metrics."""

SCORES = ("sql", "wape", "mase", "bias", "coverage95", "coverage99")

REQUIRED = (
    "numpy", "pandas", "polars", "pyarrow", "scipy", "scikit-learn", "statsmodels", "torch",
    "xgboost-cpu", "xgboost", "holidays", "python-dateutil", "joblib", "mlflow",
)  # fmt: skip
"""What the logged model needs; of the two builds of xgboost, the one that is installed."""

CODE = ("inventory", "features", "models")
"""Packages that travel with the model, so that it loads where Vouch is not installed."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A model as it was registered. `reason` says why it became champion, or why not."""

    version: str
    run_id: str
    alias: str
    reason: str


def log_model(
    ensemble: Ensemble,
    panel: Panel,
    *,
    horizon: int,
    parameters: Mapping[str, object],
    verdict: Verdict,
    by: str,
    now: datetime,
    tracking_uri: str,
    artifact_root: Path,
    progress: Progress = lambda _: None,
) -> Logged:
    """Log one training run, register its model and move the aliases as the verdict says.

    Raises
    ------
    Unavailable
        The tracking store cannot be opened; says which.
    """
    with store(tracking_uri, progress) as mlflow:
        client = mlflow.MlflowClient()
        experiment = experiment_of(client, artifact_root)
        with mlflow.start_run(experiment_id=experiment) as run:
            mlflow.log_params({key: str(value)[:6000] for key, value in parameters.items()})
            mlflow.log_metrics(metrics_of(ensemble.backtest))
            _log_tables(mlflow, ensemble)
            mlflow.log_dict(verdict.as_dict(), "verdict.json")
            mlflow.log_dict(environment(), "environment.json")
            progress("registering the model")
            version = _register(mlflow, ensemble, panel, horizon=horizon)
            mlflow.set_tags({"promotion": verdict.reason[:5000], "version": version})
        tag_verdict(client, version, verdict)
        client.set_registered_model_alias(MODEL, CHALLENGER, version)
        if verdict.promoted:
            with changing(tracking_uri):
                change_champion(client, version, by=by, reason=verdict.reason, now=now)
        alias = CHAMPION if verdict.promoted else CHALLENGER
        return Logged(version, run.info.run_id, alias, verdict.reason)


def _log_tables(mlflow: Any, ensemble: Ensemble) -> None:  # noqa: ANN401
    """Each table as JSON that MLflow's pages show, and the picture of it."""
    importance = importance_of(ensemble)
    tables = {
        "weights": ensemble.weights,
        "backtest": ensemble.backtest,
        "calibration": ensemble.reliability,
        "importance": importance,
        "importance_by_group": by_group(importance),
    }
    for name, table in tables.items():
        if len(table):
            mlflow.log_table(_plain(table), f"{name}.json")
    drawn = {
        "weights": run_figures.weights(ensemble.weights, BLOCKS),
        "calibration": run_figures.calibration(ensemble.reliability),
        "importance": run_figures.importance(importance, by_group(importance)),
        "backtest": run_figures.losses(ensemble.backtest, BLOCKS),
    }
    for name, figure in drawn.items():
        if figure is not None:
            mlflow.log_figure(figure, f"{name}.png")


def mean_scores(backtest: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Backtest per member (and `by`): columns member, by, and `SCORES`.

    Means over all else (segments, blocks, windows), weighted by the periods that were observed.
    """
    weight = pl.col("periods")
    return backtest.group_by("member", *by, maintain_order=True).agg(
        (
            (pl.col(name).fill_nan(0.0) * weight).sum() / (pl.col(name).is_not_nan() * weight).sum()
        ).alias(name)
        for name in SCORES
    )


def metrics_of(backtest: pl.DataFrame) -> dict[str, float]:
    """Metrics for MLflow: `arima.sql` over all, and `arima.smooth.near.sql` per segment and block.

    Those that could not be measured are left out.
    """
    found = {
        f"{row['member']}.{name}": row[name]
        for row in mean_scores(backtest).iter_rows(named=True)
        for name in SCORES
    }
    for row in mean_scores(backtest, "segment", "horizon_block").iter_rows(named=True):
        cell = f"{row['member']}.{row['segment']}.{BLOCKS[row['horizon_block']]}"
        found |= {f"{cell}.{name}": row[name] for name in SCORES}
    known = {name: value for name, value in found.items() if value is not None}
    return {name: float(value) for name, value in known.items() if np.isfinite(value)}


def headlines(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics over all segments and blocks."""
    return {name: value for name, value in metrics.items() if name.count(".") == 1}


def importance_of(ensemble: Ensemble) -> pl.DataFrame:
    """Columns member, feature, group, gain (sums to 1), of every member that can tell."""
    told: list[pl.DataFrame] = [
        member.importance().with_columns(pl.lit(member.name).alias("member"))
        for member in ensemble.members
        if hasattr(member, "importance")
    ]
    names = ("member", "feature", "group", "gain")
    if not told:
        return pl.DataFrame(schema=dict.fromkeys(names[:3], pl.String) | {"gain": pl.Float64})
    return pl.concat([one.select(names) for one in told])


def by_group(importance: pl.DataFrame) -> pl.DataFrame:
    """Columns member, group, features (how many were used), gain; the largest gain first."""
    grouped = importance.group_by("member", "group", maintain_order=True)
    features = pl.len().cast(pl.Int64).alias("features")
    return grouped.agg(features, pl.col("gain").sum()).sort("gain", descending=True)


def environment() -> dict[str, object]:
    """The machine and the libraries that a run was made with."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "requirements": requirements(),
    }


def requirements() -> list[str]:
    """Exact versions of what the logged model needs, as installed."""
    installed = {name: _installed(name) for name in REQUIRED}
    return [f"{name}=={version}" for name, version in installed.items() if version is not None]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _register(mlflow: Any, ensemble: Ensemble, panel: Panel, *, horizon: int) -> str:  # noqa: ANN401
    """Log the ensemble as a model from code and register it; returns its version."""
    import models.registered as served

    example = served.table_of(_first_series(panel, SERIES_IN_EXAMPLE))
    answer = served.long_table(
        ensemble.predict(_first_series(panel, 1), horizon=1, levels=np.array(LEVELS))
    )
    signature = mlflow.models.infer_signature(example, answer, params={"horizon": horizon})
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / ENSEMBLE
        ensemble.save(saved)
        panel.series.write_parquet(saved / "series.parquet")
        with contextlib.redirect_stderr(io.StringIO()):  # MLflow prints there what we report.
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(served.__file__)),
                artifacts={ENSEMBLE: str(saved)},
                code_paths=[str(Path(served.__file__).parents[1] / name) for name in CODE],
                signature=signature,
                input_example=example,
                pip_requirements=requirements(),
                registered_model_name=MODEL,
            )
    return str(logged.registered_model_version)


def _first_series(panel: Panel, count: int) -> Panel:
    chosen = panel.series.head(count)
    return Panel(
        history=panel.history.join(chosen, on=SERIES, how="semi"),
        future=panel.future.join(chosen, on=SERIES, how="semi"),
        period_days=panel.period_days,
    )


def _plain(frame: pl.DataFrame) -> Any:  # noqa: ANN401
    """A pandas table whose dates are text, for JSON."""
    return frame.with_columns(pl.col(pl.Date).dt.to_string()).to_pandas()
