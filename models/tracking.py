"""MLflow's store, opened for a while: quietly, without telemetry, refusing in our own words."""

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from inventory.errors import Unavailable

EXPERIMENT = "vouch-forecaster"
SQLITE = "sqlite:///"

Progress = Callable[[str], None]

_ONE_AT_A_TIME = threading.RLock()
"""MLflow has one tracking URI per process, which two threads would change under each other."""


@contextlib.contextmanager
def store(tracking_uri: str, progress: Progress = lambda _: None) -> Iterator[Any]:
    """MLflow, pointed at a store for a while, without telemetry.

    Its warnings and messages are kept quiet: they are about its own insides.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings(action="ignore"):
        import mlflow  # noqa: F401  It sets its own level when it is imported first.

        logger = logging.getLogger("mlflow")
        level = logger.level
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


@contextlib.contextmanager
def changing(tracking_uri: str) -> Iterator[None]:
    """A turn at changing what is registered: reads inside still hold when the change is written.

    Of the processes that share a SQLite store one has it at a time, and may take it again inside.
    A store on a server has no such turn.
    """
    if not tracking_uri.startswith(SQLITE):
        yield
        return
    file = Path(tracking_uri.removeprefix(SQLITE))
    with _ONE_AT_A_TIME, FileLock(file.with_suffix(".lock"), is_singleton=True):
        yield


def is_there(tracking_uri: str) -> bool:
    """Whether a SQLite store was ever made; others are there."""
    if not tracking_uri.startswith(SQLITE):
        return True
    return Path(tracking_uri.removeprefix(SQLITE)).exists()


def _prepare(tracking_uri: str, progress: Progress) -> None:
    """Make the folder of a SQLite store, and say that a first use takes time."""
    if not tracking_uri.startswith(SQLITE):
        return
    file = Path(tracking_uri.removeprefix(SQLITE))
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        progress("preparing the model registry (the first time takes some seconds)")


def experiment_of(client: Any, artifact_root: Path) -> str:  # noqa: ANN401
    """The id of our experiment; made at the first run, with its artifacts under that folder."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    artifact_root.mkdir(parents=True, exist_ok=True)
    location = artifact_root.absolute().as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))
