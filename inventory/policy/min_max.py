"""The (s, S) policy: each period, if the position is at s or below, order up to S.

Also known as min/max. All that is not met waits. K is money per order, h per unit left at a
period's end, p per unit waited for at a period's end.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from inventory.demand import Floats
from inventory.errors import InputRejected
from inventory.policy.distributions import Distribution
from inventory.policy.newsvendor import critical_ratio, expected_cost


class WholeDemand(Protocol):
    """Demand of one period in whole units."""

    def chances(self, units: Floats) -> Floats:
        """Chance of each of `units`."""
        ...


@dataclass(frozen=True, slots=True)
class MinMax:
    """s and S, units, and cost per period where it was computed."""

    reorder_point_units: float
    order_up_to_units: float
    cost_per_period: float | None = None


class _Costs:
    """c(s, S) by renewal: what a cycle costs over how many periods it takes.

        c(s, S) = (K + Σ_{d < S−s} m(d)·G(S − d)) / Σ_{d < S−s} m(d)

    m(d) is how many periods of a cycle start with the position d below S.
    """

    def __init__(
        self,
        period: WholeDemand,
        protected: Distribution,
        *,
        order_cost: float,
        holding_cost: float,
        shortage_cost: float,
    ) -> None:
        self._period = period
        self._protected = protected
        self._order_cost = order_cost
        self._money = {"holding_cost": holding_cost, "shortage_cost": shortage_cost}
        self._visits = np.empty(0)
        self._at: dict[int, float] = {}
        if period.chances(np.zeros(1))[0] >= 1:
            raise InputRejected("it never sells anything; no order is ever due", field="demand")

    def at(self, y: int) -> float:
        """G(y): expected cost of a period whose orders are all in, from position y."""
        if y not in self._at:
            self._at[y] = expected_cost(self._protected, y, **self._money)
        return self._at[y]

    def visits(self, n: int) -> Floats:
        """m(0) ... m(n − 1)."""
        if len(self._visits) < n:
            size = max(n, 2 * len(self._visits))
            chance = self._period.chances(np.arange(size, dtype=float))
            visits = np.zeros(size)
            visits[0] = 1 / (1 - chance[0])
            for d in range(1, size):
                visits[d] = visits[0] * float(chance[1 : d + 1] @ visits[d - 1 :: -1][:d])
            self._visits = visits
        return self._visits[:n]

    def of(self, s: int, S: int) -> float:
        """Cost per period of s < S."""
        visits = self.visits(S - s)
        kept = np.array([self.at(y) for y in range(S, s, -1)])
        return (self._order_cost + float(visits @ kept)) / float(visits.sum())


def cost_per_period(
    policy: MinMax,
    period: WholeDemand,
    protected: Distribution,
    *,
    order_cost: float,
    holding_cost: float,
    shortage_cost: float,
) -> float:
    """What a given whole s < S costs per period; parameters as `optimal`."""
    costs = _Costs(
        period,
        protected,
        order_cost=order_cost,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
    )
    return costs.of(int(policy.reorder_point_units), int(policy.order_up_to_units))


def optimal(
    period: WholeDemand,
    protected: Distribution,
    *,
    order_cost: float,
    holding_cost: float,
    shortage_cost: float,
) -> MinMax:
    """The cheapest s and S for independent whole-unit demand.

    Parameters
    ----------
    period : demand of one period.
    protected : demand of the L + 1 periods that an order must last, L the lead time in periods.
    order_cost, holding_cost, shortage_cost : K, h, p > 0.

    Source
    ------
    Zheng & Federgruen (1991), Operations Research 39(4): s rises to where ordering pays, S is
    tried upwards while a period from it costs less than the best policy so far.

    >>> from inventory.policy.distributions import Poisson
    >>> six = Poisson(6)
    >>> found = optimal(six, six, order_cost=5, holding_cost=1, shortage_cost=4)
    >>> found.reorder_point_units, found.order_up_to_units
    (4, 10)
    """
    costs = _Costs(
        period,
        protected,
        order_cost=order_cost,
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
    )
    ratio = float(critical_ratio(shortage_cost=shortage_cost, holding_cost=holding_cost))
    top = int(protected.quantile(ratio))
    s = top - 1
    while costs.of(s, top) > costs.at(s):
        s -= 1
    best = costs.of(s, top)
    S = top + 1
    while costs.at(S) <= best:
        if costs.of(s, S) < best:
            top = S
            while costs.of(s, S) <= costs.at(s + 1):
                s += 1
            best = costs.of(s, S)
        S += 1
    return MinMax(s, top, best)


def power_approximation(
    *,
    demand_mean_units: float,
    demand_sd_units: float,
    order_cost: float,
    holding_cost: float,
    shortage_cost: float,
    lead_time_periods: float = 0.0,
) -> MinMax:
    """S and S by formulas fitted to many optima; only mean and spread of demand are needed.

        Q = 1.30·μ^0.494·(K/h)^0.506·(1 + σ_L²/μ²)^0.116       S = s + Q
        s = 0.973·μ_L + σ_L·(0.183/z + 1.063 − 2.192·z)        z = √(Q·h / (σ_L·p))

    μ, σ per period; μ_L = (L + 1)·μ and σ_L = √(L + 1)·σ over lead time and one period. Good where
    Q is at least 1.5·μ.

    Source
    ------
    Ehrhardt & Mosier (1984), Management Science 30(5); Snyder & Shen, eq. (4.77) to (4.80).

    >>> found = power_approximation(demand_mean_units=190, demand_sd_units=48, order_cost=60,
    ...                             holding_cost=2, shortage_cost=36)
    >>> round(found.reorder_point_units, 2), round(found.order_up_to_units, 2)
    (226.61, 324.38)
    """
    periods = lead_time_periods + 1
    mean, sd = periods * demand_mean_units, math.sqrt(periods) * demand_sd_units
    lot = (
        1.3
        * demand_mean_units**0.494
        * (order_cost / holding_cost) ** 0.506
        * (1 + (sd / demand_mean_units) ** 2) ** 0.116
    )
    z = math.sqrt(lot / sd * holding_cost / shortage_cost)
    s = 0.973 * mean + sd * (0.183 / z + 1.063 - 2.192 * z)
    return MinMax(s, s + lot)
