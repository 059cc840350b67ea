"""Inference as BentoML sees it: forecast now, with the champion, storing nothing.

The daily job stores the forecasts that promises and policies read. This is for people and
notebooks that ask about a few SKUs between two jobs, or about series that we have no record of.
Importing this module loads BentoML; the champion, and with it torch and xgboost, loads at the first
request, and anew once another model has become champion.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any, Self

import bentoml
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, Field, PlainSerializer, ValidationError, model_validator

from inventory.errors import Unavailable, VouchError
from models import registry
from pipelines import history
from pipelines.forecast import refuse_beyond
from serving import inference, problems
from serving.api.context import Server
from serving.api.forecasts import days_of
from serving.given_series import LEVELS_DEFAULT, Level, Question, answer
from serving.messages import Id

log = logging.getLogger("vouch")

SKUS_MAX = 100
"""A batch is what the daily job is for."""

LOOK_SECONDS = 30.0
"""For so long a champion is taken to be the champion still: looking costs some milliseconds."""

BATCH_MAX = 16
"""Questions answered in one go: some two seconds of work."""
WAIT_MS_MAX = 10_000
"""A question that had to wait longer is given up: whoever asked has given up, too."""


class InUse:
    """The champion in memory; looks now and then whether it is champion still."""

    def __init__(self, tracking_uri: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.tracking_uri = tracking_uri
        self.clock = clock
        self._one_at_a_time = threading.Lock()
        self._champion: registry.Champion | None = None
        self._looked_at = 0.0

    def get(self) -> registry.Champion:
        """The champion, at most `LOOK_SECONDS` out of date; raises as `load_champion`."""
        with self._one_at_a_time:
            if self._champion is None or self._has_gone(self._champion):
                self._champion = registry.load_champion(self.tracking_uri)
                self._looked_at = self.clock()
                _settle()
            return self._champion

    def _has_gone(self, champion: registry.Champion) -> bool:
        if self.clock() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = self.clock()
        try:
            now = registry.version_of(self.tracking_uri, alias=registry.CHAMPION)
        except Unavailable:
            return False  # The one in memory forecasts without the registry.
        return now.version != champion.version


class OneQuestion(BaseModel):
    """A request's body as a list of one: BentoML puts the lists of several requests together."""

    questions: list[Question]

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, body: object) -> dict[str, Any]:
        return {"questions": [body]}

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:  # noqa: ANN401
        """The same of JSON, at half the cost: its many rows are read and checked in one go."""
        return cls.model_construct(questions=[Question.model_validate_json(json_data, **how)])


def _settle() -> None:
    """Keep the collector off what models bring: walking it would halt promises, too."""
    gc.unfreeze()  # A champion that has gone may go.
    gc.collect()
    gc.freeze()


OneAnswer = Annotated[list[dict[str, Any]], PlainSerializer(lambda answers: answers[0])]


class OnDemand:
    """The inference paths; `api` is the app whose settings and database they use."""

    api: FastAPI

    def __init__(self) -> None:
        self._in_use: InUse | None = None

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

    @bentoml.api(
        route="/inference/series",
        input_spec=OneQuestion,
        batchable=True,
        max_batch_size=BATCH_MAX,
        max_latency_ms=WAIT_MS_MAX,
    )  # type: ignore[untyped-decorator]
    def given(self, questions: list[Question]) -> OneAnswer:
        """Quantiles per period of series whose history is in the request."""
        return [self._answered(question) for question in questions]

    def _answered(self, question: Question) -> dict[str, Any]:
        try:
            return answer(question, self._champion())
        except VouchError as refusal:
            return problems.body_of(refusal)
        except Exception:
            # A defect that one question shows is not a matter of the others in its batch.
            log.exception("a forecast of given series failed")
            return inference.failed()

    def _forecast(self, skus: list[str], horizon: int, levels: list[float]) -> dict[str, Any]:
        server: Server = self.api.state.server
        champion = self._champion()
        refuse_beyond(champion.ensemble, horizon)
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

    def _champion(self) -> registry.Champion:
        server: Server = self.api.state.server
        if self._in_use is None:
            self._in_use = InUse(server.settings.tracking_uri)
        return self._in_use.get()


class _OwnFaultsOnly(logging.Filter):
    """A wrong request is the caller's to mend: its traceback does not belong in our log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ValidationError))


def service_of(api: FastAPI) -> Any:  # noqa: ANN401 - BentoML is untyped.
    """A BentoML service named `vouch` whose inference stands on `api`'s database."""
    logging.getLogger("bentoml._internal.server.http_app").addFilter(_OwnFaultsOnly())
    bound = type("Vouch", (OnDemand,), {"api": api, "__doc__": OnDemand.__doc__})
    return bentoml.service(name="vouch", traffic={"timeout": 300})(bound)
