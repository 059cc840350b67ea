"""Why a forecast is what it is."""

from typing import Any

from fastapi import APIRouter

from pipelines.explanation import read as explanation_of
from serving.api.context import PREFIX, Reader
from serving.messages import Id

router = APIRouter(prefix=PREFIX, tags=["Forecasts and policy"])


@router.get("/forecasts/{sku}/{location}/explanation")
def read(sku: Id, location: Id, call: Reader) -> dict[str, Any]:
    """Why the forecast in force is what it is, over its first week.

    `drivers` sum to `mean`: the level of the series, what each group of features moves it by
    (Shapley values of the booster), what the other members and the calibration change, and what
    planners stated over it. `features` are the strongest single ones, `members` what each said and
    how much it counts, `analogue` the past four weeks most like the last ones and what sold then.
    """
    with call.db() as db:
        call.may_see(db, sku)
        return explanation_of(db, sku, location, now=call.now).as_dict()
