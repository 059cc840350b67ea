"""The registered model in MLflow: its versions, which one forecasts, and how that came to be.

Two aliases: `champion` is what forecasts, `challenger` is the last one trained. Whoever moves the
champion says who, when and why; the changes are kept with the registered model, and the last of
them is what a rollback takes back.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from inventory.errors import NotFound, StateConflict, Unavailable
from models.ensemble import NAME as ENSEMBLE
from models.ensemble import Ensemble
from models.gate import Verdict
from models.tracking import Progress, changing, is_there, store

MODEL = "vouch-forecaster"
CHAMPION, CHALLENGER = "champion", "challenger"

VERDICT_TAG = "verdict"
"""Tag of a version: what came of comparing it, as JSON."""

CHANGE_TAG = "change."
"""First part of the tags of the registered model that tell of a change of champion."""

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, AssertionError, ImportError, OSError)
"""What reading an artifact of another version of Vouch may end in."""


@dataclass(frozen=True, slots=True)
class Champion:
    """A loaded model, where it comes from, and the series it was trained on."""

    ensemble: Ensemble
    version: str
    run_id: str
    series: pl.DataFrame = field(default_factory=pl.DataFrame)


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version as MLflow knows it, without loading the model.

    origin : last day of the sales that it was trained on; None for versions that do not say.
    """

    version: str
    run_id: str
    aliases: tuple[str, ...]
    registered_at: datetime
    origin: date | None
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    verdict: Verdict | None

    @property
    def horizon(self) -> int | None:
        """Periods ahead that it was trained for."""
        told = self.parameters.get("horizon")
        return None if told is None else int(told)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "version": self.version,
            "aliases": list(self.aliases),
            "registered_at": self.registered_at.isoformat(),
            "origin": self.origin.isoformat() if self.origin else None,
            "run_id": self.run_id,
            "parameters": dict(self.parameters),
            "metrics": dict(self.metrics),
            "verdict": self.verdict.as_dict() if self.verdict else None,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One change of champion. act : `promote`, `force` or `rollback`."""

    act: str
    version: str
    previous: str | None
    by: str
    at: datetime
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"at": self.at.isoformat()}


def load_champion(
    tracking_uri: str, *, alias: str = CHAMPION, progress: Progress = lambda _: None
) -> Champion:
    """The model in use, read from the registry alone.

    Raises
    ------
    NotFound
        Nothing is registered under the alias.
    Unavailable
        The tracking store cannot be opened, or the model was saved by a version of Vouch whose
        models this one cannot read.
    """
    with store(tracking_uri, progress) as mlflow:
        found = _under(mlflow.MlflowClient(), alias)
        if found is None:
            raise NotFound("registered model", f"{MODEL}@{alias}")
        return _loaded(mlflow, found)


def load_version(tracking_uri: str, version: str) -> Champion:
    """Any registered version, read from the registry alone; raises as `load_champion`."""
    with store(tracking_uri) as mlflow:
        return _loaded(mlflow, _registered(mlflow.MlflowClient(), version))


def versions(
    tracking_uri: str, *, before: int | None = None, limit: int | None = None
) -> list[Version]:
    """Registered versions, the newest first; empty before the first training.

    before, limit : only older ones than this, and so many at most.
    """
    if not is_there(tracking_uri):
        return []
    with store(tracking_uri) as mlflow:
        client = mlflow.MlflowClient()
        found = client.search_model_versions(f"name='{MODEL}'")
        numbered = sorted(((int(one.version), one) for one in found), key=_number, reverse=True)
        older = [one for number, one in numbered if before is None or number < before]
        aliases = _aliases(client)
        return [_version(client, one, aliases) for one in older[:limit]]


def version_of(tracking_uri: str, *, version: str | None = None, alias: str = "") -> Version:
    """One registered version, by its number or its alias; raises `NotFound`."""
    if not is_there(tracking_uri):
        raise NotFound("registered model", f"{MODEL}/{version}" if version else f"{MODEL}@{alias}")
    with store(tracking_uri) as mlflow:
        client = mlflow.MlflowClient()
        found = _registered(client, version) if version else _under(client, alias)
        if found is None:
            raise NotFound("registered model", f"{MODEL}@{alias}")
        return _version(client, found, _aliases(client))


def changes(tracking_uri: str) -> list[Change]:
    """Every change of champion, the newest first."""
    if not is_there(tracking_uri):
        return []
    with store(tracking_uri) as mlflow:
        return _changes(mlflow.MlflowClient())


def put_in_force(
    tracking_uri: str, version: str, *, by: str, reason: str, now: datetime, act: str = "promote"
) -> Change:
    """Make a version the champion, and write down who did it, when and why.

    Raises
    ------
    NotFound
        No such version.
    StateConflict
        It is the champion already.
    """
    with store(tracking_uri) as mlflow, changing(tracking_uri):
        client = mlflow.MlflowClient()
        _registered(client, version)
        return change_champion(client, version, by=by, reason=reason, now=now, act=act)


def roll_back(
    tracking_uri: str, *, by: str, reason: str, now: datetime, to: str | None = None
) -> Change:
    """Give the champion's place back to the version that had it before, or to version `to`.

    Asked twice, it goes back twice.

    Raises
    ------
    NotFound
        No such version, or none had the place before.
    StateConflict
        `to` is the champion already.
    """
    if not is_there(tracking_uri):
        raise NotFound("registered model", f"{MODEL}@{CHAMPION}")
    with store(tracking_uri) as mlflow, changing(tracking_uri):
        client = mlflow.MlflowClient()
        version = _registered(client, to).version if to else _before(client)
        return change_champion(client, str(version), by=by, reason=reason, now=now, act="rollback")


def change_champion(
    client: Any,  # noqa: ANN401  MLflow's own
    version: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    act: str = "promote",
) -> Change:
    """Move the alias and keep the record, with an MLflow client at hand and in a turn of its own.

    The turn is `models.tracking.changing`: of two at once, the later sees what the first did.
    """
    held = _under(client, CHAMPION)
    previous = None if held is None else str(held.version)
    if previous == version:
        raise StateConflict("registered model", f"{MODEL}/{version}", state=CHAMPION, act=act)
    change = Change(act, version, previous, by, now.astimezone(UTC), reason[:1000])
    # Before the alias: a change that is on record but not in force does no harm, the reverse does.
    key = f"{CHANGE_TAG}{len(_changes(client)) + 1:06}"
    client.set_registered_model_tag(MODEL, key, json.dumps(change.as_dict()))
    client.set_registered_model_alias(MODEL, CHAMPION, version)
    return change


def keep_verdict(tracking_uri: str, version: str, verdict: Verdict) -> None:
    """Write down what came of comparing a version, in place of what was known before."""
    with store(tracking_uri) as mlflow:
        tag_verdict(mlflow.MlflowClient(), version, verdict)


def tag_verdict(client: Any, version: str, verdict: Verdict) -> None:  # noqa: ANN401
    """`keep_verdict` with an MLflow client at hand."""
    client.set_model_version_tag(MODEL, version, VERDICT_TAG, json.dumps(verdict.as_dict()))


def _before(client: Any) -> str:  # noqa: ANN401
    """Who held the place before the version that holds it now."""
    held = _under(client, CHAMPION)
    if held is None:
        raise NotFound("registered model", f"{MODEL}@{CHAMPION}")
    for change in _changes(client):
        if change.version == str(held.version) and change.act != "rollback" and change.previous:
            return change.previous
    raise NotFound("champion before", f"{MODEL}/{held.version}")


def _changes(client: Any) -> list[Change]:  # noqa: ANN401
    from mlflow.exceptions import MlflowException

    try:
        tags = client.get_registered_model(MODEL).tags
    except MlflowException:
        return []
    told = [json.loads(tags[key]) for key in sorted(tags, reverse=True) if CHANGE_TAG in key]
    return [Change(**(one | {"at": datetime.fromisoformat(one["at"])})) for one in told]


def _aliases(client: Any) -> dict[str, str]:  # noqa: ANN401
    """Alias to version."""
    from mlflow.exceptions import MlflowException

    try:
        return {a: str(v) for a, v in client.get_registered_model(MODEL).aliases.items()}
    except MlflowException:
        return {}


def _under(client: Any, alias: str) -> Any:  # noqa: ANN401
    """The registered version under an alias, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(MODEL, alias)
    except MlflowException:
        return None


def _registered(client: Any, version: str) -> Any:  # noqa: ANN401
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(MODEL, version)
    except MlflowException as error:
        raise NotFound("registered model", f"{MODEL}/{version}") from error


def _number(numbered: tuple[int, Any]) -> int:
    return numbered[0]


def _version(client: Any, found: Any, aliases: Mapping[str, str]) -> Version:  # noqa: ANN401
    run = client.get_run(found.run_id).data
    told = found.tags.get(VERDICT_TAG)
    origin = run.params.get("origin")
    return Version(
        version=str(found.version),
        run_id=str(found.run_id),
        aliases=tuple(sorted(a for a, v in aliases.items() if v == str(found.version))),
        registered_at=datetime.fromtimestamp(found.creation_timestamp / 1000, tz=UTC),
        origin=date.fromisoformat(origin) if origin else None,
        parameters=dict(run.params),
        metrics=dict(run.metrics),
        verdict=Verdict.from_dict(json.loads(told)) if told else None,
    )


def _loaded(mlflow: Any, found: Any) -> Champion:  # noqa: ANN401
    folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{found.version}")
    saved = Path(folder) / "artifacts" / ENSEMBLE
    try:
        ensemble = Ensemble.load(saved)
        series = pl.read_parquet(saved / "series.parquet")
    except UNREADABLE as error:
        raise Unavailable(
            f"{MODEL}/{found.version} cannot be read by this version of Vouch ({error!r}); "
            "train anew with `vouch train`, or go back with `vouch rollback`"
        ) from error
    return Champion(ensemble, str(found.version), str(found.run_id), series)
