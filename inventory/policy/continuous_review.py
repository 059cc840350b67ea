"""The (r, Q) policy: when the position falls to r, order Q. Stock is watched all the time.

Demand over the lead time is a `Distribution`. The position is then spread evenly over r to r + Q,
so with g(y) = h·n̄(y) + p·n(y), what a position of y costs per time a lead time later,

    cost(r, Q) = (K·λ + ∫_r^{r+Q} g(y) dy) / Q           (a sum over r + 1 ... r + Q in whole units)

K is money per order, λ demand per time, h money per unit left over and time, p money per unit
waited for and time. Source: Snyder & Shen, chapter 5; Zheng (1992), Management Science 38(1).
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq

from inventory.errors import InputRejected
from inventory.policy.distributions import Distribution
from inventory.policy.lot_size import backorder_lot_units, economic_order_quantity_units
from inventory.policy.newsvendor import critical_ratio, expected_cost

ROUNDS_MAX = 10_000
CLOSE = 1e-12
"""Relative change at which a fixed point counts as found."""


@dataclass(frozen=True, slots=True)
class Costs:
    """λ, K, h and p, all above zero; K may be zero where it is not asked for."""

    demand_rate_units: float
    order_cost: float
    holding_cost: float
    shortage_cost: float

    @property
    def economic_lot_units(self) -> float:
        """The lot for demand that does not vary."""
        return float(
            economic_order_quantity_units(
                demand_rate_units=self.demand_rate_units,
                order_cost=self.order_cost,
                holding_cost=self.holding_cost,
            )
        )

    def position_cost(self, demand: Distribution, units: float) -> float:
        """g(y), money per time."""
        return expected_cost(
            demand, units, holding_cost=self.holding_cost, shortage_cost=self.shortage_cost
        )


@dataclass(frozen=True, slots=True)
class ReorderLot:
    """r and Q, units."""

    reorder_point_units: float
    lot_units: float


def cost_per_time(policy: ReorderLot, demand: Distribution, costs: Costs) -> float:
    """Ordering, holding and waiting cost per time.

    For demand that is not whole, the integral is known by the second loss function:
    ∫ g = h·Q·(r + Q/2 − μ) + (h + p)·(n₂(r) − n₂(r + Q)).

    >>> from inventory.policy.distributions import Normal
    >>> at = Costs(demand_rate_units=1300, order_cost=8, holding_cost=0.225, shortage_cost=7.5)
    >>> lead = Normal(1300 / 12, 150 / 12 ** 0.5)
    >>> round(cost_per_time(ReorderLot(126.8, 328.5), lead, at), 4)
    78.0712
    """
    r, Q = policy.reorder_point_units, policy.lot_units
    ordering = costs.order_cost * costs.demand_rate_units
    if demand.is_whole:
        _whole(r, "reorder_point")
        _whole(Q, "order_quantity")
        positions = range(int(r) + 1, int(r + Q) + 1)
        return (ordering + sum(costs.position_cost(demand, y) for y in positions)) / Q
    both = costs.holding_cost + costs.shortage_cost
    held = costs.holding_cost * Q * (r + Q / 2 - demand.mean)
    return (ordering + held + both * (demand.second_loss(r) - demand.second_loss(r + Q))) / Q


def _whole(units: float, field: str) -> None:
    if units != int(units):
        raise InputRejected(f"{units} is not whole, and this demand is; round it", field=field)


def best_reorder_point_units(lot_units: float, demand: Distribution, costs: Costs) -> float:
    """The r that a given Q is cheapest with: where g(r) = g(r + Q).

    Source: Snyder & Shen, eq. (5.9).
    """
    if demand.is_whole:
        _whole(lot_units, "order_quantity")
        return _cheapest_window(demand, costs, lot_units=int(lot_units)).reorder_point_units
    best = demand.quantile(float(_ratio(costs)))

    def gap(r: float) -> float:
        return costs.position_cost(demand, r) - costs.position_cost(demand, r + lot_units)

    return float(brentq(gap, best - lot_units, best, xtol=1e-10, rtol=1e-14))


def optimal(demand: Distribution, costs: Costs) -> ReorderLot:
    """The cheapest r and Q together.

    The cost of the best r for Q is least where it equals g(r) = g(r + Q) itself. In whole units:
    positions are taken in, cheapest next, while that lowers the mean.

    Source: Federgruen & Zheng (1992), Operations Research 40(4); Zheng (1992).

    >>> from inventory.policy.distributions import Poisson
    >>> at = Costs(demand_rate_units=12, order_cost=4, holding_cost=4, shortage_cost=28)
    >>> optimal(Poisson(6), at)
    ReorderLot(reorder_point_units=6.0, lot_units=7)
    """
    if demand.is_whole:
        return _cheapest_window(demand, costs)

    def excess(Q: float) -> float:
        r = best_reorder_point_units(Q, demand, costs)
        here = cost_per_time(ReorderLot(r, Q), demand, costs)
        return costs.position_cost(demand, r) - here

    low, high = costs.economic_lot_units * 1e-3, costs.economic_lot_units
    while excess(high) < 0:
        low, high = high, 2 * high
    Q = float(brentq(excess, low, high, xtol=1e-10, rtol=1e-14))
    return ReorderLot(best_reorder_point_units(Q, demand, costs), Q)


def _cheapest_window(
    demand: Distribution, costs: Costs, *, lot_units: int | None = None
) -> ReorderLot:
    """R and Q of the cheapest positions in a row: as many as asked for, or as lower the mean."""
    best = demand.quantile(float(_ratio(costs)))
    low = high = best
    below, above = (costs.position_cost(demand, y) for y in (best - 1, best + 1))
    total = costs.order_cost * costs.demand_rate_units + costs.position_cost(demand, best)
    while (
        high - low + 1 < lot_units if lot_units else min(below, above) <= total / (high - low + 1)
    ):
        total += min(below, above)
        if below < above:
            low -= 1
            below = costs.position_cost(demand, low - 1)
        else:
            high += 1
            above = costs.position_cost(demand, high + 1)
    return ReorderLot(low - 1, int(high - low) + 1)


def _ratio(costs: Costs) -> float:
    return float(critical_ratio(shortage_cost=costs.shortage_cost, holding_cost=costs.holding_cost))


def by_backorder_lot(demand: Distribution, costs: Costs) -> ReorderLot:
    """Q as if demand were constant and customers waited, r the best for it (EOQB).

    Source: Snyder & Shen, eq. (3.27) and (5.9).
    """
    lot = backorder_lot_units(
        demand_rate_units=costs.demand_rate_units,
        order_cost=costs.order_cost,
        holding_cost=costs.holding_cost,
        shortage_cost=costs.shortage_cost,
    )
    return ReorderLot(best_reorder_point_units(lot, demand, costs), lot)


def by_economic_lot(demand: Distribution, costs: Costs) -> ReorderLot:
    """Q the EOQ, r the newsvendor's level: a lot, plus a safety stock (EOQ+SS).

    Source: Snyder & Shen, eq. (3.4) and (5.21).
    """
    return ReorderLot(demand.quantile(_ratio(costs)), costs.economic_lot_units)


def by_loss_function(demand: Distribution, costs: Costs) -> ReorderLot:
    """Q and r in turn, neglecting that n₂(r + Q) is not zero, until they stay.

        n(r) = h·Q/(h + p)        Q = √(2·(K·λ + (h + p)·n₂(r)) / h)

    Source: Hadley & Whitin; Snyder & Shen, eq. (5.28) and (5.29).
    """
    both = costs.holding_cost + costs.shortage_cost
    Q = costs.economic_lot_units
    for _ in range(ROUNDS_MAX):
        r = _point_of_loss(demand, costs.holding_cost * Q / both)
        inside = costs.order_cost * costs.demand_rate_units + both * demand.second_loss(r)
        before, Q = Q, math.sqrt(2 * inside / costs.holding_cost)
        if abs(Q - before) <= CLOSE * Q:
            break
    return ReorderLot(_point_of_loss(demand, costs.holding_cost * Q / both), Q)


def _point_of_loss(demand: Distribution, units: float) -> float:
    """The x with n(x) = units."""
    spread = math.sqrt(demand.variance)
    high = demand.mean + spread
    while demand.loss(high) > units:
        high += spread
    low = demand.mean - units - spread  # There the loss is above units + spread.
    return float(brentq(lambda x: demand.loss(x) - units, low, high, xtol=1e-10, rtol=1e-14))


def by_expected_inventory(demand: Distribution, costs: Costs) -> tuple[ReorderLot, float]:
    """Q and r in turn, and their cost, with p money per unit *short* (however long it waits).

        P(D ≤ r) = 1 − h·Q/(p·λ)        Q = √(2·λ·(K + p·n(r)) / h)
        cost = h·(r − μ + Q/2) + K·λ/Q + p·λ·n(r)/Q

    Stock on hand is taken for the expected inventory level (EIL). Raises `InputRejected` where
    being short is so cheap that no r solves this.

    Source: Whitin (1953); Snyder & Shen, eq. (5.16) to (5.18).
    """
    rate, Q = costs.demand_rate_units, costs.economic_lot_units
    for _ in range(ROUNDS_MAX):
        short_chance = Q * costs.holding_cost / (costs.shortage_cost * rate)
        if short_chance >= 1:
            raise InputRejected(
                f"{costs.shortage_cost:g} is so little beside holding and ordering that running "
                "out always pays; raise it, or take method eoqb",
                field="stockout_cost",
            )
        r = demand.quantile(1 - short_chance)
        short = costs.order_cost + costs.shortage_cost * demand.loss(r)
        before, Q = Q, math.sqrt(2 * rate * short / costs.holding_cost)
        if abs(Q - before) <= CLOSE * Q:
            break
    cost = costs.holding_cost * (r - demand.mean + Q / 2) + short * rate / Q
    return ReorderLot(r, Q), cost
