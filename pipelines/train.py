"""Training: an ensemble fitted on a panel, written to MLflow, and made champion if it earned it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from features.frame import Panel
from models import runs
from models.ensemble import Ensemble
from models.gate import Verdict
from models.members import Preset
from pipelines.champion import judge_recipe
from pipelines.predict import fit_ensemble
from pipelines.settings import Settings
from pipelines.snapshot import code_version, panel_digest

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a training run left behind.

    metrics : as in MLflow, such as `ensemble.sql` and `arima.coverage95`, from the backtest.
    alias : `champion` when it is now in use, else `challenger`; `verdict` says why.
    """

    ensemble: Ensemble
    version: str
    run_id: str
    metrics: dict[str, float]
    alias: str
    verdict: Verdict

    @property
    def reason(self) -> str:
        return self.verdict.reason


def train(
    panel: Panel,
    settings: Settings,
    *,
    now: datetime,
    preset: Preset = "full",
    by: str = "training",
    because: str = "",
    progress: Progress = lambda _: None,
) -> TrainedModel:
    """Judge the preset's ensemble beside the champion, fit it on everything, and register it.

    by : who asked for it, for the record of a promotion.
    because : why now, where monitoring found a reason; a parameter of the run.

    Raises
    ------
    inventory.errors.Unavailable
        MLflow's store cannot be used.
    """
    started = time.perf_counter()

    def fit(known: Panel) -> Ensemble:
        return fit_ensemble(
            known, horizon=settings.horizon_days, preset=preset, seed=settings.seed,
            threads=settings.threads, progress=progress,
        )  # fmt: skip

    verdict = judge_recipe(fit, panel, settings, progress=progress)
    ensemble = fit(panel)
    parameters = {
        "preset": preset,
        "seed": settings.seed,
        "threads": settings.threads,
        "seconds": round(time.perf_counter() - started, 1),
        **({"because": because} if because else {}),
    }
    return register(
        ensemble, panel, settings, verdict=verdict, parameters=parameters, by=by, now=now,
        progress=progress,
    )  # fmt: skip


def register(
    ensemble: Ensemble,
    panel: Panel,
    settings: Settings,
    *,
    verdict: Verdict,
    parameters: Mapping[str, object],
    now: datetime,
    by: str = "training",
    progress: Progress = lambda _: None,
) -> TrainedModel:
    """Write a fitted ensemble to MLflow, with what is needed to make it again."""
    told = {**parameters, **_parameters(ensemble, panel, horizon=settings.horizon_days)}
    logged = runs.log_model(
        ensemble,
        panel,
        horizon=settings.horizon_days,
        parameters=told,
        verdict=verdict,
        by=by,
        now=now,
        tracking_uri=settings.tracking_uri,
        artifact_root=settings.artifact_root,
        progress=progress,
    )
    progress(f"model version {logged.version} is {logged.alias}: {logged.reason}")
    return TrainedModel(
        ensemble=ensemble,
        version=logged.version,
        run_id=logged.run_id,
        metrics=runs.headlines(runs.metrics_of(ensemble.backtest)),
        alias=logged.alias,
        verdict=verdict,
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
