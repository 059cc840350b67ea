"""Forecasting: the champion's word on a panel, stored as the forecast in force for its series."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import psycopg

from features.frame import SERIES, SKU, Panel
from inventory.demand import LEVELS, DemandForecast
from inventory.errors import InputRejected
from inventory.store import forecasts
from inventory.store.explanations import FeatureMeaning, RunExplanation
from models.contract import Forecaster
from models.ensemble import Ensemble
from pipelines.snapshot import panel_digest

Progress = Callable[[str], None]

CONTEXT_SERIES_MAX = 4000
"""Series shown to the model beside those asked for: some seconds of work."""


def forecast(
    db: psycopg.Connection,
    panel: Panel,
    ensemble: Forecaster,
    *,
    model_version: str,
    now: datetime,
    horizon: int,
    mlflow_run_id: str | None = None,
    skus: Sequence[str] | None = None,
    note: str = "",
    explained: bool = True,
    progress: Progress = lambda _: None,
) -> str:
    """Forecast `horizon` periods and put the result in force; returns the run's id.

    The id is a digest of the model version, the horizon and everything the panel holds. Asked for
    the same again, nothing is computed twice: the run that is stored is put in force again.

    Parameters
    ----------
    skus : forecast only these SKUs of the panel; all other series keep the forecast they have. The
        others are still shown to the model, which may compare items of a category: so that a SKU's
        forecast changes for its own reasons only.
    now : when the run is made; kept with it.
    explained : keep with each series why its forecast is what it is, if the model is an ensemble.
        Costs some milliseconds a series.

    Raises
    ------
    InputRejected
        None of the `skus` is in the panel, or the model was trained for fewer periods.
    """
    refuse_beyond(ensemble, horizon)
    shown = panel if skus is None else with_context(panel, skus)
    run_id = run_id_of(shown, model_version=model_version, horizon=horizon, skus=skus)
    if forecasts.has_run(db, run_id):
        progress(f"run {run_id} is stored already")
        forecasts.put_in_force(db, run_id, now=now)
        return run_id
    progress(f"forecasting {len(shown.series)} series, {horizon} periods from {shown.first_day}")
    found, said = _predicted(ensemble, shown, horizon=horizon)
    rows = np.arange(len(found.skus))
    if skus is not None:
        rows = np.flatnonzero(np.isin(found.skus, list(skus)))
    reasons = None
    if explained and isinstance(ensemble, Ensemble):
        progress(f"explaining {len(rows)} forecasts")
        reasons = reasons_of(ensemble, shown, found, said, rows=rows)
    found = replace(found.select(rows), run_id=run_id, model_version=model_version)
    forecasts.store_run(
        db, found, now=now, mlflow_run_id=mlflow_run_id, note=note, explanation=reasons
    )
    return run_id


def _predicted(
    model: Forecaster, panel: Panel, *, horizon: int
) -> tuple[DemandForecast, dict[str, DemandForecast]]:
    """The forecast, and what each member said, where the model has any."""
    if isinstance(model, Ensemble):
        return model.predict_with_members(panel, horizon=horizon, levels=np.array(LEVELS))
    return model.predict(panel, horizon=horizon, levels=np.array(LEVELS)), {}


def reasons_of(
    ensemble: Ensemble,
    panel: Panel,
    forecast: DemandForecast,
    said: dict[str, DemandForecast],
    *,
    rows: np.ndarray,
) -> RunExplanation:
    """Why these rows of a forecast are what they are, as it is stored."""
    from models.explain import TERMS, explain  # Loads xgboost, which only ensembles need.

    found = explain(ensemble, panel, forecast, said, rows=rows)
    return RunExplanation(
        skus=tuple(forecast.skus[row] for row in rows),
        locations=tuple(forecast.locations[row] for row in rows),
        periods=found.periods,
        terms=TERMS,
        term_units=found.terms_units,
        members=found.members,
        member_units=found.member_units,
        weights=found.weights,
        effects=[[(e.name, e.units) for e in effects] for effects in found.effects],
        features={
            e.name: FeatureMeaning(e.group, e.why) for effects in found.effects for e in effects
        },
    )


def horizon_of(ensemble: Forecaster) -> float:
    """Most periods ahead that the model was trained for."""
    most: int | None = getattr(ensemble, "horizon_max", None)
    return math.inf if most is None else most


def refuse_beyond(ensemble: Forecaster, horizon: int) -> None:
    """Raise `InputRejected` where the model was trained for fewer periods."""
    most = horizon_of(ensemble)
    if horizon > most:
        raise InputRejected(
            f"the model in use was trained for {most:g} days ahead, not {horizon}; "
            f"train one that sees further with `vouch train --horizon {horizon}`",
            field="horizon",
        )


def with_context(panel: Panel, skus: Sequence[str]) -> Panel:
    """The panel of some SKUs and of others beside them: all, or evenly every n-th of many."""
    series = panel.series
    wanted = pl.col(SKU).is_in(list(skus))
    if series.filter(wanted).is_empty():
        raise InputRejected(f"no sales are on record for {', '.join(skus)}", field="skus")
    step = -(-len(series) // CONTEXT_SERIES_MAX)
    kept = series.filter(wanted | (pl.arange(pl.len()) % step == 0))
    return replace(
        panel,
        history=panel.history.join(kept, on=SERIES, how="semi", maintain_order="left"),
        future=panel.future.join(kept, on=SERIES, how="semi", maintain_order="left"),
    )


def run_id_of(
    panel: Panel, *, model_version: str, horizon: int, skus: Sequence[str] | None = None
) -> str:
    """The id of the run that forecasts this panel with this model: `f-20260302-1f0c9a7be2d4`."""
    asked = None if skus is None else sorted(set(skus))
    content = f"{panel_digest(panel)}|{model_version}|{horizon}|{LEVELS}|{asked}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return f"f-{panel.first_day:%Y%m%d}-{digest}"
