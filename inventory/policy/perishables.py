"""Stock that will expire before it is sold, to be taken off the position before ordering."""

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats


def ages_first_in_first_out(
    position: NDArray[np.intp], age_days: Floats, received_units: Floats, on_hand_units: Floats
) -> Floats:
    """Units of each receipt that are still on hand, when the oldest are sold first: shape (B,).

    Parameters
    ----------
    position, age_days, received_units : shape (B,), receipts by the row of their position.
    on_hand_units : shape (N,). What it exceeds all receipts by is of unknown age, and left out.

    >>> ages_first_in_first_out(
    ...     np.array([0, 0, 0]), np.array([1.0, 3.0, 5.0]), np.array([4.0, 6.0, 9.0]),
    ...     np.array([12.0])).tolist()
    [4.0, 6.0, 2.0]
    """
    order = np.lexsort((age_days, position))  # The youngest first: they are what is left.
    rows, units = position[order], received_units[order]
    total = np.cumsum(units)
    first = np.searchsorted(rows, rows)
    younger = total - units - np.concatenate([[0.0], total])[first]
    left = np.empty_like(units)
    left[order] = np.clip(on_hand_units[rows] - younger, 0.0, units)
    return left


def estimated_outdating_units(
    position: NDArray[np.intp],
    left_days: Floats,
    batch_units: Floats,
    *,
    demand_per_day_units: Floats,
    window_days: Floats,
) -> Floats:
    """Units of each position that expire within the window unsold: shape (N,).

    Sold oldest first at mean demand d, what expires by day t is what expires until then and was not
    sold by then; the worst t until the end of the window counts. What has expired already is not
    sold any more:

        O = max over batches with t < L + R of (Σ units that expire by t − d·t⁺)⁺

    What expires with the end of the window has served all of it, and is not counted.

    Parameters
    ----------
    position, left_days, batch_units : shape (B,), batches by the row of their position; days until
        they expire, zero or less where they did.
    demand_per_day_units, window_days : shape (N,), d and L + R.

    Source
    ------
    Broekmeulen & van Donselaar, "A heuristic to manage perishable inventory with batch ordering,
    positive lead-times, and time-varying demand", Computers & Operations Research 36 (2009), with
    mean demand alike on all days.

    >>> estimated_outdating_units(
    ...     np.array([0, 0]), np.array([1.0, 4.0]), np.array([10.0, 10.0]),
    ...     demand_per_day_units=np.array([3.0]), window_days=np.array([5.0])).tolist()
    [8.0]
    """
    found = np.zeros(len(demand_per_day_units))
    order = np.lexsort((left_days, position))
    rows, days = position[order], left_days[order]
    total = np.cumsum(batch_units[order])
    first = np.searchsorted(rows, rows)
    held = total - np.concatenate([[0.0], total])[first]
    unsold = held - demand_per_day_units[rows] * np.maximum(days, 0.0)
    within = days < window_days[rows]
    np.maximum.at(found, rows[within], unsold[within])
    return np.maximum(found, 0.0)
