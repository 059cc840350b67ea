"""One chance to order before demand shows: how much, when both mistakes have a price."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from inventory.demand import Floats
from inventory.policy.distributions import Distribution


def critical_ratio(*, shortage_cost: ArrayLike, holding_cost: ArrayLike) -> Floats:
    """The chance of having enough that minimises expected cost: p / (p + h).

    Parameters
    ----------
    shortage_cost : p ≥ 0, money per unit of demand not met.
    holding_cost : h ≥ 0, money per unit left over. Not both zero.

    Source
    ------
    Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., section 4.3.

    >>> float(critical_ratio(shortage_cost=18, holding_cost=2))
    0.9
    """
    total = np.add(shortage_cost, holding_cost)
    assert (total > 0).all(), "both costs are zero: any quantity is optimal"
    ratio: Floats = np.asarray(shortage_cost) / total
    return ratio


def normal_target_units(*, ratio: ArrayLike, mean_units: ArrayLike, sd_units: ArrayLike) -> Floats:
    """Stock that normal demand stays at or below with chance `ratio`: μ + z·σ.

    >>> round(float(normal_target_units(ratio=0.9, mean_units=120, sd_units=10)), 3)
    132.816
    """
    z = ndtri(np.asarray(ratio, dtype=float))
    units: Floats = np.add(mean_units, np.multiply(z, sd_units))
    return units


def normal_cost(
    *, holding_cost: float, shortage_cost: float, sd_units: float, target_units: float,
    mean_units: float,
) -> float:  # fmt: skip
    """Expected cost of a period that starts with `target_units`, for normal demand.

        g(S) = h·(S − μ) + (p + h)·σ·G(z),  z = (S − μ) / σ

    Source: Snyder & Shen, section 4.3.

    >>> round(normal_cost(holding_cost=0.18, shortage_cost=0.7, mean_units=50, sd_units=8,
    ...                   target_units=56.60395592743389), 4)
    1.9976
    """
    z = (target_units - mean_units) / sd_units
    short_units = sd_units * float(unit_normal_loss(z))
    over = holding_cost * (target_units - mean_units)
    return over + (shortage_cost + holding_cost) * short_units


def expected_cost(
    demand: Distribution, target_units: float, *, holding_cost: float, shortage_cost: float
) -> float:
    """Expected cost of a period that starts with `target_units`: h·n̄(S) + p·n(S).

    Source: Snyder & Shen, section 4.3.

    >>> from inventory.policy.distributions import Poisson
    >>> round(expected_cost(Poisson(6), 8, holding_cost=1, shortage_cost=4), 4)
    3.5701
    """
    left = demand.complementary_loss(target_units)
    return holding_cost * left + shortage_cost * demand.loss(target_units)


def expected_profit(
    demand: Distribution,
    stock_units: float,
    *,
    price: float,
    unit_cost: float,
    salvage: float,
    holding_cost: float = 0.0,
    shortage_cost: float = 0.0,
) -> float:
    """Expected profit of a season that starts with S units: money from sales and salvage, less
    what stock, rests and unmet demand cost.

        r·E[min(S, D)] + (v − h)·n̄(S) − p·n(S) − c·S

    Parameters
    ----------
    price r, unit_cost c, salvage v : money per unit, r > c > v.
    holding_cost h, shortage_cost p : ≥ 0, money per unit left over and per unit of demand not met,
        beyond the margin that is lost with it.

    Source
    ------
    Snyder & Shen, section 4.3.

    >>> from inventory.policy.distributions import Normal
    >>> round(expected_profit(Normal(50, 8), 56.604, price=1, unit_cost=0.3, salvage=0.12), 3)
    33.002
    """
    short = demand.loss(stock_units)
    left = demand.complementary_loss(stock_units)
    sold = demand.mean - short
    kept = (salvage - holding_cost) * left - shortage_cost * short
    return price * sold + kept - unit_cost * stock_units


def discrete_target_units(probabilities: Floats, *, ratio: float) -> int:
    """Smallest integer S with F(S) ≥ ratio. `probabilities[x]` is the chance of demand x.

    >>> discrete_target_units(np.array([0, .25, .05, .1, .2, .15, .1, .1, .05]), ratio=2 / 3)
    5
    """
    cumulative = np.cumsum(probabilities)
    # A cumulative sum that misses the ratio by rounding must not cost a unit.
    return int(np.searchsorted(cumulative, ratio - 1e-12))


def poisson_target_units(*, ratio: float, mean_units: float) -> int:
    """Smallest integer S that Poisson demand stays at or below with chance `ratio`.

    >>> poisson_target_units(ratio=0.8, mean_units=6)
    8
    """
    from scipy.stats import poisson

    return int(poisson.ppf(ratio, mean_units))


def empirical_target_units(samples_units: Floats, *, ratio: float) -> Floats:
    """Smallest sample that at least `ratio` of the samples (last axis) stay at or below.

    The inverse of the empirical distribution, without interpolation: on whole-unit samples it
    gives whole units, as the newsvendor with discrete demand asks.

    >>> float(empirical_target_units(np.array([1., 2., 3., 4., 5.]), ratio=0.8))
    4.0
    """
    target: Floats = np.quantile(samples_units, ratio - 1e-12, axis=-1, method="inverted_cdf")
    return target


def unit_normal_loss(z: ArrayLike) -> Floats:
    """Expected shortage of a standard normal above z: G(z) = φ(z) − z·(1 − Φ(z)).

    Source: Snyder & Shen, appendix C.

    >>> round(float(unit_normal_loss(-1.4)), 6)
    1.436668
    """
    point = np.asarray(z, dtype=float)
    density = np.exp(-(point**2) / 2) / np.sqrt(2 * np.pi)
    loss: Floats = density - point * ndtr(-point)
    return loss
