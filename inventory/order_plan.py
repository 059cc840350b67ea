"""The replenishment decision: whether a position orders, how much, and why. Vectorised, pure.

An (R, s, S) policy after Silver, Pyke & Peterson, ch. 7. Every review period R the inventory
position is compared with the reorder point s; at or below, it is raised to at least s by an order
of at least one economic lot:

    position = on-hand + on order − commitments, and transfers that are proposed
    s        = demand over L + R  +  safety stock           reorder point
    S        = s + economic lot                             order-up-to
    quantity = S − position, whole units, then minimum order, packs, maximum

The position is compared, never the stock on hand: what is on order already is on its way.
Shares of a unit are kept to `lot_size.QUANTUM_UNITS`, so the terms of every figure sum exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.base_stock import ProtectionDemand
from inventory.demand import Floats
from inventory.policy.lot_size import (
    DAYS_PER_YEAR,
    RoundedOrder,
    economic_order_quantity_units,
    on_grid,
    round_order,
)

LOT_COVER_DAYS_MAX = 180.0
"""An economic lot never covers more than this: half a year ahead nobody knows the assortment."""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Reorder point and lot of N positions, units, each of shape (N,)."""

    demand: ProtectionDemand
    economic_lot_units: Floats
    lot: RoundedOrder
    """The economic lot in whole packs and above the minimum: what one order usually holds."""

    @property
    def safety_stock_units(self) -> Floats:
        return self.demand.safety_stock_units

    @property
    def order_quantity_units(self) -> Floats:
        return self.lot.ordered_units

    @property
    def reorder_point_units(self) -> Floats:
        return self.demand.mean_units + self.safety_stock_units

    @property
    def order_up_to_units(self) -> Floats:
        return self.reorder_point_units + self.economic_lot_units


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """What a vendor or a shelf asks of an order; each of shape (N,), units."""

    min_order_units: Floats
    pack_units: Floats
    max_units: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Stock of N positions, each of shape (N,), units."""

    on_hand_units: Floats
    on_order_units: Floats
    committed_units: Floats
    outdating_units: Floats | float = 0.0
    """Units on hand that will expire before they are sold: see `inventory.policy.perishables`."""
    needed_units: Floats | float = 0.0
    """What places that this one supplies are to get from it now."""
    coming_units: Floats | float = 0.0
    leaving_units: Floats | float = 0.0
    """With transfers that are proposed: neither on order nor committed yet."""

    @property
    def position_units(self) -> Floats:
        promised = self.committed_units + self.outdating_units + self.needed_units
        here = self.on_hand_units + self.on_order_units - promised
        return here + self.coming_units - self.leaving_units


@dataclass(frozen=True, slots=True, eq=False)
class OrderPlan:
    """The decision for N positions.

    `terms[name]`, shape (N,), are signed units that sum to `quantity_units`.
    """

    triggered: NDArray[np.bool_]
    quantity_units: Floats
    terms: dict[str, Floats]

    def adding(self, term: str, units: Floats) -> "OrderPlan":
        """The plan with units (N,) added, or taken where negative, as one more term."""
        return OrderPlan(
            triggered=self.triggered,
            quantity_units=self.quantity_units + units,
            terms={**self.terms, term: self.terms.get(term, 0.0) + units},
        )


def economic_lots(
    *,
    demand_per_day_units: Floats,
    order_cost: Floats,
    holding_cost_per_year: Floats,
    shelf_life_days: Floats,
) -> Floats:
    """What is worth ordering at once, units, on the grid; all arguments of shape (N,).

    Parameters
    ----------
    demand_per_day_units : mean of the forecast; a year of it is the D of the EOQ.
    order_cost : K ≥ 0, money per order line.
    holding_cost_per_year : h ≥ 0, money per unit and year. Where it is zero no lot is economic, and
        orders only reach up to the reorder point.
    shelf_life_days : days until a unit cannot be sold, infinite where it keeps. A lot that lasts
        longer than it keeps would be thrown away.
    """
    largest = demand_per_day_units * np.minimum(LOT_COVER_DAYS_MAX, shelf_life_days)
    free = holding_cost_per_year <= 0
    economic = economic_order_quantity_units(
        demand_rate_units=demand_per_day_units * DAYS_PER_YEAR,
        order_cost=order_cost,
        holding_cost=np.where(free, 1.0, holding_cost_per_year),
    )
    return on_grid(np.where(free, 0.0, np.minimum(economic, largest)))


def policy(demand: ProtectionDemand, *, lot_units: Floats, constraints: Constraints) -> Policy:
    """Reorder point from the forecast and a lot on the grid, with what one order usually holds."""
    rounded = round_order(
        lot_units,
        min_order_units=constraints.min_order_units,
        pack_units=constraints.pack_units,
        max_units=constraints.max_units,
    )
    return Policy(demand=demand, economic_lot_units=lot_units, lot=rounded)


def plan_orders(
    chosen: Policy,
    positions: Positions,
    constraints: Constraints,
    *,
    may_order: NDArray[np.bool_],
    orders: NDArray[np.intp] | None = None,
    can_order_units: Floats | None = None,
) -> OrderPlan:
    """What to order now, shape (N,). `may_order` is false where a person has the line in hand.

    A position without demand or commitments never triggers: zero stock of an item that does not
    sell is right.

    Parameters
    ----------
    orders : shape (N,), which order a position would be on.
    can_order_units : shape (N,), how far above its reorder point a position may still be to join an
        order that another one triggers: the can-order point of Balintfy, "On a basic class of
        multi-item inventory problems", Management Science 10 (1964).
    """
    position = positions.position_units
    wanted = (chosen.reorder_point_units > 0) | (position < 0)
    triggered = (position <= chosen.reorder_point_units) & wanted & may_order
    if orders is not None and can_order_units is not None:
        begun = np.isin(orders, orders[triggered]) & (can_order_units > 0)
        triggered |= (
            begun & wanted & may_order & (position <= chosen.reorder_point_units + can_order_units)
        )
    need = chosen.order_up_to_units - position
    rounded = round_order(
        np.where(triggered, need, 0.0),
        min_order_units=constraints.min_order_units,
        pack_units=constraints.pack_units,
        max_units=constraints.max_units,
    )
    terms = {
        "demand over lead time": chosen.demand.lead_time_mean_units,
        "demand over review period": chosen.demand.review_mean_units,
        "safety stock": chosen.safety_stock_units,
        "on hand": -positions.on_hand_units,
        "on order": -positions.on_order_units,
        "commitments": positions.committed_units,
        "estimated outdating": np.broadcast_to(positions.outdating_units, position.shape),
        "places supplied": np.broadcast_to(positions.needed_units, position.shape),
        "transfers proposed to here": -np.broadcast_to(positions.coming_units, position.shape),
        "transfers proposed from here": np.broadcast_to(positions.leaving_units, position.shape),
        "economic lot": chosen.economic_lot_units,
        "not due": np.where(triggered, 0.0, -need),
        **rounded.steps,
    }
    return OrderPlan(triggered=triggered, quantity_units=rounded.ordered_units, terms=terms)
