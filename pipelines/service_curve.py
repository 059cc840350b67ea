"""What stock a policy needs for how much service: its curve, and two curves at equal service."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.order_baselines import Case, Policy
from pipelines.policy_backtest import Figures, Plan, backtest, figures

SERVICE_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98, 0.99, 0.995)
"""Levels that a policy is asked for; what it reaches is what counts."""

COMPARED_AT = 7
"""Fill rates, evenly spread over what both policies reach, at which two curves are compared."""


@dataclass(frozen=True, slots=True)
class AtEqualFill:
    """Stock of two policies where both meet the same share of demand."""

    fill_rate: float
    stock_units: float
    other_stock_units: float
    policy: str = ""
    """The first; the other is the safety factor."""

    @property
    def less(self) -> float:
        """Share of the other's stock that the first does without."""
        return 1 - self.stock_units / self.other_stock_units


def service_curve(
    cases: Sequence[Case],
    family: Callable[[float], Policy],
    plan: Plan,
    levels: Sequence[float] = SERVICE_LEVELS,
) -> list[Figures]:
    """One row per service level, over all windows."""
    found = []
    for level in levels:
        runs = backtest(cases, {f"{level:g}": family(level)}, plan)
        found.append(figures(runs, period_days=cases[0].demand.period_days)[0])
    return found


def at_equal_fill(
    ours: Sequence[Figures],
    theirs: Sequence[Figures],
    *,
    policy: str = "",
    points: int = COMPARED_AT,
) -> list[AtEqualFill]:
    """Both curves read at fill rates that both reach; none where they share none."""
    low, high = (
        pick(pick_own(row.fill_rate for row in curve) for curve in (ours, theirs))
        for pick, pick_own in ((max, min), (min, max))
    )
    if low >= high:
        return []
    return [
        AtEqualFill(float(fill), stock_at(ours, float(fill)), stock_at(theirs, float(fill)), policy)
        for fill in np.linspace(low, high, points)
    ]


def stock_at(curve: Sequence[Figures], fill_rate: float) -> float:
    """Stock at a fill rate, straight between the two nearest points of a curve."""
    rows = sorted(curve, key=lambda row: row.fill_rate)
    fills = [row.fill_rate for row in rows]
    return float(np.interp(fill_rate, fills, [row.stock_units for row in rows]))
