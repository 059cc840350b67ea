"""Four ways to say how safe stock is, each of which implies the others."""

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from inventory.errors import InputRejected
from inventory.policy.distributions import Normal

STANDARD = Normal(0.0, 1.0)

Z_MAX = 38.0
"""Normal tails beyond this are zero in double precision."""


@dataclass(frozen=True, slots=True)
class LotService:
    """Normal demand over the lead time, and the lots that replenish it.

    Parameters
    ----------
    lead_time_mean_units, lead_time_sd_units : of demand over the lead time; σ_L > 0.
    lot_units : Q > 0. demand_rate_units : D > 0, per year (or any time unit).
    holding_cost : h > 0, money per unit and that time.
    """

    lead_time_mean_units: float
    lead_time_sd_units: float
    lot_units: float
    demand_rate_units: float
    holding_cost: float

    def shortage_units(self, z: float) -> float:
        """Units short per cycle: σ_L·G(z)."""
        return self.lead_time_sd_units * STANDARD.loss(z)

    def fill_rate(self, z: float) -> float:
        """1 − σ_L·G(z)/Q."""
        return 1 - self.shortage_units(z) / self.lot_units

    def cost_per_unit_short(self, z: float) -> float:
        """The B₂ at which z is best: Q·h / (D·(1 − Φ(z)))."""
        beyond = float(ndtr(-z))
        return self.lot_units * self.holding_cost / (self.demand_rate_units * beyond)

    def cost_per_stockout(self, z: float) -> float:
        """The B₁ at which z is best: e^(z²/2)·√(2π)·h·Q·σ_L/D."""
        spread = self.lot_units * self.lead_time_sd_units / self.demand_rate_units
        return math.exp(z * z / 2) * math.sqrt(2 * math.pi) * self.holding_cost * spread


def z_for_cycle_service(level: float) -> float:
    """Safety factor z at which a cycle goes without stockout with chance `level`."""
    return float(ndtri(level))


def z_for_fill_rate(service: LotService, fill_rate: float) -> float:
    """Safety factor of a fill rate: the root of G(z) = (1 − β)·Q/σ_L.

    Source: Silver, Pyke & Peterson, Inventory Management and Production Planning, chapter 7.
    """
    allowed = (1 - fill_rate) * service.lot_units / service.lead_time_sd_units
    return float(brentq(lambda z: STANDARD.loss(z) - allowed, -allowed - 1, Z_MAX, xtol=1e-13))


def z_for_cost_per_unit_short(service: LotService, cost: float) -> float:
    """Safety factor where a unit short costs B₂: 1 − Φ(z) = Q·h/(D·B₂).

    Source: Silver, Pyke & Peterson, chapter 7.
    """
    chance = service.lot_units * service.holding_cost / (service.demand_rate_units * cost)
    if chance >= 1:
        raise InputRejected(
            f"{cost:g} is less than holding a lot costs per unit of demand, so running out always "
            "pays; raise it, or set the safety stock by hand",
            field="CIS",
        )
    return -float(ndtri(chance))


def z_for_cost_per_stockout(service: LotService, cost: float) -> float:
    """Safety factor where each stockout costs B₁: √(2·ln(D·B₁/(√(2π)·h·Q·σ_L))).

    Source: Silver, Pyke & Peterson, chapter 7.
    """
    times = cost / service.cost_per_stockout(0.0)
    if times < 1:
        raise InputRejected(
            f"{cost:g} is less than the stock that would prevent a stockout; raise it, or set the "
            "safety stock by hand",
            field="costSoe",
        )
    return math.sqrt(2 * math.log(times))
