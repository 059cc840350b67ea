"""The one simulator of stock, with one timing contract, for backtests, what-if and tests.

Timing. A period runs in this order:

    1. what was ordered arrives, at the start of the period;
    2. demand shows and is met from stock, oldest first; what is not met is lost, or owed
       (backorders);
    3. what has been on the shelf for its whole shelf life, where it has one, is thrown away;
    4. cost is counted on what is left, on what was not met and on what was thrown away;
    5. the next order is placed. It arrives at the start of the period L + 1 after this one.

So with L = 2 an order placed at the end of week X is on the shelf from the start of week X + 3, and
two whole weeks pass that it cannot influence. `pipeline[..., k]` are the units that arrive k + 1
periods from now; its length is L, plus whatever is already under way beyond.

Arrays are shaped (N, ...) throughout: (N,) for one history, (N, S) for S sample paths of each.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

LeadTime = int | NDArray[np.intp]
"""L ≥ 0, periods: for all alike, or of shape (N,) where each history has its own."""


@dataclass(frozen=True, slots=True, eq=False)
class StockState:
    """Stock at the end of a period: after its demand, before its order is placed.

    on_hand_units : shape (N, ...); negative where demand is owed (backorders only).
    pipeline_units : shape (N, ..., K), units arriving 1, 2, … K periods from now.
    recent_units : shape (N, ..., M), arrivals of the last M periods, oldest first, sold or not.
        Only goods with a shelf life need them; what is on hand beyond them is older.
    """

    on_hand_units: Floats
    pipeline_units: Floats
    recent_units: Floats | None = None

    @property
    def position_units(self) -> Floats:
        """On hand plus everything on its way."""
        position: Floats = self.on_hand_units + self.pipeline_units.sum(axis=-1)
        return position

    def select(self, rows: NDArray[np.generic] | slice) -> "StockState":
        """Of some of the N."""
        recent = self.recent_units
        return StockState(
            self.on_hand_units[rows],
            self.pipeline_units[rows],
            None if recent is None else recent[rows],
        )

    def ordered(self, units: Floats, *, lead_time_periods: LeadTime) -> "StockState":
        """The state once `units` (N, ...) are ordered now: they arrive in period L + 1."""
        missing = int(np.max(lead_time_periods)) + 1 - self.pipeline_units.shape[-1]
        pipeline = self.pipeline_units
        if missing > 0:
            empty = np.zeros((*pipeline.shape[:-1], missing))
            pipeline = np.concatenate([pipeline, empty], axis=-1)
        else:
            pipeline = pipeline.copy()
        if isinstance(lead_time_periods, int):
            pipeline[..., lead_time_periods] += units
        else:
            pipeline[np.arange(len(pipeline)), lead_time_periods] += units
        return StockState(self.on_hand_units, pipeline, self.recent_units)


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """What happened in one period, each of shape (N, ...), units."""

    state: StockState
    met_units: Floats
    unmet_units: Floats
    """Lost, or newly owed, in this period."""
    expired_units: Floats
    """Thrown away at its end."""

    @property
    def left_units(self) -> Floats:
        """On the shelf at the end of the period."""
        return np.maximum(self.state.on_hand_units, 0.0)


def play_period(
    state: StockState,
    demand_units: Floats,
    *,
    lost_sales: bool,
    shelf_life_periods: int | None = None,
) -> Period:
    """One period from arrival to its end: steps 1 to 3 of the contract.

    shelf_life_periods : M ≥ 1, periods in which a unit can be sold, that of its arrival being the
        first; None where goods keep.
    """
    some = state.pipeline_units.shape[-1] > 0
    arriving = state.pipeline_units[..., 0] if some else np.zeros_like(state.on_hand_units)
    stock = state.on_hand_units + arriving
    # What was owed is served first, so only stock above zero meets new demand.
    met = np.minimum(np.maximum(stock, 0.0), demand_units)
    unmet = demand_units - met
    left = stock - met if lost_sales else stock - demand_units
    expired, recent = np.zeros_like(met), state.recent_units
    if shelf_life_periods is not None:
        recent = _arrived_lately(recent, arriving, periods=shelf_life_periods - 1)
        # Oldest first: where anything older is left, nothing of what came since has been sold.
        expired = np.maximum(left - recent.sum(axis=-1), 0.0)
    after = StockState(left - expired, state.pipeline_units[..., 1:], recent)
    return Period(after, met, unmet, expired)


def _arrived_lately(recent: Floats | None, arriving: Floats, *, periods: int) -> Floats:
    """Arrivals of the last periods up to this one, oldest first: (N, ..., periods)."""
    shape = (*arriving.shape, periods)
    known = np.zeros(shape) if recent is None else np.broadcast_to(recent, shape)
    lately: Floats = np.concatenate([known, arriving[..., None]], axis=-1)[..., 1:]
    return lately


def project(
    state: StockState,
    demand_units: Floats,
    *,
    lost_sales: bool,
    shelf_life_periods: int | None = None,
) -> StockState:
    """The state after the given periods (N, H, ...), with no further order placed.

    Along sample paths, not along means: with lost sales the mean of what is left is more than what
    is left of the mean.
    """
    for period in range(demand_units.shape[1]):
        played = play_period(
            state, demand_units[:, period], lost_sales=lost_sales,
            shelf_life_periods=shelf_life_periods,
        )  # fmt: skip
        state = played.state
    return state


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a policy came to over T periods; arrays of shape (N, T), units."""

    left_units: Floats
    unmet_units: Floats
    met_units: Floats
    ordered_units: Floats
    expired_units: Floats

    def cost(self, *, holding: float, shortage: float, waste: float = 0.0) -> float:
        """Money: holding per unit left at a period's end, shortage per unit of demand not met,
        waste per unit thrown away.
        """
        kept = holding * self.left_units.sum() + shortage * self.unmet_units.sum()
        return float(kept + waste * self.expired_units.sum())

    def counted_from(self, period: int, *, first_order: int = 0) -> "Outcome":
        """The same from a period on, and the orders from one placed earlier on."""
        return Outcome(
            self.left_units[:, period:], self.unmet_units[:, period:], self.met_units[:, period:],
            self.ordered_units[:, first_order:], self.expired_units[:, period:],
        )  # fmt: skip

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
    lead_time_periods: LeadTime,
    lost_sales: bool,
    orders: int | None = None,
    review_periods: int = 1,
    shelf_life_periods: int | None = None,
) -> Outcome:
    """Play a policy against demand (N, T), starting with an order on the eve of period 0.

    `orders` limits how many orders are placed: one every `review_periods`, the first on the eve.
    """
    N, T = demand_units.shape
    placed = T if orders is None else orders * review_periods
    ordered = np.zeros((N, T))
    state, periods = start, []
    for t in range(T):
        if t < placed and t % review_periods == 0:
            ordered[:, t] = decide(t - 1, state)
            state = state.ordered(ordered[:, t], lead_time_periods=lead_time_periods)
        period = play_period(
            state, demand_units[:, t], lost_sales=lost_sales, shelf_life_periods=shelf_life_periods
        )
        state = period.state
        periods.append(period)
    return Outcome(
        left_units=np.stack([p.left_units for p in periods], axis=1),
        unmet_units=np.stack([p.unmet_units for p in periods], axis=1),
        met_units=np.stack([p.met_units for p in periods], axis=1),
        ordered_units=ordered,
        expired_units=np.stack([p.expired_units for p in periods], axis=1),
    )
