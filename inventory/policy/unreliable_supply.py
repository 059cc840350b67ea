"""Ordering from a supplier who is sometimes closed, or who delivers something else than ordered."""

import math
from dataclasses import dataclass

from scipy.optimize import minimize_scalar

from inventory.errors import InputRejected
from inventory.policy.distributions import Distribution

UNCERTAIN_MAX = 1e-12
"""Disruptions so long that their chance is below this are left out of a sum."""


@dataclass(frozen=True, slots=True)
class Disruptions:
    """A supplier's ups and downs, each exponential, and what they cost who orders there.

    demand_rate_units D; order_cost K; holding_cost h per unit and time; shortage_cost p per unit
    of demand lost; disruption_rate λ and recovery_rate μ, times per time unit. All above zero.
    """

    demand_rate_units: float
    order_cost: float
    holding_cost: float
    shortage_cost: float
    disruption_rate: float
    recovery_rate: float

    def down_chance(self, lot_units: float, *, approximate: bool = False) -> float:
        """Chance that the supplier is down when a lot of Q runs out.

        ψ = λ/(λ + μ) · (1 − e^(−(λ + μ)·Q/D)), without the last factor when approximated
        """
        both = self.disruption_rate + self.recovery_rate
        chance = self.disruption_rate / both
        return (
            chance
            if approximate
            else -chance * math.expm1(-both * lot_units / self.demand_rate_units)
        )

    def cost_per_time(self, lot_units: float, *, approximate: bool = False) -> float:
        """(K + h·Q²/(2·D) + p·D·ψ/μ) / (Q/D + ψ/μ). Source: Snyder & Shen, eq. (9.5).

        >>> ice = Disruptions(1300, 8, 0.225, 5, disruption_rate=1.5, recovery_rate=14)
        >>> round(ice.cost_per_time(800), 4)
        174.0525
        """
        rate = self.demand_rate_units
        down = self.down_chance(lot_units, approximate=approximate) / self.recovery_rate
        held = self.holding_cost * lot_units**2 / (2 * rate)
        cycle = self.order_cost + held + self.shortage_cost * rate * down
        return cycle / (lot_units / rate + down)

    def approximate_lot_units(self) -> float:
        """The best lot when ψ is approximated; then the cost is h·Q.

        Source: Snyder (2014), A Tight Approximation for an EOQ Model with Supply Disruptions.
        """
        psi = self.down_chance(math.inf, approximate=True)
        mu, h, d = self.recovery_rate, self.holding_cost, self.demand_rate_units
        inside = (psi * d * h) ** 2 + 2 * h * mu * (
            self.order_cost * d * mu + d**2 * self.shortage_cost * psi
        )
        return (math.sqrt(inside) - psi * d * h) / (h * mu)

    def best_lot_units(self) -> float:
        """The best lot; it is sought around the approximate one, near which it lies.

        Source: Berk & Arreola-Risa (1994), Naval Research Logistics 41; Snyder & Shen, example 9.1.
        """
        near = self.approximate_lot_units()
        found = minimize_scalar(
            self.cost_per_time, bounds=(near / 10, 10 * near), method="bounded",
            options={"xatol": near * 1e-9},
        )  # fmt: skip
        return float(found.x)


@dataclass(frozen=True, slots=True)
class YieldedLot:
    """Lot to order and its cost per time."""

    lot_units: float
    cost_per_time: float


def lot_with_share_received(
    *,
    demand_rate_units: float,
    order_cost: float,
    holding_cost: float,
    yield_mean: float,
    yield_sd: float,
    lot_units: float | None = None,
) -> YieldedLot:
    """The best lot, or the cost of a given one, when a random share Z of it comes.

        Q = √(2·K·D / (h·(s² + m²)))    cost = K·D/(Q·m) + h·Q·(s² + m²)/(2·m)

    m > 0 and s ≥ 0 are mean and standard deviation of the share.

    Source: Snyder & Shen, example 9.5.

    >>> lot_with_share_received(demand_rate_units=75_000, order_cost=18_500, holding_cost=0.06,
    ...     yield_mean=5 / 6, yield_sd=0.14085904245475275).lot_units
    254460.21...
    """
    square = yield_sd**2 + yield_mean**2
    Q = lot_units or math.sqrt(2 * order_cost * demand_rate_units / (holding_cost * square))
    ordering = order_cost * demand_rate_units / (Q * yield_mean)
    return YieldedLot(Q, ordering + holding_cost * Q * square / (2 * yield_mean))


def lot_with_units_added(
    *,
    demand_rate_units: float,
    order_cost: float,
    holding_cost: float,
    yield_mean: float,
    yield_sd: float,
    lot_units: float | None = None,
) -> YieldedLot:
    """The best lot, or the cost of a given one, when Q + Y units come, Y random whatever Q is.

        Q = √(2·K·D/h + s²) − m    cost = (2·K·D + h·s²) / (2·(Q + m)) + h·(Q + m)/2

    m (often below zero) and s ≥ 0 are mean and standard deviation of Y, units. Raises
    `InputRejected` where nothing would be left to order. Source: Snyder & Shen, example 9.4.
    """
    base = 2 * order_cost * demand_rate_units
    Q = lot_units or math.sqrt(base / holding_cost + yield_sd**2) - yield_mean
    received = Q + yield_mean
    if Q <= 0 or received <= 0:
        raise InputRejected(
            f"{yield_mean:g} units more than ordered leave nothing to order; is it a share of the "
            "lot? Then give method multiplicative",
            field="yield_mean",
        )
    cost = (base + holding_cost * yield_sd**2) / (2 * received) + holding_cost * received / 2
    return YieldedLot(Q, cost)


def newsvendor_with_disruptions(
    *,
    demand_units: float,
    holding_cost: float,
    shortage_cost: float,
    disruption_chance: float,
    recovery_chance: float,
    target_units: float | None = None,
) -> tuple[float, float]:
    """Level to order up to each period, and its cost per period, for known demand.

    Each period an open supplier closes with chance α and a closed one opens with chance β. After n
    closed periods in a row n + 1 periods of demand have come since the last order, so the level is
    (1 + n)·d with the smallest n whose F(n) ≥ p/(p + h);

        π(0) = β/(α + β)    π(n) = α·β/(α + β)·(1 − β)^(n−1)

    All chances in (0, 1), costs and demand above zero; what is not met waits.
    Source: Güllü, Önol & Erkip (1997); Snyder & Shen, example 9.3.
    """
    closed = disruption_chance / (disruption_chance + recovery_chance)
    keeps = 1 - recovery_chance
    ratio = shortage_cost / (shortage_cost + holding_cost)
    if target_units is None:
        n = 0
        while 1 - closed * keeps**n < ratio - UNCERTAIN_MAX:
            n += 1
        target_units = demand_units * (1 + n)
    longest = math.ceil(math.log(UNCERTAIN_MAX) / math.log(keeps)) + 1
    cost = 0.0
    for n in range(longest + 1):
        chance = closed * recovery_chance * keeps ** (n - 1) if n else 1 - closed
        left = target_units - (n + 1) * demand_units
        cost += chance * (holding_cost * max(left, 0) + shortage_cost * max(-left, 0))
    return target_units, cost


def newsvendor_with_units_added(
    demand_units: float,
    received: Distribution,
    *,
    holding_cost: float,
    shortage_cost: float,
    target_units: float | None = None,
) -> tuple[float, float]:
    """Level to order up to, and its cost per period, when S + Y units are there for known demand.

        S = d − F_Y⁻¹(h / (h + p))    cost = p·n̄_Y(d − S) + h·n_Y(d − S)

    Source: Snyder & Shen, example 9.6.
    """
    ratio = holding_cost / (holding_cost + shortage_cost)
    S = demand_units - received.quantile(ratio) if target_units is None else target_units
    lacking = demand_units - S
    short = received.complementary_loss(lacking)
    return S, shortage_cost * short + holding_cost * received.loss(lacking)
