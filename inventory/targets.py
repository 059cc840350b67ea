"""What a position's stock is to achieve, and how much stock that takes. Vectorised, pure.

One of three for each position:

* cycle service α: the chance that a replenishment cycle goes without stockout,
* fill rate β: the share of demand met from the shelf,
* cost ratio p / (p + h): what a unit short costs against what a unit too many costs.

The first and the last are levels of the distribution of demand over lead time and review period.
A fill rate also depends on how much one order brings: a large lot is short only at its end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.base_stock import LEVEL, ProtectionDemand, WindowDemand
from inventory.demand import Floats
from inventory.policy.window_quantiles import stock_for_loss

CYCLE_SERVICE = "cycle_service"
FILL_RATE = "fill_rate"
COST_RATIO = "cost_ratio"
KINDS = (CYCLE_SERVICE, FILL_RATE, COST_RATIO)

CYCLE_UNITS_MIN = 1.0
"""An order brings one unit at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What N positions are to achieve.

    level : shape (N,), in (0, 1): α, β or the critical ratio.
    by_fill_rate : shape (N,), where the level is a fill rate.
    """

    level: Floats
    by_fill_rate: NDArray[np.bool_]


def protected(window: WindowDemand, targets: Targets, *, cycle_units: Floats) -> ProtectionDemand:
    """The order-up-to target without lot of each position that reaches what it is to achieve.

    For a fill rate the smallest S with

        E[(D − S)⁺] ≤ (1 − β) · Q,   D over lead time and review period

    Parameters
    ----------
    cycle_units : Q, shape (N,), units that one order brings on average.

    Source
    ------
    Chopra & Meindl, Supply Chain Management, ch. 11, with any distribution in place of the normal;
    Snyder & Shen, section 4.3, for the critical ratio.
    """
    by_level = window.at_level(targets.level)
    rows = np.flatnonzero(targets.by_fill_rate)
    if not len(rows):
        return by_level
    units = by_level.target_units.copy()
    allowed = (1 - targets.level[rows]) * np.maximum(cycle_units[rows], CYCLE_UNITS_MIN)
    units[rows] = stock_for_loss(window.quantiles_units[rows], LEVEL, allowed)
    return window.with_target(units)
