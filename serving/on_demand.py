"""Inference as BentoML sees it: forecast some SKUs now, with the champion, storing nothing.

The daily job stores the forecasts that promises and policies read. This is for people and
notebooks that ask about a few SKUs between two jobs. Importing this module loads BentoML; the
champion, and with it torch and xgboost, loads at the first request.
"""

import logging
from typing import Annotated, Any

import bentoml
import numpy as np
from fastapi import FastAPI
from pydantic import Field, ValidationError

from inventory.errors import VouchError
from models import registry
from pipelines import history
from serving import problems
from serving.api.context import Server
from serving.api.forecasts import days_of
from serving.messages import Id

LEVELS_DEFAULT = [0.05, 0.5, 0.95]
SKUS_MAX = 100
"""A batch is what the daily job is for."""

Level = Annotated[float, Field(gt=0, lt=1)]


class OnDemand:
    """The inference paths; `api` is the app whose settings and database they use."""

    api: FastAPI

    def __init__(self) -> None:
        self._champion: registry.Champion | None = None

    @bentoml.api(route="/inference/forecast")  # type: ignore[untyped-decorator]
    def forecast(
        self,
        skus: Annotated[list[Id], Field(min_length=1, max_length=SKUS_MAX)],
        horizon: Annotated[int, Field(ge=1, le=365)] = 14,
        levels: Annotated[list[Level], Field(min_length=1, max_length=99)] = LEVELS_DEFAULT,
        *,
        context: bentoml.Context,
    ) -> dict[str, Any]:
        """Quantiles per day for every location that sells the SKUs, from their history so far."""
        try:
            return self._forecast(skus, horizon, levels)
        except VouchError as refusal:
            problem = problems.body_of(refusal)
            context.response.status_code = problem["status"]
            return problem

    def _forecast(self, skus: list[str], horizon: int, levels: list[float]) -> dict[str, Any]:
        server: Server = self.api.state.server
        champion = self._load(server)
        with server.pool.connection() as db:
            panel = history.load_panel(db, horizon_days=horizon, skus=skus)
        forecast = champion.ensemble.predict(
            panel, horizon=horizon, levels=np.array(sorted(levels))
        )
        series = [
            {"sku": sku, "location": location, "days": days_of(forecast, row=row)}
            for row, (sku, location) in enumerate(
                zip(forecast.skus, forecast.locations, strict=True)
            )
        ]
        return {"model_version": f"{registry.MODEL}/{champion.version}", "series": series}

    def _load(self, server: Server) -> registry.Champion:
        if self._champion is None:
            self._champion = registry.load_champion(server.settings.tracking_uri)
        return self._champion


class _OwnFaultsOnly(logging.Filter):
    """A wrong request is the caller's to mend: its traceback does not belong in our log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ValidationError))


def service_of(api: FastAPI) -> Any:  # noqa: ANN401 - BentoML is untyped.
    """A BentoML service named `vouch` whose inference stands on `api`'s database."""
    logging.getLogger("bentoml._internal.server.http_app").addFilter(_OwnFaultsOnly())
    bound = type("Vouch", (OnDemand,), {"api": api, "__doc__": OnDemand.__doc__})
    return bentoml.service(name="vouch", traffic={"timeout": 300})(bound)
