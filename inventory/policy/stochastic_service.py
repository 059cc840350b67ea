"""How much each stage of a supply chain in series should hold: the stochastic-service model.

Stages 1 ... N, 1 next to the customer. An echelon is a stage and all downstream of it; its base
stock counts everything there or on its way there. All stages see the customers' demand at once,
and what is not met waits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.signal import fftconvolve
from scipy.special import ndtr
from scipy.stats import poisson

from inventory.demand import Floats
from inventory.policy.distributions import Distribution, Normal, Poisson
from inventory.policy.newsvendor import critical_ratio

GRID_STEPS = 2**14
"""Points between the lowest and the highest position considered, for continuous demand."""

REACH_SDS = 8.0
"""Demand further out than this, in standard deviations, is left out."""


class DemandRate(Protocol):
    """Demand per time unit that is known over any time."""

    def over(self, time: float) -> Distribution:
        """Demand in `time` units."""
        ...


@dataclass(frozen=True, slots=True)
class NormalRate:
    """Independent normal demand, units per time."""

    mean_units: float
    sd_units: float

    def over(self, time: float) -> Normal:
        """Demand in `time` > 0 units."""
        return Normal(self.mean_units * time, self.sd_units * math.sqrt(time))


@dataclass(frozen=True, slots=True)
class PoissonRate:
    """Poisson demand, units per time."""

    mean_units: float

    def over(self, time: float) -> Poisson:
        """Demand in `time` > 0 units."""
        return Poisson(self.mean_units * time)


@dataclass(frozen=True, slots=True)
class Series:
    """Stages from the customer upwards.

    Parameters
    ----------
    holding_costs : echelon holding cost h_j > 0 of each stage: what a unit there costs more per
        time than one stage upstream.
    lead_times : L_j ≥ 0 from the stage upstream (for the last, from outside), not all zero.
    shortage_cost : p > 0, money per unit and time that customers wait.
    """

    holding_costs: tuple[float, ...]
    lead_times: tuple[float, ...]
    shortage_cost: float

    @property
    def penalty(self) -> float:
        """P + Σh: what a unit short costs, with the holding that it is spared."""
        return self.shortage_cost + sum(self.holding_costs)


@dataclass(frozen=True, slots=True)
class EchelonPlan:
    """Echelon base stock of each stage from the customer upwards, units, and cost per time."""

    base_stocks_units: tuple[float, ...]
    cost: float


def optimal(
    series: Series,
    demand: NormalRate | PoissonRate,
    *,
    base_stocks_units: Sequence[float] | None = None,
) -> EchelonPlan:
    """The echelon base stocks of least cost, or the cost of given ones.

        C̲_0(x) = (p + Σh)·x⁻    Ĉ_j(x) = h_j·x + C̲_{j−1}(x)    C_j(y) = E[Ĉ_j(y − D over L_j)]
        S_j = argmin C_j         C̲_j(x) = C_j(min(S_j, x))       cost = C_N(S_N)

    Continuous demand is put on a grid of a 16,000th of its reach; functions go on as straight
    lines beyond it, as they do.

    Source
    ------
    Clark & Scarf (1960), Management Science 6(4); Chen & Zheng (1994); Snyder & Shen, chapter 6.

    >>> plan = optimal(Series((3, 3, 1), (1, 1, 2), 40), NormalRate(10, 2))
    >>> len(plan.base_stocks_units)
    3
    """
    whole = isinstance(demand, PoissonRate)
    all_time = demand.over(sum(series.lead_times))
    reach = all_time.mean + REACH_SDS * math.sqrt(all_time.variance)
    if base_stocks_units is not None:
        reach = max(reach, *base_stocks_units)
    step = 1.0 if whole else 2 * reach / GRID_STEPS
    half = math.ceil(reach / step)
    x = step * np.arange(-half, half + 1)
    lower = series.penalty * np.maximum(-x, 0)
    targets: list[float] = []
    cost = math.inf
    for j, (holding, lead_time) in enumerate(
        zip(series.holding_costs, series.lead_times, strict=True)
    ):
        costs = _expected(holding * x + lower, step=step, demand=demand, time=lead_time)
        if base_stocks_units is None:
            target = float(x[int(np.argmin(costs))])
        else:
            target = float(base_stocks_units[j])
        cost = float(np.interp(target, x, costs))
        targets.append(target)
        lower = np.where(x < target, costs, cost)
    return EchelonPlan(tuple(targets), cost)


def _expected(
    values: Floats, *, step: float, demand: NormalRate | PoissonRate, time: float
) -> Floats:
    """E[f(x − D)] on the grid, f going on as a straight line at both ends."""
    if time == 0:
        return values
    over = demand.over(time)
    most = math.ceil((over.mean + REACH_SDS * math.sqrt(over.variance)) / step) + 1
    units = step * np.arange(most + 1)
    if isinstance(demand, PoissonRate):
        chances = poisson.pmf(units, over.mean)
    else:
        edges = (np.append(units, units[-1] + step) - step / 2 - over.mean) / math.sqrt(
            over.variance
        )
        edges[0] = -np.inf  # Negative demand is taken as none.
        chances = np.diff(ndtr(edges))
    chances /= chances.sum()
    ahead = values[0] + (values[1] - values[0]) * np.arange(-most, 0)
    longer = np.concatenate([ahead, values])
    expected: Floats = fftconvolve(longer, chances)[most : most + len(values)]
    return expected


def shang_song(
    series: Series, demand: NormalRate | PoissonRate, *, weight: float = 0.5
) -> tuple[float, ...]:
    """Echelon base stocks from two newsvendors each: close to the best, and explained in a line.

        S_j ≈ w·F_j⁻¹(b / (b + Σ_{i ≤ j} h_i)) + (1 − w)·F_j⁻¹(b / (b + h_j))

    F_j is demand over L_1 + ... + L_j, b = p + Σ_{i > j} h_i.

    Source: Shang & Song (2003), Management Science 49(5).

    >>> [round(units, 2) for units in shang_song(Series((3, 2, 2), (1, 1, 2), 37.12),
    ...                                          NormalRate(5, 1))]
    [6.49, 12.03, 22.63]
    """
    h = series.holding_costs
    levels = []
    for j in range(len(h)):
        over = demand.over(sum(series.lead_times[: j + 1]))
        waiting = series.shortage_cost + sum(h[j + 1 :])
        low, high = (
            over.quantile(float(critical_ratio(shortage_cost=waiting, holding_cost=held)))
            for held in (sum(h[: j + 1]), h[j])
        )
        levels.append(weight * low + (1 - weight) * high)
    return tuple(levels)
