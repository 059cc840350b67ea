"""A hub and the places that it supplies: where safety stock should lie. Vectorised over hubs.

The guaranteed-service model of `guaranteed_service` on trees of two levels. There the cost of all
safety stock is concave in the time that the hub promises, so one of the ends is best: the hub
serves at once, and pools what its places do not hold, or it holds nothing back and each place waits
for the vendor.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """N places that stock is held at, each of shape (N,).

    Parameters
    ----------
    processing_days : from the hub to the place; at a hub, from its vendor.
    review_days : between chances to order.
    sd_units : standard deviation of one day's demand; at a hub, of what it sells itself.
    safety_factor : κ ≥ 0, deviations of demand that the stock is to cover.
    holding_cost : money per unit and time.
    """

    processing_days: Floats
    review_days: Floats
    sd_units: Floats
    safety_factor: Floats
    holding_cost: Floats


def hubs_serve_at_once(places: Places, hub: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether each hub keeps the safety stock: shape (N,), True where a place is no hub.

        cost(S) = h·κ·σ_hub·√(L + R − S) + Σ hᵢ·κᵢ·σᵢ·√(S + Tᵢ + Rᵢ),   S = 0 or L

    σ_hub² sums the variances of its places, taken as independent, and its own.

    Parameters
    ----------
    hub : shape (N,), the row of the hub that supplies a place, -1 where a vendor does.

    Source
    ------
    Simpson, "In-process inventories", Operations Research 6 (1958): some optimum promises either
    nothing or everything; Graves & Willems (2000).

    >>> places = Places(*np.array([[10., 1, 1], [0, 0, 0], [0, 5, 5], [2, 2, 2], [1, 1, 1]]))
    >>> hubs_serve_at_once(places, np.array([-1, 0, 0])).tolist()
    [True, True, True]
    >>> dear = Places(*np.array([[10., 1, 1], [0, 0, 0], [0, 5, 5], [2, 2, 2], [9, 1, 1]]))
    >>> hubs_serve_at_once(dear, np.array([-1, 0, 0])).tolist()
    [False, True, True]
    """
    rows = np.flatnonzero(hub >= 0)
    of = hub[rows]
    variance = np.square(places.sd_units)
    np.add.at(variance, of, np.square(places.sd_units[rows]))
    weight = places.holding_cost * places.safety_factor
    waiting = places.processing_days[of]
    alone = places.processing_days[rows] + places.review_days[rows]
    own = weight[rows] * places.sd_units[rows]
    kept = weight * np.sqrt(variance * (places.processing_days + places.review_days))
    passed = weight * np.sqrt(variance * places.review_days)
    np.add.at(kept, of, own * np.sqrt(alone))
    np.add.at(passed, of, own * np.sqrt(alone + waiting))
    supplies = np.zeros(len(hub), dtype=bool)
    supplies[of] = True
    at_once: NDArray[np.bool_] = ~supplies | (kept <= passed)
    return at_once
