"""The one simulator of stock, with one timing contract, for backtests, what-if and tests.

Timing. A period runs in this order:

    1. what was ordered arrives, at the start of the period;
    2. demand shows and is met from stock; what is not met is lost, or owed (backorders);
    3. cost is counted on what is left, and on what was not met;
    4. the next order is placed. It arrives at the start of the period L + 1 after this one.

So with L = 2 an order placed at the end of week X is on the shelf from the start of week X + 3, and
two whole weeks pass that it cannot influence. `pipeline[..., k]` are the units that arrive k + 1
periods from now; its length is L, plus whatever is already under way beyond.

Arrays are shaped (N, ...) throughout: (N,) for one history, (N, S) for S sample paths of each.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats


@dataclass(frozen=True, slots=True, eq=False)
class StockState:
    """Stock at the end of a period: after its demand, before its order is placed.

    on_hand_units : shape (N, ...); negative where demand is owed (backorders only).
    pipeline_units : shape (N, ..., K), units arriving 1, 2, … K periods from now.
    """

    on_hand_units: Floats
    pipeline_units: Floats

    @property
    def position_units(self) -> Floats:
        """On hand plus everything on its way."""
        position: Floats = self.on_hand_units + self.pipeline_units.sum(axis=-1)
        return position

    def ordered(self, units: Floats, *, lead_time_periods: int) -> "StockState":
        """The state once `units` (N, ...) are ordered now: they arrive in period L + 1."""
        missing = lead_time_periods + 1 - self.pipeline_units.shape[-1]
        pipeline = self.pipeline_units
        if missing > 0:
            empty = np.zeros((*pipeline.shape[:-1], missing))
            pipeline = np.concatenate([pipeline, empty], axis=-1)
        else:
            pipeline = pipeline.copy()
        pipeline[..., lead_time_periods] += units
        return StockState(self.on_hand_units, pipeline)


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """What happened in one period, each of shape (N, ...), units."""

    state: StockState
    met_units: Floats
    unmet_units: Floats
    """Lost, or newly owed, in this period."""

    @property
    def left_units(self) -> Floats:
        """On the shelf at the end of the period."""
        return np.maximum(self.state.on_hand_units, 0.0)


def play_period(state: StockState, demand_units: Floats, *, lost_sales: bool) -> Period:
    """One period from arrival to its end: steps 1 and 2 of the contract."""
    arriving = state.pipeline_units[..., 0] if state.pipeline_units.shape[-1] else 0.0
    stock = state.on_hand_units + arriving
    # What was owed is served first, so only stock above zero meets new demand.
    met = np.minimum(np.maximum(stock, 0.0), demand_units)
    unmet = demand_units - met
    left = stock - met if lost_sales else stock - demand_units
    return Period(StockState(left, state.pipeline_units[..., 1:]), met, unmet)


def project(state: StockState, demand_units: Floats, *, lost_sales: bool) -> StockState:
    """The state after the given periods (N, H, ...), with no further order placed.

    Along sample paths, not along means: with lost sales the mean of what is left is more than what
    is left of the mean.
    """
    for period in range(demand_units.shape[1]):
        state = play_period(state, demand_units[:, period], lost_sales=lost_sales).state
    return state


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a policy came to over T periods; arrays of shape (N, T), units."""

    left_units: Floats
    unmet_units: Floats
    met_units: Floats
    ordered_units: Floats

    def cost(self, *, holding: float, shortage: float) -> float:
        """Money: holding per unit left at a period's end, shortage per unit of demand not met."""
        return float(holding * self.left_units.sum() + shortage * self.unmet_units.sum())

    @property
    def fill_rate(self) -> float:
        """Share of demand met from the shelf."""
        demand = self.met_units.sum() + self.unmet_units.sum()
        return float(self.met_units.sum() / demand) if demand else 1.0


Decide = Callable[[int, StockState], Floats]
"""How many units (N,) to order at the end of period t, given the stock then. It must know no demand
later than t. Period −1 is the eve of the first period."""


def simulate(
    demand_units: Floats,
    start: StockState,
    decide: Decide,
    *,
    lead_time_periods: int,
    lost_sales: bool,
    orders: int | None = None,
) -> Outcome:
    """Play a policy against demand (N, T), starting with an order on the eve of period 0.

    `orders` limits how many orders are placed (one per period, the first on the eve).
    """
    N, T = demand_units.shape
    placed = T if orders is None else orders
    ordered = np.zeros((N, T))
    state, periods = start, []
    for t in range(T):
        if t < placed:
            ordered[:, t] = decide(t - 1, state)
            state = state.ordered(ordered[:, t], lead_time_periods=lead_time_periods)
        period = play_period(state, demand_units[:, t], lost_sales=lost_sales)
        state = period.state
        periods.append(period)
    return Outcome(
        left_units=np.stack([p.left_units for p in periods], axis=1),
        unmet_units=np.stack([p.unmet_units for p in periods], axis=1),
        met_units=np.stack([p.met_units for p in periods], axis=1),
        ordered_units=ordered,
    )
