"""Lots for demand that is known but changes from period to period."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAVING_MIN = 1e-12
"""Relative: a plan is better only by more than rounding. Of equals the one that orders sooner again
is kept, which holds less stock."""


@dataclass(frozen=True, slots=True)
class LotPlan:
    """Units to order in each period, and what the plan costs."""

    order_units: tuple[float, ...]
    cost: float


def wagner_whitin(
    demand_units: Sequence[float],
    *,
    order_costs: Sequence[float],
    holding_costs: Sequence[float],
    unit_costs: Sequence[float],
) -> LotPlan:
    """The cheapest plan: an order covers the demand of whole periods, and arrives at once.

        θ(t) = min over s > t of  K_t + Σ_{i=t}^{s−1} (c_t + h_t·(i − t))·d_i + θ(s)

    Parameters
    ----------
    demand_units : d, units, one per period. Nothing may be short.
    order_costs : K ≥ 0, money per order placed in each period; free where nothing is ordered.
    holding_costs : h ≥ 0, money per unit ordered in that period and period held.
    unit_costs : c ≥ 0, money per unit ordered in that period.

    Source
    ------
    Wagner & Whitin (1958), Management Science 5(1); Snyder & Shen, algorithm 3.1.

    >>> wagner_whitin([90, 120, 80, 70], order_costs=[500] * 4, holding_costs=[2] * 4,
    ...               unit_costs=[0] * 4)
    LotPlan(order_units=(210.0, 0.0, 150.0, 0.0), cost=1380.0)
    """
    demand = np.asarray(demand_units, dtype=float)
    T = len(demand)
    to_go, following = np.zeros(T + 1), [T] * (T + 1)
    for t in reversed(range(T)):
        ahead = np.arange(T - t)
        each = (unit_costs[t] + holding_costs[t] * ahead) * demand[t:]
        ordered = np.cumsum(demand[t:]) > 0
        costs = order_costs[t] * ordered + np.cumsum(each) + to_go[t + 1 :]
        slack = SAVING_MIN * max(1.0, abs(float(costs.min())))
        chosen = int(np.argmax(costs <= costs.min() + slack))
        to_go[t], following[t] = costs[chosen], t + 1 + chosen
    orders = np.zeros(T)
    t = 0
    while t < T:
        orders[t] = demand[t : following[t]].sum()
        t = following[t]
    return LotPlan(order_units=tuple(orders.tolist()), cost=float(to_go[0]))
