"""How likely a promise is to be kept: enough sellable units at the pick, on the day promised.

Two things can break it: demand that nobody announced takes the units first (walk-in sales), and
supply that the promise rests on comes late. The first is the forecast of competing demand in the
exposure window, as in `inventory.promise_buffer`; the second, how much a vendor's lead time varies.

    P(kept) = Σ over what may have arrived  P(arrived) · F(units there − units promised − q)

with F the distribution of competing demand. So the chance of q units at their ATP is at least the
level that the promise buffer of the view was set for. For a given day it never rises with q.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import numpy as np

from inventory.base_stock import extended
from inventory.calendar import Calendar, zone
from inventory.demand import DemandForecast, Floats, rowwise_quantile
from inventory.promise_buffer import Exposure, window_weights

LOTS_MAX = 8
"""Deliveries that are looked at one by one; more are taken to come together, two by two."""

DRAWS = 2_048
"""Possible outcomes that a group is judged by: its chance is then right to about 0.01."""

BISECTIONS = 40


@dataclass(frozen=True, slots=True, eq=False)
class WindowDemand:
    """Competing demand at one position in one exposure window, as a distribution of units.

    `samples`: equally likely outcomes, shape (S,); None: the day's quantiles times `weight`.
    """

    quantiles_units: Floats = field(default_factory=lambda: np.zeros(2))
    levels: Floats = field(default_factory=lambda: np.array([0.25, 0.75]))
    weight: float = 0.0
    samples: Floats | None = None

    def units(self, probability: Floats) -> Floats:
        """The quantile function, shape as given."""
        if self.samples is not None:
            drawn: Floats = np.quantile(self.samples, probability)
            return drawn
        found: Floats = self.weight * rowwise_quantile(
            self.quantiles_units[None, :], self.levels, probability[None, :]
        )
        first: Floats = found[0]
        return first

    def at_most(self, units: float) -> float:
        """The chance that demand leaves at least nothing of so many units, in [0, 1]."""
        if units < 0:
            return 0.0
        if self.samples is not None:
            return float(np.mean(self.samples <= units))
        if self.weight == 0:
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            if self.units(np.array([middle]))[0] <= units:
                low = middle
            else:
                high = middle
        return low


NOBODY_COMPETES = WindowDemand()


def window_demand(
    forecast: DemandForecast, exposure: Exposure, *, start: int, elapsed_share: float, seed: int
) -> WindowDemand:
    """Demand that competes for units picked on day `start` of a daily forecast of one series.

    `elapsed_share`: how much of day 0 is over; its demand has shown in the feeds.
    """
    assert forecast.period_days == 1
    assert len(forecast.skus) == 1
    weights = window_weights(
        exposure.exposure_days, elapsed_share=elapsed_share if start == 0 else 0.0
    )
    longer = extended(forecast, horizon=start + len(weights))
    if len(weights) == 1:
        weight = float(weights[0]) * exposure.competing_share
        return WindowDemand(longer.quantiles_units[0, start], longer.levels, weight)
    (paths,) = longer.sample_paths_units(seed=seed, periods=start + len(weights))
    samples = np.tensordot(weights, paths[0, start:], axes=(0, 0)) * exposure.competing_share
    return WindowDemand(samples=samples)


@dataclass(frozen=True, slots=True)
class Lot:
    """Supply that a promise may rest on, with the chance that it is there in time."""

    units: int
    chance: float


def chance_in_time(
    expected_at: datetime, *, calendar: Calendar, pick_day_index: int, now: datetime, sd_days: float
) -> float:
    """The chance that goods are put away and handled by the end of a day, 0 being today.

    Lateness is taken as normal around `expected_at` with the spread of the vendor's lead time.
    """
    ready_days = calendar.put_away_lag_days + calendar.handling_days
    last_day = calendar.day_of(now) + timedelta(days=pick_day_index - ready_days)
    ends = datetime.combine(last_day, calendar.cutoff or time.max, zone(calendar.timezone))
    slack_days = (ends - expected_at).total_seconds() / 86_400
    if sd_days <= 0:
        return 1.0 if slack_days >= 0 else 0.0
    return (1 + math.erf(slack_days / sd_days / math.sqrt(2))) / 2


def arrivals(lots: Sequence[Lot]) -> list[tuple[int, float]]:
    """What may have arrived: units with their chance. Lots come late independently of each other.

    >>> arrivals([Lot(10, 0.9), Lot(5, 1.0)])
    [(5, 0.1), (15, 0.9)]
    """
    certain = sum(lot.units for lot in lots if lot.chance >= 1)
    outcomes = {certain: 1.0}
    for lot in _few([lot for lot in lots if 0 < lot.chance < 1]):
        after: dict[int, float] = {}
        for units, chance in outcomes.items():
            after[units] = after.get(units, 0.0) + chance * (1 - lot.chance)
            there = units + lot.units
            after[there] = after.get(there, 0.0) + chance * lot.chance
        outcomes = after
    return [(units, round(chance, 12)) for units, chance in sorted(outcomes.items())]


def _few(lots: list[Lot]) -> list[Lot]:
    while len(lots) > LOTS_MAX:
        first, second, *rest = lots
        both = Lot(first.units + second.units, min(first.chance, second.chance))
        lots = [*rest, both]
    return lots


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What a pick finds at one location: units less those promised before, and what may change it.

    `free_units` may be negative: promised from lots that are still to come.
    """

    free_units: float
    demand: WindowDemand = NOBODY_COMPETES
    lots: tuple[Lot, ...] = ()

    def chance(self, quantity: int) -> float:
        """The chance that so many units are there, and free, at the pick."""
        kept = sum(
            chance * self.demand.at_most(self.free_units + arrived - quantity)
            for arrived, chance in arrivals(self.lots)
        )
        return min(1.0, kept)


def group_chance(shelves: Sequence[Shelf], *, held_units: int, quantity: int, seed: int) -> float:
    """The chance that the shelves of a group together hold so many units, besides those held.

    What lacks at one is not taken from another. Demand at different locations is taken as
    independent. The draws depend on the seed alone, so the chance never rises with the quantity.
    """
    rng = np.random.default_rng(seed)
    there = np.zeros(DRAWS)
    for shelf in shelves:
        arrived = np.zeros(DRAWS)
        for lot in shelf.lots:
            arrived += lot.units * (rng.random(DRAWS) < lot.chance)
        competing = shelf.demand.units(rng.random(DRAWS))
        there += np.maximum(np.floor(shelf.free_units + arrived - competing), 0)
    return float(np.mean(there >= held_units + quantity))
