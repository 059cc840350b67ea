"""How well a position is stocked, in one word: out, low, healthy or over."""

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

OUT = "out"
LOW = "low"
HEALTHY = "healthy"
OVER = "over"

HEALTH = (OUT, LOW, HEALTHY, OVER)

OVER_COVER_DAYS = 30.0
"""Stock above the order-up-to level is only called too much when it also lasts this much longer:
for slow items one pack may exceed the level by itself."""

Words = NDArray[np.str_]


def stock_health(
    *,
    sellable_units: Floats,
    reorder_point_units: Floats,
    order_up_to_units: Floats,
    demand_per_day_units: Floats,
    over_cover_days: Floats | float = OVER_COVER_DAYS,
) -> Words:
    """One of `HEALTH` per position, shape (N,).

    Parameters
    ----------
    sellable_units : on hand and not committed. Stock on order cannot be sold, so it does not count.
    reorder_point_units, order_up_to_units : the position's policy.
    demand_per_day_units : mean of the forecast.
    over_cover_days : in place of `OVER_COVER_DAYS`, also per position.

    * out: nothing to sell, though something would sell.
    * low: at or below the reorder point.
    * over: above the order-up-to level by more than `over_cover_days` of demand.
    * healthy: everything else, also zero stock of what does not sell.

    >>> five = np.array([0.0, 5.0, 12.0, 90.0, 0.0])
    >>> stock_health(sellable_units=five, reorder_point_units=np.array([8., 8., 8., 8., 0.]),
    ...              order_up_to_units=np.array([20., 20., 20., 20., 0.]),
    ...              demand_per_day_units=np.array([1., 1., 1., 1., 0.])).tolist()
    ['out', 'low', 'healthy', 'over', 'healthy']
    """
    sells = reorder_point_units > 0
    too_much = order_up_to_units + over_cover_days * demand_per_day_units
    words: Words = np.select(
        [
            (sellable_units <= 0) & sells,
            (sellable_units <= reorder_point_units) & sells,
            sellable_units > too_much,
        ],
        [OUT, LOW, OVER],
        default=HEALTHY,
    )
    return words


def days_of_cover(*, sellable_units: Floats, demand_per_day_units: Floats) -> Floats:
    """How long the stock lasts at mean demand, days; infinite where nothing sells.

    >>> days_of_cover(
    ...     sellable_units=np.array([10.0]), demand_per_day_units=np.array([4.0])).tolist()
    [2.5]
    """
    sells = demand_per_day_units > 0
    days: Floats = np.where(
        sells, np.maximum(sellable_units, 0) / np.where(sells, demand_per_day_units, 1), np.inf
    )
    return days
