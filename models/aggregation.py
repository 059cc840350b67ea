"""Intermittent demand forecast in longer periods, where fewer of them are empty.

One long period is several short ones; its forecast, spread evenly, is that of the short one. Level
smoothing is fitted to each series: its weight lies between the bounds that intermittent demand
bears, and makes the least one-step error.
"""

import math
from collections.abc import Callable

import numpy as np

from inventory.demand import Floats

SMOOTHING_BOUNDS = (0.1, 0.3)
"""Less hardly learns, more chases single sales; the bounds of Nixtla's statsforecast."""

SMOOTHING_CLOSE = 1e-7

GOLDEN = (math.sqrt(5) - 1) / 2


def adida_units(demand_units: Floats) -> Floats:
    """Mean demand per period, shape (N,), from periods as long as the mean interval of sales.

    Periods are counted back from the end; a broken one at the start is left out.

    Parameters
    ----------
    demand_units : shape (N, T), oldest first, without gaps.

    Source
    ------
    Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011), An aggregate-disaggregate
    intermittent demand approach (ADIDA), Journal of the Operational Research Society 62(3).

    >>> adida_units(np.array([[0.0, 2.0, 0.0, 2.0, 0.0, 2.0]]))
    array([1.])
    """
    return np.array(
        [_each(series, lambda y: _at_level(y, _mean_interval(y))) for series in demand_units]
    )


def imapa_units(demand_units: Floats) -> Floats:
    """Mean demand per period, shape (N,): the mean of ADIDA's at each length up to that interval.

    Source: Petropoulos & Kourentzes (2015), Journal of the Operational Research Society 66(6).
    """

    def mean_of_levels(series: Floats) -> float:
        levels = range(1, _mean_interval(series) + 1)
        return float(np.mean([_at_level(series, level) for level in levels]))

    return np.array([_each(series, mean_of_levels) for series in demand_units])


def fitted_croston_units(demand_units: Floats) -> Floats:
    """Croston's mean demand per period, shape (N,), sizes and intervals each smoothed as fits best.

    Source: Croston (1972), Operational Research Quarterly 23(3).
    """

    def size_over_interval(series: Floats) -> float:
        return fitted_level(series[series > 0]) / fitted_level(_intervals(series))

    return np.array([_each(series, size_over_interval) for series in demand_units])


def _each(series: Floats, method: Callable[[Floats], float]) -> float:
    return method(series) if (series > 0).any() else 0.0


def _intervals(series: Floats) -> Floats:
    return np.diff(np.flatnonzero(series), prepend=-1).astype(float)


def _mean_interval(series: Floats) -> int:
    return round(float(_intervals(series).mean()))


def _at_level(series: Floats, periods: int) -> float:
    broken = len(series) % periods
    sums = series[broken:].reshape(-1, periods).sum(axis=1)
    return fitted_level(sums) / periods


def fitted_level(values: Floats) -> float:
    """Smoothed level of a series, by the weight of least squared one-step error.

    Sought by golden section between `SMOOTHING_BOUNDS`.
    """
    low, high = SMOOTHING_BOUNDS
    inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_inner, at_outer = _errors(values, inner), _errors(values, outer)
    while high - low > SMOOTHING_CLOSE:
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - GOLDEN * (high - low)
            at_inner = _errors(values, inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + GOLDEN * (high - low)
            at_outer = _errors(values, outer)
    return _smoothed(values, (low + high) / 2)[-1]


def _smoothed(values: Floats, alpha: float) -> list[float]:
    level = float(values[0])
    levels = [level]
    for value in values[1:].tolist():
        level += alpha * (value - level)
        levels.append(level)
    return levels


def _errors(values: Floats, alpha: float) -> float:
    """Sum of squared one-step errors."""
    return float(((values[1:] - _smoothed(values, alpha)[:-1]) ** 2).sum())
