"""Order policies that everybody can follow by hand, to compare ours with.

Each reads the last 13 weeks of demand and orders up to a level. The cover of the three that think
in periods of demand is lead time and review period, and one period for safety.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from inventory.demand import Floats
from inventory.next_order import UnitCosts
from inventory.simulate import Decide, StockState
from models.seasonal_average import season_factors
from pipelines.replay_demand import ReplayDemand, Rows

AVERAGED_DAYS = 91
"""Thirteen weeks of demand tell what is usual."""
SAFETY_PERIODS = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms stock is bought and sold, in periods of the history.

    An order placed at a period's end arrives at the start of the period L + 1 after it. Goods with
    a shelf life of M periods can be sold in M of them, that of their arrival being the first.
    """

    lead_time_periods: int
    review_periods: int
    costs: UnitCosts
    lost_sales: bool
    shelf_life_periods: int | None = None

    @property
    def protected_periods(self) -> int:
        """L + R: from an order until the next one's arrival."""
        return self.lead_time_periods + self.review_periods

    @property
    def cover_periods(self) -> int:
        """Periods of demand that the simple policies order up to."""
        return self.protected_periods + SAFETY_PERIODS


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What a policy is asked to supply: the series `rows` of a history, and their demand."""

    demand: ReplayDemand
    rows: Rows
    terms: Terms


Policy = Callable[[Case, int], Decide]
"""Orders for a case from an origin on: period t of the decisions is period origin + 1 + t of the
history, of which nothing after the period that has just ended may be read."""


def fixed_min_max(case: Case, origin: int) -> Decide:
    """At or below the minimum, up to the maximum; both set at the origin and never again.

    The minimum is the cover, the maximum a week or a review period's demand more.
    """
    mean = _recent(case, origin + 1)[0]
    low = mean * case.terms.cover_periods
    week = 7 / case.demand.period_days
    high = low + mean * max(case.terms.review_periods, week)

    def order(_: int, state: StockState) -> Floats:
        position = state.position_units
        return _whole(np.where(position <= low, high - position, 0.0))

    return order


def days_of_cover(case: Case, origin: int) -> Decide:
    """Up to the cover at the usual demand, as it is at each order."""

    def order(t: int, state: StockState) -> Floats:
        mean, _ = _recent(case, origin + t + 2)
        return _whole(mean * case.terms.cover_periods - state.position_units)

    return order


@dataclass(frozen=True, slots=True)
class SafetyFactor:
    """Up to d · (L + R) + z · σ · √(L + R), with z the normal quantile of the service level.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 4.4 (periodic review).
    """

    service_level: float | None = None
    """By default p / (p + h)."""

    def __call__(self, case: Case, origin: int) -> Decide:
        """The policy."""
        terms = case.terms
        costs, periods = terms.costs, terms.protected_periods
        level = self.service_level
        if level is None:
            level = costs.shortage / (costs.shortage + costs.holding)
        z = float(ndtri(np.clip(level, 1e-6, 1 - 1e-6)))

        def order(t: int, state: StockState) -> Floats:
            mean, sigma = _recent(case, origin + t + 2)
            return _whole(mean * periods + z * sigma * np.sqrt(periods) - state.position_units)

        return order


def seasonal_order_up_to(case: Case, origin: int) -> Decide:
    """Average the last 13 weeks without season, order up to the cover of it with its season.

    The season is the mean over all series, per week of the year or, in daily histories, per
    weekday. With two weeks of lead time it is, step by step, the benchmark that the organiser of
    the VN2 challenge published: "a 13-week seasonal moving average combined with a forecast-driven
    policy with a 4 weeks coverage"; factors of weeks not yet seen are one.
    """
    demand, season = case.demand, case.demand.season
    periods = case.terms.cover_periods

    def order(t: int, state: StockState) -> Floats:
        known = origin + t + 2
        factors = season_factors(
            demand.known_units[:, :known], season[:known], seasons=demand.seasons
        )
        recent = slice(max(0, known - _averaged(demand)), known)
        mean, _ = _mean_sd(demand.known_units[:, recent] / factors[season[recent]])
        ahead = factors[season[known : known + periods]].sum()
        return _whole(mean * ahead - state.position_units)

    return order


BASELINES: dict[str, Policy] = {
    "min_max": fixed_min_max,
    "days_of_cover": days_of_cover,
    "safety_factor": SafetyFactor(),
    "seasonal": seasonal_order_up_to,
}


def _recent(case: Case, known: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the last 13 weeks before period `known`, units, (N,)."""
    periods = _averaged(case.demand)
    return _mean_sd(case.demand.known_units[:, max(0, known - periods) : known])


def _averaged(demand: ReplayDemand) -> int:
    return AVERAGED_DAYS // demand.period_days


def _mean_sd(units: Floats) -> tuple[Floats, Floats]:
    """Of what is known of each row (N, T); zero where nothing is."""
    seen = np.isfinite(units)
    counted = seen.sum(axis=1).clip(min=1)
    mean: Floats = np.where(seen, units, 0.0).sum(axis=1) / counted
    apart = np.where(seen, units - mean[:, None], 0.0)
    sd: Floats = np.sqrt((apart**2).sum(axis=1) / (counted - 1).clip(min=1))
    return mean, sd


def _whole(units: Floats) -> Floats:
    """Whole units, not below zero."""
    found: Floats = np.maximum(np.round(units), 0.0)
    return found
