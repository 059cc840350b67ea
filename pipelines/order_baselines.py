"""Order policies that everybody can follow by hand, to compare ours with.

Each reads the last 13 weeks of demand and orders up to a level. The cover of the three that think
in periods of demand is lead time and review period, and one period for safety, where nobody says
otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from inventory.demand import Floats
from inventory.next_order import UnitCosts
from inventory.order_plan import economic_lots
from inventory.simulate import Decide, StockState
from models.seasonal_average import season_factors
from pipelines.replay_demand import ReplayDemand, Rows
from pipelines.replay_terms import Bought

AVERAGED_DAYS = 91
"""Thirteen weeks of demand tell what is usual."""
SAFETY_PERIODS = 1


@dataclass(frozen=True, slots=True, eq=False)
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
    """What a policy is asked to supply: the series `rows` of a history, and their demand.

    bought : packs, minimums, order costs and targets of the same series; None: none of them.
    """

    demand: ReplayDemand
    rows: Rows
    terms: Terms
    bought: Bought | None = None

    def economic_lots(self, mean_units: Floats) -> Floats:
        """What is worth ordering at once where that many (N,) sell in a period, units."""
        if self.bought is None:
            return np.zeros(len(self.rows))
        table = self.bought.table
        return economic_lots(
            demand_per_day_units=mean_units / self.demand.period_days,
            order_cost=table["order_cost"].to_numpy(),
            holding_cost_per_year=table["holding_cost"].fill_null(0.0).to_numpy(),
            shelf_life_days=table["shelf_life_days"].fill_null(np.inf).to_numpy(),
        )


Policy = Callable[[Case, int], Decide]
"""Orders for a case from an origin on: period t of the decisions is period origin + 1 + t of the
history, of which nothing after the period that has just ended may be read."""


@dataclass(frozen=True, slots=True)
class MinMax:
    """At or below the minimum, up to the maximum; both set at the origin and never again.

    By default the minimum is the cover, the maximum a week or a review period's demand more.
    """

    min_units: float | None = None
    max_units: float | None = None

    def __call__(self, case: Case, origin: int) -> Decide:
        """The policy."""
        mean = _recent(case, origin + 1)[0]
        week = 7 / case.demand.period_days
        low: Floats | float = mean * case.terms.cover_periods
        high: Floats | float = low + mean * max(case.terms.review_periods, week)
        if self.min_units is not None and self.max_units is not None:
            low, high = self.min_units, self.max_units

        def order(_: int, state: StockState) -> Floats:
            position = state.position_units
            return _whole(np.where(position <= low, high - position, 0.0))

        return order


@dataclass(frozen=True, slots=True)
class DaysOfCover:
    """Up to the cover, or so many days of it, at the usual demand, as it is at each order."""

    days: float | None = None

    def __call__(self, case: Case, origin: int) -> Decide:
        """The policy."""
        periods = case.terms.cover_periods
        cover = periods if self.days is None else self.days / case.demand.period_days

        def order(t: int, state: StockState) -> Floats:
            mean, _ = _recent(case, origin + t + 2)
            return _whole(mean * cover - state.position_units)

        return order


@dataclass(frozen=True, slots=True)
class SafetyFactor:
    """At or below d · (L + R) + z · σ · √(L + R), up to there and an economic lot more.

    z is the normal quantile of the service level, by default p / (p + h), where it is not given.
    Where orders cost nothing there is no lot, and it is the textbook's order-up-to level.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 4.4 (periodic review).
    """

    service_level: float | None = None
    z: float | None = None

    def __call__(self, case: Case, origin: int) -> Decide:
        """The policy."""
        periods = case.terms.protected_periods
        z = self._factor(case.terms.costs)

        def order(t: int, state: StockState) -> Floats:
            mean, sigma = _recent(case, origin + t + 2)
            level = mean * periods + z * sigma * np.sqrt(periods)
            position = state.position_units
            lacking = level + case.economic_lots(mean) - position
            return _whole(np.where(position <= level, lacking, 0.0))

        return order

    def _factor(self, costs: UnitCosts) -> Floats | float:
        if self.z is not None:
            return self.z
        level: Floats | float | None = self.service_level
        if level is None:
            level = costs.shortage / (costs.shortage + costs.holding)
        factor: Floats = ndtri(np.clip(level, 1e-6, 1 - 1e-6))
        return factor


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
    "min_max": MinMax(),
    "days_of_cover": DaysOfCover(),
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
