"""Hubs, hubs behind hubs, and the places they supply: where safety stock should lie. Vectorised.

The guaranteed-service model of `guaranteed_service`, on trees in which every place has one hub at
most. There the cost of all safety stock is concave in the times that hubs promise, so that some
optimum promises nothing or everything: a hub serves at once, and pools what its places do not hold,
or it holds nothing back and they wait for what it waits for. A hub that sells too always serves at
once: its customers would not wait. So what a place waits is told by how
many hubs above it pass on in a row, and the dynamic program has as many states as a tree has
levels, for any number of trees at once and for times that are no whole days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """N places that stock is held at, each of shape (N,).

    Parameters
    ----------
    processing_days : from the hub to the place; at a hub without a hub, from its vendor.
    review_days : between chances to order.
    sd_units : standard deviation of one day's demand; at a hub, of what it sells itself.
    safety_factor : κ ≥ 0, deviations of demand that the stock is to cover.
    holding_cost : money per unit and time.
    sells : whether it has customers of its own, also where `sd_units` is 0 or not known.
    """

    processing_days: Floats
    review_days: Floats
    sd_units: Floats
    safety_factor: Floats
    holding_cost: Floats
    sells: NDArray[np.bool_]

    @property
    def serves_customers(self) -> NDArray[np.bool_]:
        """Who must have stock at once, (N,); a deviation of NaN is one that nobody knows."""
        found: NDArray[np.bool_] = self.sells | (self.sd_units != 0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """What places wait for, each of shape (N,)."""

    hubs: NDArray[np.intp]
    """So many hubs above the place pass on in a row; the next keeps stock, or is a vendor."""
    days: Floats
    """What these take together: the time that the hub of the place promises."""
    passes_on: NDArray[np.bool_]
    """Whether the place is a hub that holds nothing back but for its review period."""


def depths(hub: Rows) -> NDArray[np.intp]:
    """How many hubs are above each place, (N,). `hub`: as in `service_times`."""
    found = np.zeros(len(hub), dtype=np.intp)
    above = hub
    while (above >= 0).any():
        assert found.max(initial=0) <= len(hub), "places supply each other in a circle"
        found += above >= 0
        above = np.where(above >= 0, hub[above], -1)
    return found


def service_times(places: Places, hub: Rows) -> Waits:
    """The service times of least cost.

        min Σ hₖ·κₖ·σₖ·√(SIₖ + Tₖ + Rₖ − Sₖ),   Sₖ = 0 or SIₖ + Tₖ,   SI = S of the hub

    σₖ² sums the variances of all demand below k, taken as independent, and its own. Who serves
    customers promises nothing but at once, be it a hub besides.

    Parameters
    ----------
    hub : shape (N,), the row of the hub that supplies a place, -1 where a vendor does. No circles.

    Source
    ------
    Simpson, "In-process inventories", Operations Research 6 (1958): some optimum promises either
    nothing or everything; Graves & Willems (2000) for the program from the leaves to the root.

    >>> top, mid, shop = [10., 2, 1], [0., 0, 0], [0., 0, 5]
    >>> sells = np.array([False, False, True])
    >>> cheap = Places(*np.array([top, mid, shop, [2., 2, 2], [1., 2, 3]]), sells)
    >>> service_times(cheap, np.array([-1, 0, 1])).days.tolist()
    [0.0, 0.0, 2.0]
    >>> dear = Places(*np.array([top, mid, shop, [2., 2, 2], [9., 9, 1]]), sells)
    >>> service_times(dear, np.array([-1, 0, 1])).days.tolist()
    [0.0, 10.0, 12.0]
    """
    depth = depths(hub)
    levels = [np.flatnonzero(depth == level) for level in range(int(depth.max(initial=0)) + 1)]
    waited = _times_above(places, hub, levels)
    keeps = _best_choices(places, hub, levels, waited)
    hubs = np.zeros(len(hub), dtype=np.intp)
    feeds = np.zeros(len(hub), dtype=bool)
    feeds[hub[hub >= 0]] = True
    passes = np.zeros(len(hub), dtype=bool)
    for rows in levels:
        above = hub[rows]
        hubs[rows] = np.where((above >= 0) & passes[above], hubs[above] + 1, 0)
        passes[rows] = feeds[rows] & ~keeps[rows, hubs[rows]]
    return Waits(hubs, waited[np.arange(len(hub)), hubs], passes)


def _times_above(places: Places, hub: Rows, levels: list[Rows]) -> Floats:
    """What the nearest k hubs above each place take together, (N, levels)."""
    waited = np.zeros((len(hub), len(levels)))
    for rows in levels[1:]:
        above = hub[rows]
        waited[rows, 1:] = places.processing_days[above][:, None] + waited[above, :-1]
    return waited


def _best_choices(
    places: Places, hub: Rows, levels: list[Rows], waited: Floats
) -> NDArray[np.bool_]:
    """Whether a place keeps the stock best where k hubs above it pass on, (N, levels)."""
    variance = np.square(places.sd_units)
    if_kept, if_passed = np.zeros(len(hub)), np.zeros_like(waited)
    weight = places.holding_cost * places.safety_factor
    keeps = np.ones(waited.shape, dtype=bool)
    may_pass = np.zeros(len(hub), dtype=bool)
    may_pass[hub[hub >= 0]] = True
    may_pass &= ~places.serves_customers
    for rows in reversed(levels):
        review = places.review_days[rows]
        covered = waited[rows] + (places.processing_days[rows] + review)[:, None]
        spread = weight[rows] * np.sqrt(variance[rows])
        kept = spread[:, None] * np.sqrt(covered) + if_kept[rows][:, None]
        passed = (spread * np.sqrt(review))[:, None] + if_passed[rows]
        keeps[rows] = ~may_pass[rows][:, None] | ~(passed < kept)  # NaN is no reason to pass.
        best = np.where(keeps[rows], kept, passed)
        supplied = hub[rows] >= 0
        above, best = hub[rows][supplied], best[supplied]
        np.add.at(if_kept, above, best[:, 0])
        np.add.at(if_passed[:, :-1], above, best[:, 1:])
        np.add.at(variance, above, variance[rows][supplied])
    return keeps
