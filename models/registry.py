"""Training runs and the registered model, in MLflow: what was learned, from what, what is in use.

Every run records its parameters, the digest of its data, the code's version, the backtest of each
member and of the ensemble, the weights, and the model itself. The registered model has two aliases:
`champion` is what forecasts, `challenger` is the last one trained. A challenger takes over by the
one rule in `verdict`.
"""

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.frame import SERIES, Panel
from inventory.demand import LEVELS
from inventory.errors import NotFound, Unavailable
from models.ensemble import NAME as ENSEMBLE
from models.ensemble import Ensemble

MODEL = "vouch-forecaster"
EXPERIMENT = "vouch-forecaster"
CHAMPION, CHALLENGER = "champion", "challenger"

LOSS_TOLERANCE = 1.02
"""A challenger within 2 % of the champion's loss counts as not worse: windows differ by more."""

SERIES_KNOWN_MIN = 0.5
"""A champion that was trained on fewer of today's series than this is replaced: other data."""

SERIES_IN_EXAMPLE = 2
"""Series in the model's input example."""

REQUIRED = (
    "numpy", "pandas", "polars", "pyarrow", "scipy", "scikit-learn", "statsmodels", "torch",
    "xgboost-cpu", "xgboost", "holidays", "python-dateutil", "joblib", "mlflow",
)  # fmt: skip
"""What the logged model needs; of the two builds of xgboost, the one that is installed."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Logged:
    """A model as it was registered. `reason` says why it became champion, or why not."""

    version: str
    run_id: str
    alias: str
    loss: float
    reason: str


@dataclass(frozen=True, slots=True)
class Champion:
    """A loaded model, and where it comes from."""

    ensemble: Ensemble
    version: str
    run_id: str


def log_model(
    ensemble: Ensemble,
    panel: Panel,
    *,
    horizon: int,
    parameters: Mapping[str, object],
    tracking_uri: str,
    artifact_root: Path,
    progress: Progress = lambda _: None,
) -> Logged:
    """Log one training run, register its model and move the aliases.

    Raises
    ------
    Unavailable
        The tracking store cannot be opened; says which.
    """
    with _store(tracking_uri, progress) as mlflow:
        client = mlflow.MlflowClient()
        experiment = _experiment(client, artifact_root)
        champion = _version_of(client, CHAMPION)
        with mlflow.start_run(experiment_id=experiment) as run:
            mlflow.log_params({key: str(value) for key, value in parameters.items()})
            mlflow.log_metrics(metrics_of(ensemble.backtest))
            mlflow.log_table(ensemble.weights.to_pandas(), "weights.json")
            mlflow.log_table(_plain(ensemble.backtest), "backtest.json")
            progress("registering the model")
            version = _register(mlflow, ensemble, panel, horizon=horizon)
            loss = loss_of(ensemble.backtest)
            promoted, reason = _verdict(client, champion, loss, panel)
            mlflow.set_tags({"promotion": reason, "loss": loss})
        client.set_registered_model_alias(MODEL, CHALLENGER, version)
        if promoted:
            client.set_registered_model_alias(MODEL, CHAMPION, version)
        alias = CHAMPION if promoted else CHALLENGER
        return Logged(version, run.info.run_id, alias, loss, reason)


def load_champion(
    tracking_uri: str, *, alias: str = CHAMPION, progress: Progress = lambda _: None
) -> Champion:
    """The model in use, read from the registry alone.

    Raises
    ------
    NotFound
        Nothing is registered under the alias.
    Unavailable
        The tracking store cannot be opened.
    """
    with _store(tracking_uri, progress) as mlflow:
        found = _version_of(mlflow.MlflowClient(), alias)
        if found is None:
            raise NotFound("registered model", f"{MODEL}@{alias}")
        folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{found.version}")
        ensemble = Ensemble.load(Path(folder) / "artifacts" / ENSEMBLE)
        return Champion(ensemble, str(found.version), str(found.run_id))


def promote(version: str, tracking_uri: str) -> None:
    """Make a registered version the champion: a promotion by hand, or a rollback."""
    with _store(tracking_uri) as mlflow:
        from mlflow.exceptions import MlflowException

        try:
            mlflow.MlflowClient().set_registered_model_alias(MODEL, CHAMPION, version)
        except MlflowException as error:
            raise NotFound("registered model", f"{MODEL} version {version}") from error


def verdict(
    *, loss: float, champion_loss: float | None, series_known: float | None
) -> tuple[bool, str]:
    """Whether a challenger becomes champion, and why: its backtest loss must not be worse.

    Losses are relative to the seasonal naive forecast of the same windows, so that two trainings a
    week apart compare. Without a champion, or with one trained on other series, it does; a loss
    that could not be measured (too short a history) never displaces one that was.

    >>> verdict(loss=0.70, champion_loss=0.68, series_known=1.0)
    (False, "loss 0.700 is worse than the champion's 0.680")
    """
    if champion_loss is None:
        return True, "first model"
    if series_known is not None and series_known < SERIES_KNOWN_MIN:
        return True, f"the champion knows only {series_known:.0%} of the series"
    if not loss <= champion_loss * LOSS_TOLERANCE:
        return False, f"loss {loss:.3f} is worse than the champion's {champion_loss:.3f}"
    return True, f"loss {loss:.3f} is not worse than the champion's {champion_loss:.3f}"


def mean_scores(backtest: pl.DataFrame) -> pl.DataFrame:
    """Backtest per member: columns member, sql, wape, bias, coverage95, coverage99.

    Means over segments, blocks and windows, weighted by the periods that were observed.
    """
    named = ("sql", "wape", "bias", "coverage95", "coverage99")
    weight = pl.col("periods")
    return backtest.group_by("member", maintain_order=True).agg(
        (
            (pl.col(name).fill_nan(0.0) * weight).sum() / (pl.col(name).is_not_nan() * weight).sum()
        ).alias(name)
        for name in named
    )


def metrics_of(backtest: pl.DataFrame) -> dict[str, float]:
    """Metrics for MLflow, such as `arima.sql`; those that could not be measured are left out."""
    return {
        f"{row['member']}.{name}": float(value)
        for row in mean_scores(backtest).iter_rows(named=True)
        for name, value in row.items()
        if name != "member" and value is not None and value == value  # noqa: PLR0124  not NaN
    }


def loss_of(backtest: pl.DataFrame) -> float:
    """Scaled quantile loss of the ensemble over that of the seasonal naive; infinite if unknown."""
    found = metrics_of(backtest)
    naive = found.get("seasonal_naive.sql", 1.0)
    return found.get(f"{ENSEMBLE}.sql", float("inf")) / max(naive, 1e-9)


def requirements() -> list[str]:
    """Exact versions of what the logged model needs, as installed."""
    installed = {name: _installed(name) for name in REQUIRED}
    return [f"{name}=={version}" for name, version in installed.items() if version is not None]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name).split("+")[0]
    except metadata.PackageNotFoundError:
        return None


@contextlib.contextmanager
def _store(tracking_uri: str, progress: Progress = lambda _: None) -> Iterator[Any]:
    """MLflow, pointed at a store for a while, without telemetry.

    Its warnings and messages are kept quiet: they are about its own insides.
    """
    import mlflow  # noqa: F401  It sets its own level when it is imported first.

    logger = logging.getLogger("mlflow")
    level = logger.level
    with warnings.catch_warnings(action="ignore"):
        logger.setLevel(logging.ERROR)
        try:
            yield from _opened(tracking_uri, progress)
        finally:
            logger.setLevel(level)


def _opened(tracking_uri: str, progress: Progress) -> Iterator[Any]:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    before = mlflow.get_tracking_uri()
    try:
        _prepare(tracking_uri, progress)
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.MlflowClient().search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        mlflow.set_tracking_uri(before)
        raise Unavailable(
            f"the MLflow store {tracking_uri} cannot be used ({error}); check "
            "VOUCH_MLFLOW_TRACKING_URI and the rights on its folder"
        ) from error
    try:
        yield mlflow
    finally:
        mlflow.set_tracking_uri(before)


def _prepare(tracking_uri: str, progress: Progress) -> None:
    """Make the folder of a SQLite store, and say that a first use takes time."""
    if not tracking_uri.startswith("sqlite:///"):
        return
    file = Path(tracking_uri.removeprefix("sqlite:///"))
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        progress("preparing the model registry (the first time takes some seconds)")


def _experiment(client: Any, artifact_root: Path) -> str:  # noqa: ANN401
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    artifact_root.mkdir(parents=True, exist_ok=True)
    location = artifact_root.absolute().as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))


def _version_of(client: Any, alias: str) -> Any:  # noqa: ANN401
    """The registered version under an alias, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(MODEL, alias)
    except MlflowException:
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


CODE = ("inventory", "features", "models")
"""Packages that travel with the model, so that it loads where Vouch is not installed."""


def _first_series(panel: Panel, count: int) -> Panel:
    chosen = panel.series.head(count)
    return Panel(
        history=panel.history.join(chosen, on=SERIES, how="semi"),
        future=panel.future.join(chosen, on=SERIES, how="semi"),
        period_days=panel.period_days,
    )


def _verdict(client: Any, champion: Any, loss: float, panel: Panel) -> tuple[bool, str]:  # noqa: ANN401
    """`verdict` against the champion that is registered, if any."""
    if champion is None:
        return verdict(loss=loss, champion_loss=None, series_known=None)
    import mlflow

    tags = client.get_run(champion.run_id).data.tags
    folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{champion.version}")
    known = pl.read_parquet(Path(folder) / "artifacts" / ENSEMBLE / "series.parquet")
    shared = len(panel.series.join(known, on=SERIES, how="semi")) / len(panel.series)
    return verdict(loss=loss, champion_loss=float(tags["loss"]), series_known=shared)


def _plain(frame: pl.DataFrame) -> Any:  # noqa: ANN401
    """A pandas table whose dates are text, for JSON."""
    return frame.with_columns(pl.col(pl.Date).dt.to_string()).to_pandas()
