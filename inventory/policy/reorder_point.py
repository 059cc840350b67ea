"""The position at or below which an order is placed."""

import numpy as np
from numpy.typing import ArrayLike

from inventory.demand import Floats


def reorder_point_units(
    *,
    demand_per_day_units: ArrayLike,
    lead_time_days: ArrayLike,
    safety_stock_units: ArrayLike,
    review_period_days: ArrayLike = 0.0,
) -> Floats:
    """Mean demand until the next order could arrive, plus safety stock.

        s = d · (L + R) + SS

    Whoever does not order now can next order a review period R later, and that arrives a lead time
    L after: so stock must last L + R. With continuous review R is zero and this is the familiar
    d · L + SS. It is compared with the inventory *position* (on-hand + on order − commitments),
    never with stock on hand alone.

    Parameters
    ----------
    demand_per_day_units : d ≥ 0, units per day.
    lead_time_days, review_period_days : L, R ≥ 0, days.
    safety_stock_units : SS, units.

    Source
    ------
    Silver, Pyke & Peterson, Inventory Management and Production Planning, ch. 7 (R, s, S).

    >>> float(reorder_point_units(
    ...     demand_per_day_units=50, lead_time_days=10, safety_stock_units=100))
    600.0
    """
    protected_days = np.add(lead_time_days, review_period_days)
    units: Floats = np.add(np.multiply(demand_per_day_units, protected_days), safety_stock_units)
    return units
