"""The best way to send one order, by trying sets of locations: exact, and fast for small orders.

Sets are tried by size. A set's best division is the cheapest location first, line by line, as lines
do not compete for anything inside a set. The search ends where no larger set can score better.
"""

from itertools import combinations

import numpy as np

from inventory.sourcing import Scores, Taken

SETS_MAX = 4_000
"""Sets tried before the search is left to the mixed-integer program."""

TIE = 1e-12


def best_taken(scores: Scores, *, sets_max: int = SETS_MAX) -> Taken | None:
    """Units per line and candidate with the lowest score; all zero where the order cannot be met.

    Of equal ones the first in the order of the candidates. None when this search does not apply
    (lines that share a component, a part of the order under a limit on parcels) or takes too long.
    """
    order = scores.order
    skus = [sku for line in order.lines for sku in line.components]
    if len(skus) != len(set(skus)):
        return None
    nothing = np.zeros_like(scores.most)
    wanted = np.array([line.units for line in order.lines])
    reachable = np.minimum(wanted, scores.most.sum(axis=1))
    if (reachable < wanted).any():
        if not order.allow_partial:
            return nothing
        wanted = reachable
    useful = np.flatnonzero(scores.most.any(axis=0))
    largest = min(len(useful), order.parcels_max or len(useful))
    if largest < len(useful) and order.allow_partial:
        return None
    return _search(scores, wanted, useful, largest, sets_max) if wanted.any() else nothing


def _search(
    scores: Scores, wanted: Taken, useful: Taken, largest: int, sets_max: int
) -> Taken | None:
    lowest_units = (scores.per_unit * _divide(scores, wanted, useful)).sum()
    lowest_parcels = np.sort(scores.per_parcel[useful]).cumsum()
    best, best_score = _alone(scores, wanted)
    tried = 0
    for size in range(2, largest + 1):
        bound = lowest_units + lowest_parcels[size - 1] + scores.split_penalty * (size - 1)
        if bound >= best_score - TIE:
            break
        for chosen in combinations(useful.tolist(), size):
            tried += 1
            if tried > sets_max:
                return None
            columns = np.array(chosen)
            if (scores.most[:, columns].sum(axis=1) < wanted).any():
                continue
            taken = _divide(scores, wanted, columns)
            score = scores.of(taken)
            if score < best_score - TIE:
                best, best_score = taken, score
    return best


def _alone(scores: Scores, wanted: Taken) -> tuple[Taken, float]:
    """The best location that can send all of it, and its score; infinite where none can."""
    taken = np.zeros_like(scores.most)
    able = (scores.most >= wanted[:, None]).all(axis=0)
    if not able.any():
        return taken, np.inf
    each = scores.per_parcel + (scores.per_unit * wanted[:, None]).sum(axis=0)
    best = int(np.where(able, each, np.inf).argmin())
    taken[:, best] = wanted
    return taken, float(each[best])


def _divide(scores: Scores, wanted: Taken, columns: Taken) -> Taken:
    """Each line from the cheapest of the chosen locations first; at most what is wanted."""
    taken = np.zeros_like(scores.most)
    for row, units in enumerate(wanted):
        left = int(units)
        for column in columns[np.argsort(scores.per_unit[row, columns], kind="stable")]:
            if not left:
                break
            taken[row, column] = min(left, int(scores.most[row, column]))
            left -= int(taken[row, column])
    return taken
