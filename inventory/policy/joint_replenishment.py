"""Items that share an order: one cycle for the vendor, and each item every so many cycles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats


@dataclass(frozen=True, slots=True, eq=False)
class JointCycle:
    """The vendor's cycle in time units, each item's multiple of it, its lot and cost per time."""

    cycle: float
    multiples: tuple[int, ...]
    lots_units: Floats
    cost_per_time: float


def silver(
    *,
    shared_order_cost: float,
    item_order_costs: Sequence[float],
    holding_costs: Sequence[float],
    demand_rates_units: Sequence[float],
) -> JointCycle:
    """Silver's heuristic: the item that is cheapest to order often comes with every order.

        mᵢ = max(1, [√(kᵢ/(hᵢ·Dᵢ) · (h₁·D₁)/(K + k₁))]),  item 1 the one with the least kᵢ/(hᵢ·Dᵢ)
        T  = √(2·(K + Σ kᵢ/mᵢ) / Σ hᵢ·mᵢ·Dᵢ)

    Parameters
    ----------
    shared_order_cost : K ≥ 0, money per order, whatever is on it.
    item_order_costs : kᵢ ≥ 0, money per line of item i; not all costs zero.
    holding_costs : hᵢ > 0, money per unit and time. demand_rates_units : Dᵢ > 0, units per time.

    Source
    ------
    Silver, A Simple Method of Determining Order Quantities in Joint Replenishments under
    Deterministic Demand (1976), Management Science 22(12).

    >>> silver(shared_order_cost=10, item_order_costs=[1.87, 8.19], holding_costs=[0.2, 0.2],
    ...        demand_rates_units=[1736, 170]).multiples
    (1, 3)
    """
    item = np.asarray(item_order_costs, dtype=float)
    weight = np.multiply(holding_costs, demand_rates_units)
    ratio = item / weight
    first = int(np.argmin(ratio))
    scale = weight[first] / (shared_order_cost + item[first])
    multiples = [max(1, round(math.sqrt(each * scale))) for each in ratio]
    return joint_cycle(
        multiples,
        shared_order_cost=shared_order_cost,
        item_order_costs=item_order_costs,
        holding_costs=holding_costs,
        demand_rates_units=demand_rates_units,
    )


def joint_cycle(
    multiples: Sequence[int],
    *,
    shared_order_cost: float,
    item_order_costs: Sequence[float],
    holding_costs: Sequence[float],
    demand_rates_units: Sequence[float],
) -> JointCycle:
    """The best cycle for given multiples of it, with lots and cost; parameters as `silver`."""
    often = np.asarray(multiples, dtype=float)
    ordering = shared_order_cost + float((np.asarray(item_order_costs, dtype=float) / often).sum())
    holding = float((np.multiply(holding_costs, demand_rates_units) * often).sum())
    cycle = math.sqrt(2 * ordering / holding)
    return JointCycle(
        cycle=cycle,
        multiples=tuple(multiples),
        lots_units=cycle * often * np.asarray(demand_rates_units, dtype=float),
        cost_per_time=ordering / cycle + holding * cycle / 2,
    )
