"""Lead times learned from deliveries, and drawn towards what was believed before them."""

from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats

PRIOR_ORDERS = 5.0
"""What was believed before weighs as much as so many deliveries: after five of its own, a lane
counts half by what it showed."""


@dataclass(frozen=True, slots=True, eq=False)
class LeadTimes:
    """Mean and spread of N lead times, days, each of shape (N,)."""

    mean_days: Floats
    sd_days: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Deliveries:
    """What N lanes showed: sums over their deliveries, each of shape (N,)."""

    orders: Floats
    days: Floats
    """Sum of lead times."""
    squares: Floats
    """Sum of squared lead times."""

    @property
    def mean_days(self) -> Floats:
        """NaN without deliveries."""
        some = self.orders > 0
        mean: Floats = np.where(some, self.days / np.where(some, self.orders, 1), np.nan)
        return mean

    @property
    def deviations(self) -> Floats:
        """Sum of squared deviations from the mean."""
        some = np.where(self.orders > 0, self.orders, 1)
        found: Floats = np.maximum(self.squares - self.days**2 / some, 0.0)
        return found

    @property
    def sd_days(self) -> Floats:
        """Standard deviation; NaN of fewer than two deliveries."""
        enough = self.orders > 1
        found = np.sqrt(self.deviations / np.where(enough, self.orders - 1, 1))
        sd: Floats = np.where(enough, found, np.nan)
        return sd


def learned(prior: LeadTimes, seen: Deliveries, *, prior_orders: float = PRIOR_ORDERS) -> LeadTimes:
    """What to believe of each lead time after its deliveries.

    Lead times are taken as normal with a mean and variance of which the prior is conjugate:

        m = (κ₀·m₀ + n·x̄) / (κ₀ + n)
        s² = (κ₀·s₀² + Σ(x − x̄)² + κ₀·n/(κ₀ + n)·(x̄ − m₀)²) / (κ₀ + n)

    Without deliveries both are the prior's, with many the lane's own. Late and early deliveries
    that contradict the prior's mean also widen the spread.

    Parameters
    ----------
    prior : what was believed before: m₀, s₀ ≥ 0, days.
    prior_orders : κ₀ > 0, how many deliveries the belief is worth, for mean and spread alike.

    Source
    ------
    Gelman, Carlin, Stern, Dunson, Vehtari & Rubin, Bayesian Data Analysis, 3rd ed., section 3.3,
    with ν₀ = κ₀.

    >>> prior = LeadTimes(np.array([7.0]), np.array([1.0]))
    >>> seen = Deliveries(np.array([5.0]), np.array([45.0]), np.array([405.0]))
    >>> after = learned(prior, seen)
    >>> after.mean_days.tolist(), after.sd_days.round(4).tolist()
    ([8.0], [1.2247])
    """
    n, k = seen.orders, prior_orders
    mean = np.nan_to_num(seen.mean_days)
    after = (k * prior.mean_days + seen.days) / (k + n)
    between = k * n / (k + n) * (mean - prior.mean_days) ** 2
    variance = (k * prior.sd_days**2 + seen.deviations + between) / (k + n)
    return LeadTimes(after, np.sqrt(variance))
