"""How much to order at once: the economic lot, and what packs and minimums make of a need.

Every step of the rounding is kept, so that a buyer sees where each unit came from.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory.demand import Floats
from inventory.errors import InputRejected

DAYS_PER_YEAR = 365
WEEKS_PER_YEAR = 52


@dataclass(frozen=True, slots=True, eq=False)
class RoundedOrder:
    """Units to order for N needs, and what each step added (or took) on the way.

    `steps` in the order they were taken, each of shape (N,), units, and
    `need + sum(steps) == ordered_units` exactly where needs are multiples of `QUANTUM_UNITS`.
    """

    ordered_units: Floats
    steps: dict[str, Floats]


QUANTUM_UNITS = 1 / 1024
"""Figures that are explained by terms are kept to this grid: a power of two, so that sums of terms
are exact in binary floating point and not merely close."""


def on_grid(units: ArrayLike) -> Floats:
    """Units rounded to the nearest multiple of `QUANTUM_UNITS`.

    >>> float(on_grid(0.3))
    0.2998046875
    """
    rounded: Floats = np.round(np.divide(units, QUANTUM_UNITS)) * QUANTUM_UNITS
    return rounded


def economic_order_quantity_units(
    *, demand_rate_units: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike
) -> Floats:
    """The lot that balances ordering against holding.

        EOQ = √(2 · D · K / h)

    Demand is taken as constant. Near the optimum cost is flat: a lot 25 % off costs 2.5 % more.

    Parameters
    ----------
    demand_rate_units : D ≥ 0, units per year (or any time unit).
    order_cost : K ≥ 0, money per order line placed.
    holding_cost : h > 0, money per unit held for that time unit.

    Source
    ------
    Harris, How Many Parts to Make at Once (1913).

    >>> round(float(economic_order_quantity_units(
    ...     demand_rate_units=18_250, order_cost=50, holding_cost=2)))
    955
    """
    assert (np.asarray(holding_cost) > 0).all()
    twice = 2 * np.multiply(demand_rate_units, order_cost)
    units: Floats = np.sqrt(twice / np.asarray(holding_cost))
    return units


def cost_per_time(
    *,
    lot_units: ArrayLike,
    demand_rate_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
) -> Floats:
    """Ordering and holding cost per time unit of ordering `lot_units` at once: K·D/Q + h·Q/2.

    Source: Snyder & Shen, ch. 3. Purchase cost is left out.

    >>> round(float(cost_per_time(
    ...     lot_units=304.0467800264368, demand_rate_units=1300, order_cost=8, holding_cost=0.225)),
    ...     4)
    68.4105
    """
    ordering = np.multiply(order_cost, demand_rate_units) / np.asarray(lot_units)
    money: Floats = ordering + np.multiply(holding_cost, lot_units) / 2
    return money


def backorder_lot_units(
    *, demand_rate_units: float, order_cost: float, holding_cost: float, shortage_cost: float
) -> float:
    """The economic lot when customers wait: √(2·D·K·(h + p) / (h·p)), larger than the EOQ.

    Parameters as `economic_order_quantity_units`, and p > 0, money per unit waited for and time.

    Source: Snyder & Shen, eq. (3.27) to (3.29).

    >>> round(backorder_lot_units(demand_rate_units=1300, order_cost=8, holding_cost=0.225,
    ...                           shortage_cost=5), 3)
    310.813
    """
    both = (holding_cost + shortage_cost) / (holding_cost * shortage_cost)
    return math.sqrt(2 * demand_rate_units * order_cost * both)


def backorder_fraction(*, holding_cost: float, shortage_cost: float) -> float:
    """Share of demand that waits at the best lot: h / (h + p); source as above."""
    return holding_cost / (holding_cost + shortage_cost)


def backorder_cost_per_time(
    *,
    lot_units: float,
    fraction: float,
    demand_rate_units: float,
    order_cost: float,
    holding_cost: float,
    shortage_cost: float,
) -> float:
    """Cost per time of lots Q of which a fraction x is waited for when they come.

        h·Q·(1 − x)²/2 + p·Q·x²/2 + K·D/Q

    Source: Snyder & Shen, eq. (3.27) to (3.29).
    """
    held = holding_cost * lot_units * (1 - fraction) ** 2 / 2
    waited = shortage_cost * lot_units * fraction**2 / 2
    return held + waited + order_cost * demand_rate_units / lot_units


def net_holding_cost(
    *, holding_cost: float, demand_rate_units: float, production_rate_units: float
) -> float:
    """Holding cost when a lot comes in at a rate P while demand D takes from it: h·(1 − D/P).

    With it in place of h, the EOQ and its cost are those of economic production. D < P.

    Source: Taft (1918); Snyder & Shen, eq. (3.31) and (3.32).

    >>> round(float(economic_order_quantity_units(
    ...     demand_rate_units=80, order_cost=4, holding_cost=net_holding_cost(
    ...         holding_cost=0.08, demand_rate_units=80, production_rate_units=110))), 2)
    171.27
    """
    if demand_rate_units >= production_rate_units:
        raise InputRejected(
            f"{production_rate_units:g} a time is not above the demand rate "
            f"{demand_rate_units:g}: stock would never build up",
            field="production_rate",
        )
    return holding_cost * (1 - demand_rate_units / production_rate_units)


def round_order(
    need_units: ArrayLike,
    *,
    min_order_units: ArrayLike = 0,
    pack_units: ArrayLike = 1,
    max_units: ArrayLike = math.inf,
) -> RoundedOrder:
    """Whole packs that cover the need: ceil(max(need, MOQ) / pack) · pack, cut at the maximum.

    The cap takes whole packs away again, also below the minimum: an order that may not be placed
    becomes zero, and its steps say so.

    Parameters
    ----------
    need_units : shape (N,), units; zero or less orders nothing.
    min_order_units : MOQ ≥ 0, units. pack_units : ≥ 1, units per pack. max_units : ≥ 0, units.

    Source
    ------
    Snyder & Shen, ch. 3; the pack rule as Odoo and Netstock print it: need 25, pack 12 -> 36.

    >>> order = round_order([25.5, 3.0], min_order_units=[0, 20], pack_units=12)
    >>> order.ordered_units.tolist()
    [36.0, 24.0]
    >>> {name: units.tolist() for name, units in order.steps.items()}
    {'whole units': [0.5, 0.0], 'minimum order': [0.0, 17.0], 'whole packs': [10.0, 4.0], 'maximum': [0.0, 0.0]}
    """  # noqa: E501
    need = np.atleast_1d(np.asarray(need_units, dtype=float))
    wanted = need > 0
    pack = np.asarray(pack_units, dtype=float)
    whole = np.where(wanted, np.ceil(need), need)
    minimum = np.where(wanted, np.maximum(whole, np.ceil(min_order_units)), whole)
    packed = np.where(wanted, np.ceil(minimum / pack) * pack, 0.0)
    capped = np.minimum(packed, np.floor(np.asarray(max_units, dtype=float) / pack) * pack)
    capped = np.where(capped >= np.where(wanted, np.ceil(min_order_units), 0.0), capped, 0.0)
    steps = {
        "whole units": whole - need,
        "minimum order": minimum - whole,
        "whole packs": packed - minimum,
        "maximum": capped - packed,
    }
    return RoundedOrder(ordered_units=capped, steps=steps)
