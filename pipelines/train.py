"""Training: an ensemble fitted on a panel, written to MLflow, and made champion if it earned it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from features.frame import Panel
from models import registry
from models.ensemble import Ensemble
from models.members import Preset
from pipelines.predict import fit_ensemble
from pipelines.snapshot import code_version, panel_digest

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a training run left behind.

    metrics : as in MLflow, such as `ensemble.sql` and `arima.coverage95`, from the backtest.
    alias : `champion` when it is now in use, else `challenger`; `reason` says why.
    """

    ensemble: Ensemble
    version: str
    run_id: str
    metrics: dict[str, float]
    alias: str
    reason: str


def train(
    panel: Panel,
    *,
    horizon: int,
    tracking_uri: str,
    artifact_root: Path,
    seed: int = 0,
    preset: Preset = "full",
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> TrainedModel:
    """Fit the preset's ensemble and register it.

    Raises
    ------
    inventory.errors.Unavailable
        MLflow's store cannot be used.
    """
    ensemble = fit_ensemble(
        panel, horizon=horizon, preset=preset, seed=seed, threads=threads, progress=progress
    )
    return register(
        ensemble,
        panel,
        horizon=horizon,
        tracking_uri=tracking_uri,
        artifact_root=artifact_root,
        parameters={"preset": preset, "seed": seed, "threads": threads},
        progress=progress,
    )


def register(
    ensemble: Ensemble,
    panel: Panel,
    *,
    horizon: int,
    tracking_uri: str,
    artifact_root: Path,
    parameters: dict[str, object],
    progress: Progress = lambda _: None,
) -> TrainedModel:
    """Write a fitted ensemble to MLflow, with what is needed to make it again."""
    logged = registry.log_model(
        ensemble,
        panel,
        horizon=horizon,
        parameters=parameters | _parameters(ensemble, panel, horizon=horizon),
        tracking_uri=tracking_uri,
        artifact_root=artifact_root,
        progress=progress,
    )
    progress(f"model version {logged.version} is {logged.alias}: {logged.reason}")
    return TrainedModel(
        ensemble=ensemble,
        version=logged.version,
        run_id=logged.run_id,
        metrics=registry.metrics_of(ensemble.backtest),
        alias=logged.alias,
        reason=logged.reason,
    )


def _parameters(ensemble: Ensemble, panel: Panel, *, horizon: int) -> dict[str, object]:
    """What a training run was made from."""
    windows = ensemble.backtest.get_column("window").unique().sort().to_list()
    return {
        "horizon": horizon,
        "period_days": panel.period_days,
        "series": len(panel.series),
        "rows": len(panel.history),
        "first_period": panel.history.get_column("date").min(),
        "origin": panel.origin,
        "data_sha256": panel_digest(panel),
        "code_version": code_version(),
        "members": " ".join(member.name for member in ensemble.members),
        "windows": " ".join(str(window) for window in windows),
        "covariates": " ".join(sorted(set(panel.future.columns))),
    }
