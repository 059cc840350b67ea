"""One chance to order before demand shows: how much, when both mistakes have a price."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

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
