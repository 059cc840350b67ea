"""What units are worth where they are, and where they could be: the steps that transfers compare.

A unit is worth having to the degree that it would be missed: at y units beyond those that are
there, the chance that demand reaches so far, times the money a missed unit costs. It falls with
every unit at a destination, and rises with every unit that an origin gives away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inventory.demand import Floats
from inventory.rebalancing import Step

SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Chances between which units are taken as one step: finer where a shortage is rare or certain."""


def shortfall_units(
    *,
    before_units: Floats,
    during_units: Floats,
    stock_units: float,
    arriving_units: float,
) -> Floats:
    """Units missed on each path of demand, shape (S,), while a transfer could still have helped.

    Parameters
    ----------
    before_units : (S,) demand until the transfer would arrive. What it finds no stock for is lost:
        a transfer cannot bring it back.
    during_units : (S,) demand from then until the usual supply could be there.
    stock_units : on hand and not committed. arriving_units : dated supply until the end.

    >>> shortfall_units(before_units=np.array([1., 6.]), during_units=np.array([2., 8.]),
    ...                 stock_units=4.0, arriving_units=1.0).tolist()
    [0.0, 7.0]
    """
    left = np.maximum(stock_units - before_units, 0.0)
    missed: Floats = np.maximum(during_units - left - arriving_units, 0.0)
    return missed


def missed_units(
    stretches: Sequence[tuple[Floats, float]], *, stock_units: float, spared: int
) -> Floats:
    """Units missed on each path of demand, shape (S,), day by day as supply comes.

    What comes later does not serve who came before: an order under way for the last day of a
    shortage leaves the days before it short.

    Parameters
    ----------
    stretches : demand (S,) of each stretch of days, and what arrives as it begins.
    spared : so many first stretches are over before a transfer could help: their misses stay.

    >>> missed_units([(np.array([5.]), 0.), (np.array([15.]), 0.), (np.array([10.]), 12.)],
    ...              stock_units=8.0, spared=1).tolist()
    [12.0]
    """
    left = np.full_like(stretches[0][0], stock_units)
    missed = np.zeros_like(left)
    for number, (demand, arriving) in enumerate(stretches):
        left = left + arriving
        sold = np.minimum(left, demand)
        if number >= spared:
            missed += demand - sold
        left = left - sold
    return missed


@dataclass(frozen=True, slots=True, eq=False)
class Misses:
    """What a destination would miss, and how much of it each way is fast enough to save.

    Parameters
    ----------
    by_lead : days that a way takes -> units (S,) missed on each path after them. What a slow way
        could save a faster one could too: it is counted so.
    worth : money of a unit that is sold after all. most_units : no more are wanted in all.
    """

    by_lead: Mapping[int, Floats]
    worth: float
    most_units: int

    def steps(self) -> tuple[Step, ...]:
        """What each further unit gains, by how soon it is needed: falling among those of one time.

        Of a path, what only a faster way could save is apart from what a slower one could too. How
        units are dealt out between the two is settled before the path is known, so that several
        ways together are never taken to save more than they do.
        """
        found: list[Step] = []
        slower = None
        for lead, missed in self._slowest_first():
            more = missed if slower is None else missed - slower
            steps = gains(more, worth=self.worth, most_units=self.most_units)
            found += [Step(step.units, step.worth, within_days=lead) for step in steps]
            slower = missed
        return tuple(found)

    def saved(self, units: Mapping[int, int]) -> float:
        """Money that units gain, by the days that they take: exact on every path.

        >>> late, early = np.array([2., 0.]), np.array([5., 1.])
        >>> Misses({9: late, 1: early}, worth=10.0, most_units=9).saved({9: 3, 1: 1})
        20.0
        """
        missed_after = dict(self._slowest_first())
        served = missed = np.zeros_like(next(iter(missed_after.values())))
        for lead in sorted({*missed_after, *units}, reverse=True):
            missed = missed_after.get(lead, missed)
            served = np.minimum(served + units.get(lead, 0), missed)
        return float(served.mean()) * self.worth

    def _slowest_first(self) -> list[tuple[int, Floats]]:
        found: list[tuple[int, Floats]] = []
        for lead in sorted(self.by_lead, reverse=True):
            missed = np.floor(self.by_lead[lead])
            found.append((lead, np.maximum(missed, found[-1][1]) if found else missed))
        return found


def gains(shortfall: Floats, *, worth: float, most_units: int) -> tuple[Step, ...]:
    """What each further unit gains where it may be missed: falling steps, `most_units` at most.

    The y-th unit is sold with the chance that y or more would have been missed.

    Parameters
    ----------
    shortfall : (S,) units missed on each path. worth : money of a unit that is sold after all.

    >>> [(s.units, s.worth) for s in gains(np.array([0., 2., 2., 5.]), worth=10., most_units=9)]
    [(2, 7.5), (3, 2.5)]
    """
    ordered = np.sort(np.floor(shortfall))[::-1]
    paths = len(ordered)
    # Reached with chance k/S: as many units as the k-th largest shortfall has.
    counts = sorted({min(paths, max(1, round(share * paths))) for share in SHARES})
    reached = [(int(min(ordered[k - 1], most_units)), k) for k in reversed(counts)]
    steps, sold = [], 0
    for units, _ in reached:
        if units > sold:
            # The mean chance over these units, so that what they gain together is exact.
            chance = (np.clip(ordered, sold, units) - sold).sum() / (units - sold) / paths
            steps.append(Step(units - sold, float(chance * worth)))
            sold = units
    return tuple(steps)


def losses(
    demand_units: Floats, *, stock_units: float, worth: float, most_units: int
) -> tuple[Step, ...]:
    """What each further unit that leaves may be missed by at its origin: rising steps.

    The z-th unit to go would have been sold with the chance that demand reaches the stock that is
    then left.

    Parameters
    ----------
    demand_units : (S,) demand until the origin's own supply could be there, less what arrives by
        then. stock_units : on hand and not committed.

    >>> demand = np.array([1.0, 3.0, 9.0, 9.0])
    >>> steps = losses(demand, stock_units=10.0, worth=4.0, most_units=8)
    >>> [(step.units, step.worth) for step in steps]
    [(1, 0.0), (6, 2.0), (1, 3.0)]
    """
    kept = stock_units - np.minimum(np.ceil(np.maximum(demand_units, 0.0)), stock_units)
    # A unit beyond `kept` of a path is missed on it.
    points = np.quantile(kept, SHARES, method="inverted_cdf")
    edges = sorted({0, most_units, *(int(min(p, most_units)) for p in points)})
    steps = []
    for low, high in pairwise(edges):
        missed = (high - np.clip(kept, low, high)).sum() / (high - low) / len(kept)
        steps.append(Step(high - low, float(missed * worth)))
    return tuple(steps)
