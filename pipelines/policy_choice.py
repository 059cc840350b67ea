"""Which ways of ordering to replay, from what a person writes: `planned, min_max:20/60`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inventory.errors import InputRejected
from pipelines.forecast_orders import ForecastOrders, PastForecasts
from pipelines.order_baselines import BASELINES, DaysOfCover, MinMax, Policy, SafetyFactor
from pipelines.planned_orders import PlannedOrders

PLANNED, OURS, ALL = "planned", "vouch", "all"

Build = Callable[[PastForecasts, tuple[float, ...]], Policy]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of ordering: how it is written, which parameters fit, and how it is made of them."""

    written: str
    fits: Callable[[tuple[float, ...]], bool]
    build: Build


WAYS = {
    PLANNED: Way(
        "planned or planned:0.95 (a service level)",
        lambda at: not at or (len(at) == 1 and 0 < at[0] < 1),
        lambda forecasts, at: PlannedOrders(forecasts, *at),
    ),
    OURS: Way("vouch", lambda at: not at, lambda forecasts, _: ForecastOrders(forecasts)),
    "min_max": Way(
        "min_max or min_max:20/60 (units)",
        lambda at: not at or (len(at) == 2 and 0 <= at[0] <= at[1]),  # noqa: PLR2004
        lambda _, at: MinMax(*at),
    ),
    "days_of_cover": Way(
        "days_of_cover or days_of_cover:14 (days)",
        lambda at: not at or (len(at) == 1 and at[0] > 0),
        lambda _, at: DaysOfCover(*at),
    ),
    "safety_factor": Way(
        "safety_factor or safety_factor:1.64 (z)",
        lambda at: len(at) <= 1,
        lambda _, at: SafetyFactor(z=at[0] if at else None),
    ),
    "seasonal": Way("seasonal", lambda at: not at, lambda *_: BASELINES["seasonal"]),
}
"""By name, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way of ordering, with its parameters."""

    written: str
    name: str
    at: tuple[float, ...] = ()

    def policy(self, forecasts: PastForecasts) -> Policy:
        """The policy; one that forecasts reads them there."""
        return WAYS[self.name].build(forecasts, self.at)


def choices(written: Sequence[str]) -> list[Choice]:
    """The ways asked for, each once; `all` for every one without parameters.

    Raises `InputRejected` with the list of what can be asked for.

    >>> [choice.at for choice in choices(["min_max:20/60", " safety_factor:1.64", "seasonal"])]
    [(20.0, 60.0), (1.64,), ()]
    """
    texts = [text.strip() for text in written]
    if texts == [ALL]:
        texts = list(WAYS)
    return [_choice(text) for text in dict.fromkeys(texts)]


def _choice(text: str) -> Choice:
    name, colon, said = text.partition(":")
    try:
        at = tuple(float(number) for number in said.split("/")) if colon else ()
    except ValueError:
        at = (math.nan,)
    way = WAYS.get(name)
    if way is None or not all(map(math.isfinite, at)) or not way.fits(at):
        known = "; ".join(each.written for each in WAYS.values())
        raise InputRejected(f"'{text}' is none of: {known}; or {ALL}", field="policies")
    return Choice(text, name, at)
