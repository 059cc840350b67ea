"""What promises on groups cannot be located: tried over every cut, for a handful of promises.

Promises are to be located in *cells*, each of which gives a total by each of the days that promises
are due on. By max-flow = min-cut, the units that find no place are those of the worst cut: each
promise counted up to a day of its own (or not at all), and each cell at the latest day up to which
a promise that can go there is counted:

    H = max over days u_g of  Σ Q_g(u_g) − Σ cap_c(max u_g of the promises that reach c)

The number of cuts is the product of the promises' days: exact and quick for few. For many,
`inventory.group_flow` finds the same by max-flow.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inventory.availability import Units

NOT_COUNTED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Promised:
    """Promises to be located. P promises, C cells, K days on which something is due."""

    due: Units
    """(P, K): units due on each day."""
    reach: NDArray[np.bool_]
    """(P, C): whether the promise can be located in the cell."""

    @property
    def cuts(self) -> int:
        """How many cuts there are to try."""
        count = 1
        for steps in np.count_nonzero(self.due, axis=1).tolist():
            count *= steps + 1
        return count


def homeless_units(promised: Promised, given: Units) -> list[int]:
    """Units without a place in each of S situations. `given`: (S, C, K), never falling with K."""
    found: list[int] = _overdrawn(promised, given, _all_cuts(promised)).max(axis=1).tolist()
    return found


def worst_cut(promised: Promised, given: Units) -> list[int]:
    """Of one situation, `given` (C, K): up to which day each promise counts; −1: not at all."""
    cuts = _all_cuts(promised)
    worst = int(_overdrawn(promised, given[None], cuts)[0].argmax())
    levels: list[int] = cuts[worst].tolist()
    return levels


def _all_cuts(promised: Promised) -> NDArray[np.int64]:
    """Every choice of a last day per promise, the fewest promises first; shape (cuts, P)."""
    choices = [[NOT_COUNTED, *np.flatnonzero(due).tolist()] for due in promised.due]
    cuts = np.array(list(product(*choices)), np.int64).reshape(-1, len(choices))
    order = np.argsort((cuts != NOT_COUNTED).sum(axis=1), kind="stable")
    sorted_cuts: NDArray[np.int64] = cuts[order]
    return sorted_cuts


def _overdrawn(promised: Promised, given: Units, cuts: NDArray[np.int64]) -> Units:
    """Promised less given, per situation and cut, shape (S, cuts)."""
    situations, cells, days = given.shape
    until = np.zeros((len(promised.due), days + 1), np.int64)  # The last entry: not counted.
    until[:, :days] = np.cumsum(promised.due, axis=1)
    claimed = until[np.arange(cuts.shape[1]), cuts].sum(axis=1)
    reached = np.where(promised.reach[None], cuts[:, :, None], NOT_COUNTED)
    levels = reached.max(axis=1, initial=NOT_COUNTED)
    taken = np.zeros((situations, cells, days + 1), np.int64)
    taken[:, :, :days] = given
    overdrawn: Units = claimed - taken[:, np.arange(cells), levels].sum(axis=2)
    return overdrawn
