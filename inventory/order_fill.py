"""One order to a vendor made worth sending: topped up to a minimum value or to whole trucks.

What is ordered early is bound early, so packs are added where they sell soonest: always to the item
whose position covers the fewest days, and never past what an item may be covered for.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats

TRUCK_STARTED_SHARE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class OrderLines:
    """Items that one order may hold, each of shape (n,).

    Parameters
    ----------
    quantity_units : ordered so far; may be zero.
    position_units : on hand, on order, less commitments, and with `quantity_units`.
    demand_per_day_units : items without demand are never added to.
    pack_units : ≥ 1. unit_cost : money.
    room_units : how many units may still be added to each.
    least_units : the minimum that a line holds once it is ordered.
    """

    quantity_units: Floats
    position_units: Floats
    demand_per_day_units: Floats
    pack_units: Floats
    unit_cost: Floats
    room_units: Floats
    least_units: Floats

    @property
    def value(self) -> float:
        """Money."""
        return float(self.quantity_units @ self.unit_cost)


def to_value(lines: OrderLines, least_value: float) -> Floats:
    """Units to add to each line until the order is worth so much; less where room runs out.

    >>> one = np.ones(2)
    >>> lines = OrderLines(np.array([10.0, 0.0]), np.array([20.0, 12.0]), one * 2, one * 5,
    ...                    one, one * 100, one * 0)
    >>> to_value(lines, 25.0).tolist()
    [5.0, 10.0]
    """
    return _added(lines, lines.unit_cost, least_value - lines.value)


def to_trucks(lines: OrderLines, truck_units: float) -> Floats:
    """Units to add to each line until the last truck is full, as far as whole packs and room go.

    >>> one = np.ones(2)
    >>> lines = OrderLines(np.array([30.0, 0.0]), np.array([40.0, 12.0]), one * 2, one * 10,
    ...                    one, one * 100, one * 0)
    >>> to_trucks(lines, 50.0).tolist()
    [0.0, 20.0]
    """
    total = float(lines.quantity_units.sum())
    missing = math.ceil(total / truck_units - TRUCK_STARTED_SHARE) * truck_units - total
    return _added(lines, np.ones_like(lines.unit_cost), missing, over=False)


def _added(lines: OrderLines, worth: Floats, missing: float, *, over: bool = True) -> Floats:
    """Packs for the least covered item, one by one, until `missing` worth is added.

    over : whether the last pack may add more than is missing.
    """
    added = np.zeros_like(lines.quantity_units)
    if missing <= 0 or not lines.quantity_units.any():
        return added
    waiting = [
        (float(lines.position_units[i] / rate), i)
        for i, rate in enumerate(lines.demand_per_day_units)
        if rate > 0 and worth[i] > 0
    ]
    heapq.heapify(waiting)
    while waiting and missing > 0:
        _, i = heapq.heappop(waiting)
        pack = float(lines.pack_units[i])
        begun = lines.quantity_units[i] + added[i] > 0
        step = pack if begun else max(pack, math.ceil(lines.least_units[i] / pack) * pack)
        if added[i] + step > lines.room_units[i] or (not over and step * worth[i] > missing):
            continue
        added[i] += step
        missing -= step * float(worth[i])
        cover = (lines.position_units[i] + added[i]) / lines.demand_per_day_units[i]
        heapq.heappush(waiting, (float(cover), i))
    return added
