"""Why a forecast is what it is: what its run kept, what planners changed, when it was so before.

The run said the rest when it was made; only the nearest past is looked up when somebody asks. So
nothing here loads a model.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from features.demand import dense_demand
from features.frame import DATE, KEY, LOCATION, Panel
from inventory.demand import DemandForecast
from inventory.errors import NotFound
from inventory.store import history as sales
from inventory.store.effective_forecasts import Adjusted, read_adjusted
from inventory.store.explanations import Driver, FeaturePart, MemberPart, read_explanation
from models.analogue import CONTEXT_PERIODS, nearest
from pipelines.history import HISTORY_DAYS, gap_free

OVERRIDES_TERM = "overrides"
"""What planners stated over the statistics, as one more term of the sum."""

DIGITS = 4
"""Kept in single precision: digits after the fourth are noise."""

ONE = timedelta(days=1)


class NotExplained(NotFound):
    """The run that is in force kept no reasons."""

    def __init__(self, run_id: str, sku: str, location: str) -> None:
        super().__init__("explanation of the forecast", f"{sku} at {location}")
        self.run_id = run_id

    def __str__(self) -> str:
        return (
            f"run {self.run_id} kept no reasons for {self.key}; the next `vouch daily` or "
            "`vouch forecast` keeps them, unless VOUCH_EXPLAIN is false"
        )


@dataclass(frozen=True, slots=True)
class Followed:
    """What sold after the analogue, at today's level; days without a known demand left out."""

    first_day: date
    last_day: date
    units_per_day: float


@dataclass(frozen=True, slots=True)
class Precedent:
    """A stretch of the past like the last weeks; distance zero is the same shape."""

    location: str
    first_day: date
    last_day: date
    distance: float
    followed: Followed | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of the first `periods` of one forecast; figures are means, in units per period.

    drivers : sum to `mean`. members : before combination. analogue : None where no past is alike.
    """

    sku: str
    location: str
    forecast: DemandForecast
    periods: int
    mean: float
    statistical_mean: float
    drivers: tuple[Driver, ...]
    features: tuple[FeaturePart, ...]
    members: tuple[MemberPart, ...]
    analogue: Precedent | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        told = {
            "sku": self.sku,
            "location": self.location,
            "run": self.forecast.run_id,
            "model_version": self.forecast.model_version,
            "origin": self.forecast.first_day - ONE,
            "period_days": self.forecast.period_days,
            "periods": self.periods,
            "mean": self.mean,
            "statistical_mean": self.statistical_mean,
            "drivers": [asdict(driver) for driver in self.drivers],
            "features": [asdict(feature) for feature in self.features],
            "members": [asdict(member) for member in self.members],
            "analogue": None if self.analogue is None else _analogue_dict(self.analogue),
        }
        rounded: dict[str, Any] = _rounded(told)
        return rounded


def read(db: psycopg.Connection, sku: str, location: str, *, now: datetime) -> Explanation:
    """Why the forecast in force of one series is what it is.

    Raises `NotFound` where there is no forecast, or its run kept no reasons.
    """
    adjusted = read_adjusted(db, sku, location, now=now)
    if adjusted is None:
        raise NotFound("forecast", f"{sku} at {location}")
    forecast = adjusted.statistical
    assert forecast.period_days == 1, "stored runs are daily"
    kept = read_explanation(db, forecast.run_id, sku, location)
    if kept is None:
        raise NotExplained(forecast.run_id, sku, location)
    before, after = _means(adjusted, kept.periods)
    drivers = kept.drivers
    if adjusted.overrides:
        drivers = (*drivers, Driver(OVERRIDES_TERM, after - before))
    return Explanation(
        sku=sku,
        location=location,
        forecast=forecast,
        periods=kept.periods,
        mean=after,
        statistical_mean=before,
        drivers=drivers,
        features=kept.features,
        members=kept.members,
        analogue=precedent(db, sku, location, origin=forecast.first_day - ONE, days=kept.periods),
    )


def precedent(
    db: psycopg.Connection, sku: str, location: str, *, origin: date, days: int
) -> Precedent | None:
    """The four weeks of this SKU, here or elsewhere, most like the last ones by the origin."""
    rows = sales.read_sales_days(
        db, first=origin - timedelta(days=HISTORY_DAYS - 1), last=origin, skus=[sku]
    ).rename({"day": DATE})
    living = gap_free(rows.drop("covariates"), origin=origin)
    panel = Panel(history=living, future=living.head(0).select(KEY))
    locations: Sequence[str] = panel.series.get_column(LOCATION).to_list()
    if location not in locations:
        return None
    demand = dense_demand(panel)
    found = nearest(demand, locations.index(location), horizon=days, period_days=1)
    if found is None:
        return None
    begun = origin - timedelta(days=demand.shape[1] - 1)
    last = begun + timedelta(days=found.last)
    followed = None
    if not np.isnan(found.followed_units).all():
        units = float(np.nanmean(found.followed_units))
        followed = Followed(last + ONE, last + timedelta(days=days), units)
    first = last - timedelta(days=CONTEXT_PERIODS[1] - 1)
    return Precedent(locations[found.row], first, last, found.distance, followed)


def _means(adjusted: Adjusted, periods: int) -> tuple[float, float]:
    """Mean per period of the statistics and of what acts, over the first periods."""
    before, after = (
        float(forecast.mean_units[0, :periods].mean())
        for forecast in (adjusted.statistical, adjusted.final)
    )
    return before, after


def _analogue_dict(found: Precedent) -> dict[str, Any]:
    followed = found.followed
    return {
        "from": found.first_day,
        "to": found.last_day,
        "location": found.location,
        "distance": found.distance,
        "followed": None
        if followed is None
        else {
            "from": followed.first_day,
            "to": followed.last_day,
            "units_per_day": followed.units_per_day,
        },
    }


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any part of an answer.
    match value:
        case dict():
            return {name: _rounded(part) for name, part in value.items()}
        case list():
            return [_rounded(part) for part in value]
        case float():
            return round(value, DIGITS)
        case date():
            return value.isoformat()
    return value
