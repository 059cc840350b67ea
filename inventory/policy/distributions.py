"""Demand over one period as a distribution: its quantiles, and how much of it stock fails to meet.

Every distribution answers the same few questions. `loss(x)` is the expected shortage n(x) = E[(D −
x)⁺], `complementary_loss` the expected rest n̄(x) = E[(x − D)⁺] = x − E[D] + n(x). The second losses
are ½·E[((D − x)⁺)²], for whole-unit demand ½·E[(D − x)⁺(D − x − 1)⁺], and their counterparts below.

Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., appendix C.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.special import betainc, gammainc, gammaincc, gammaincinv, ndtr, ndtri, poch
from scipy.stats import binom, nbinom, poisson

from inventory.demand import Floats
from inventory.errors import InputRejected

LEVEL_SLACK = 1e-12
"""A cumulative sum that misses a level by rounding must not cost a unit."""

CHANCE_SLACK = 1e-6
"""Tables of chances are printed with so many digits that their sum is this close to one."""


class Distribution(ABC):
    """Demand in units."""

    mean: float
    variance: float
    is_whole: bool = False
    """Whether demand comes in whole units."""

    @abstractmethod
    def quantile(self, level: float) -> float:
        """The smallest stock that demand stays at or below with chance `level`."""

    @abstractmethod
    def loss(self, x: float) -> float:
        """Expected units short of stock x."""

    @abstractmethod
    def second_loss(self, x: float) -> float:
        """Half the mean squared shortage; see above for whole-unit demand."""

    def complementary_loss(self, x: float) -> float:
        """Expected units left of stock x."""
        return x - self.mean + self.loss(x)

    def complementary_second_loss(self, x: float) -> float:
        """Half the mean squared rest; see above for whole-unit demand."""
        gap = x - self.mean
        both = gap * gap + self.variance + (gap if self.is_whole else 0)
        return both / 2 - self.second_loss(x)


@dataclass(frozen=True)
class Normal(Distribution):
    """Mean μ and standard deviation σ > 0, units."""

    mean: float
    sd: float

    @property
    def variance(self) -> float:  # type: ignore[override]
        return self.sd**2

    def quantile(self, level: float) -> float:
        return self.mean + self.sd * float(ndtri(level))

    def chance_of_at_most(self, units: float) -> float:
        """P(D ≤ units)."""
        return float(ndtr((units - self.mean) / self.sd))

    def loss(self, x: float) -> float:
        """σ·(φ(z) − z·(1 − Φ(z))), z = (x − μ) / σ."""
        z = (x - self.mean) / self.sd
        return self.sd * (_density(z) - z * float(ndtr(-z)))

    def second_loss(self, x: float) -> float:
        """½·σ²·((z² + 1)·(1 − Φ(z)) − z·φ(z))."""
        z = (x - self.mean) / self.sd
        return self.variance / 2 * ((z * z + 1) * float(ndtr(-z)) - z * _density(z))


def _density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


class _ByMoments(Distribution):
    """Continuous demand, known by its moments above a point: E[Dᵏ; D > x], k = 0, 1, 2."""

    @abstractmethod
    def above(self, x: float, k: int) -> float:
        """E[Dᵏ; D > x]."""

    @cached_property
    def mean(self) -> float:  # type: ignore[override]
        return self.above(-math.inf, 1)

    @cached_property
    def variance(self) -> float:  # type: ignore[override]
        return self.above(-math.inf, 2) - self.mean**2

    def loss(self, x: float) -> float:
        return self.above(x, 1) - x * self.above(x, 0)

    def second_loss(self, x: float) -> float:
        return (self.above(x, 2) - 2 * x * self.above(x, 1) + x * x * self.above(x, 0)) / 2


@dataclass(frozen=True)
class Lognormal(_ByMoments):
    """exp of a normal with mean μ and standard deviation σ > 0."""

    mu: float
    sigma: float

    @classmethod
    def by_moments(cls, *, mean: float, sd: float) -> Self:
        """The one of this mean and standard deviation, units."""
        sigma2 = math.log1p((sd / mean) ** 2)
        return cls(math.log(mean) - sigma2 / 2, math.sqrt(sigma2))

    def quantile(self, level: float) -> float:
        return math.exp(self.mu + self.sigma * float(ndtri(level)))

    def above(self, x: float, k: int) -> float:
        all_of_it = math.exp(k * self.mu + (k * self.sigma) ** 2 / 2)
        if x <= 0:
            return all_of_it
        z = (self.mu + k * self.sigma**2 - math.log(x)) / self.sigma
        return all_of_it * float(ndtr(z))


@dataclass(frozen=True)
class Gamma(_ByMoments):
    """Shape a > 0 and scale θ > 0, units: mean a·θ. Shape 1 is the exponential distribution.

    >>> round(Gamma(shape=2, scale=3).loss(4), 9)
    2.635971381
    """

    shape: float
    scale: float

    def quantile(self, level: float) -> float:
        return self.scale * float(gammaincinv(self.shape, level))

    def above(self, x: float, k: int) -> float:
        moment = float(poch(self.shape, k)) * self.scale**k
        return moment * float(gammaincc(self.shape + k, max(x, 0.0) / self.scale))

    def complementary_loss(self, x: float) -> float:
        """From below, since far to the left x − E[D] + n(x) cancels."""
        point = max(x, 0.0) / self.scale
        under = [float(gammainc(self.shape + k, point)) for k in (0, 1)]
        return max(x, 0.0) * under[0] - self.shape * self.scale * under[1]


@dataclass(frozen=True)
class Uniform(_ByMoments):
    """Any demand from `low` to `high` > low alike."""

    low: float
    high: float

    def quantile(self, level: float) -> float:
        return self.low + level * (self.high - self.low)

    def above(self, x: float, k: int) -> float:
        start = min(max(x, self.low), self.high)
        power: float = self.high ** (k + 1) - start ** (k + 1)
        return power / ((k + 1) * (self.high - self.low))


class _ByFactorials(Distribution):
    """Whole-unit demand, known by its factorial moments above a point: E[D·(D − 1)⋯; D > x]."""

    is_whole = True

    @abstractmethod
    def above(self, x: int, k: int) -> float:
        """E[D·(D − 1)⋯(D − k + 1); D > x], k = 0, 1, 2."""

    @property
    @abstractmethod
    def family(self) -> Any:  # noqa: ANN401 - scipy's frozen distributions have no common type.
        """The same in scipy, where no time is lost by it."""

    @cached_property
    def mean(self) -> float:  # type: ignore[override]
        return self.above(-1, 1)

    @cached_property
    def variance(self) -> float:  # type: ignore[override]
        return float(self.family.var())

    def quantile(self, level: float) -> float:
        return max(float(self.family.ppf(max(level - LEVEL_SLACK, 0.0))), 0.0)

    def chances(self, units: Floats) -> Floats:
        """Chance of each of `units`."""
        chance: Floats = self.family.pmf(units)
        return chance

    def chance_of_at_most(self, units: float) -> float:
        """P(D ≤ units)."""
        return 1 - self.above(math.floor(units), 0)

    def loss(self, x: float) -> float:
        """Between whole units a straight line, as it must be."""
        below = math.floor(x)
        return self.above(below, 1) - x * self.above(below, 0)

    def second_loss(self, x: float) -> float:
        """For whole x."""
        none, one, two = (self.above(math.floor(x), k) for k in range(3))
        return (two - 2 * x * one + x * (x + 1) * none) / 2


@dataclass(frozen=True)
class Poisson(_ByFactorials):
    """Customers who come one by one and independently, `rate` > 0 of them on average.

    >>> round(Poisson(7).loss(5), 9)
    2.292600126
    """

    rate: float

    @cached_property
    def family(self) -> Any:  # noqa: ANN401
        return poisson(self.rate)

    def above(self, x: int, k: int) -> float:
        beyond = float(gammainc(x - k + 1, self.rate)) if x >= k else 1.0
        return self.rate**k * beyond


@dataclass(frozen=True)
class NegativeBinomial(_ByFactorials):
    """Failures before the r-th success, each try succeeding with chance p; r > 0 may be broken.

    As demand it is more spread than Poisson: a Poisson rate that is gamma distributed.

    >>> round(NegativeBinomial.by_moments(mean=15, sd=37.5 ** 0.5).loss(10), 9)
    5.533809275
    """

    r: float
    p: float

    @classmethod
    def by_moments(cls, *, mean: float, sd: float) -> Self:
        """The one of this mean and standard deviation: r = μ² / (σ² − μ), p = μ / σ²."""
        if sd**2 <= mean:
            raise InputRejected(
                f"a variance of {sd**2:g} is not above the mean {mean:g}, as negative binomial "
                "demand asks; take Poisson or normal demand",
                field="sd",
            )
        return cls(mean**2 / (sd**2 - mean), mean / sd**2)

    @cached_property
    def family(self) -> Any:  # noqa: ANN401
        return nbinom(self.r, self.p)

    def above(self, x: int, k: int) -> float:
        odds = (1 - self.p) / self.p
        beyond = float(betainc(x - k + 1, self.r + k, 1 - self.p)) if x >= k else 1.0
        return float(poch(self.r, k)) * odds**k * beyond


@dataclass(frozen=True)
class Binomial(_ByFactorials):
    """Buyers among n customers who each buy with chance p."""

    n: int
    p: float

    @cached_property
    def family(self) -> Any:  # noqa: ANN401
        return binom(self.n, self.p)

    def above(self, x: int, k: int) -> float:
        if x >= self.n or k > self.n:
            return 0.0
        beyond = float(betainc(x - k + 1, self.n - x, self.p)) if x >= k else 1.0
        return math.perm(self.n, k) * self.p**k * beyond


@dataclass(frozen=True)
class Geometric(Distribution):
    """Tries up to and with the first success, each with chance p: one more than its failures."""

    p: float
    is_whole = True

    @property
    def _failures(self) -> NegativeBinomial:
        return NegativeBinomial(1.0, self.p)

    @property
    def mean(self) -> float:  # type: ignore[override]
        return 1 / self.p

    @property
    def variance(self) -> float:  # type: ignore[override]
        return (1 - self.p) / self.p**2

    def quantile(self, level: float) -> float:
        return 1 + self._failures.quantile(level)

    def loss(self, x: float) -> float:
        return self._failures.loss(x - 1)

    def second_loss(self, x: float) -> float:
        return self._failures.second_loss(x - 1)


class Listed(Distribution):
    """Demand by a table of chances.

    Raises `InputRejected` unless chances are ≥ 0 and sum to one.

    >>> Listed({1: 0.25, 2: 0.75}).quantile(0.25)
    1.0
    """

    def __init__(self, chance_of: Mapping[float, float]) -> None:
        if not chance_of or min(chance_of.values()) < 0:
            raise InputRejected("chances must be 0 or more, and one at least", field="demand_pmf")
        if abs(sum(chance_of.values()) - 1) > CHANCE_SLACK:
            raise InputRejected(
                f"chances sum to {sum(chance_of.values()):g}, not to 1; add what is missing",
                field="demand_pmf",
            )
        self._units = np.array(sorted(chance_of), dtype=float)
        self._chances = np.array([chance_of[units] for units in sorted(chance_of)])
        self.is_whole = bool((self._units == np.floor(self._units)).all())
        self.mean = float(self._units @ self._chances)
        self.variance = float((self._units - self.mean) ** 2 @ self._chances)

    @property
    def lowest(self) -> float:
        """Least demand in the table, units."""
        return float(self._units[0])

    @property
    def highest(self) -> float:
        """Most demand in the table, units."""
        return float(self._units[-1])

    def quantile(self, level: float) -> float:
        place = int(np.searchsorted(np.cumsum(self._chances), level - LEVEL_SLACK))
        return float(self._units[min(place, len(self._units) - 1)])

    def chances(self, units: Floats) -> Floats:
        """Chance of each of `units`."""
        chance: Floats = (self._units[None] == units[:, None]) @ self._chances
        return chance

    def loss(self, x: float) -> float:
        return float(np.maximum(self._units - x, 0) @ self._chances)

    def second_loss(self, x: float) -> float:
        gap = np.maximum(self._units - x, 0)
        return float(gap * (gap - 1 if self.is_whole else gap) @ self._chances) / 2
