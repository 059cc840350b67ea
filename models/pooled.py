"""Ridge regression of many series whose coefficients lean on what is usual among them.

    y_i = X_i β_i + ε,   β_i ~ N(m, D)

A month of one item's sales says little about its Sundays or its promotions; a thousand items say
it well. m and D are learned once, from all series; each series is then solved on its own evidence
and this prior, so that a new one starts from what is usual and an old one from itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

ROUNDS = 6
"""Rounds of expectation-maximisation; m and D move by less than a percent after the fourth."""

PERIODS_MIN = 14
"""Known periods from which a series takes part in learning the prior."""

CUT = 0.02
"""Share of the coefficients at either end that are pulled in before the prior is taken: a few
series that went wrong must not say what is usual."""

SERIES_PRIOR = 10.0
DEVIATION_PRIOR = 0.05
"""Usually nothing has an effect, give or take this: that counts as so many series seen."""

DEVIATION_START = 0.25
"""The rounds start from coefficients that hardly lean on anything, so that few rounds do."""

VARIANCE_MIN = 1e-5
NOISE_PRIOR_PERIODS = 2.0
"""Weight of the spread before the regression in the spread after it, in periods."""

NOISE_MIN = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What coefficients are usual: mean m and variance D, each of shape (K,)."""

    mean: Floats
    variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """coefficients : (N, K). degrees, noise : (N,), degrees of freedom used and error variance.

    variance : (N, K), of the coefficients given the evidence.
    """

    coefficients: Floats
    degrees: Floats
    noise: Floats
    variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What solving needs to know of each series: X'X (N, K, K), X'y (N, K), y'y and n (N,)."""

    squares: Floats
    products: Floats
    total: Floats
    counted: Floats

    @classmethod
    def of(
        cls, y: Floats, x: Floats, known: NDArray[np.bool_], *, squares: Floats | None = None
    ) -> "Evidence":
        """From targets (N, T) and columns (N, T, K), each series centred over what is known.

        squares : `squares_of` the same columns, where several targets have them in common.
        """
        seen = np.where(known, y, 0.0)
        return cls(
            squares=squares_of(x, known) if squares is None else squares,
            products=(x.transpose(0, 2, 1) @ seen[:, :, None])[:, :, 0],
            total=(seen**2).sum(axis=1),
            counted=known.sum(axis=1).astype(np.float64),
        )

    @property
    def spread(self) -> Floats:
        """Variance of the targets (N,)."""
        return np.asarray(self.total / self.counted.clip(min=1) + NOISE_MIN)

    def rows(self, rows: NDArray[np.bool_]) -> "Evidence":
        """Of some of the series."""
        return Evidence(
            self.squares[rows], self.products[rows], self.total[rows], self.counted[rows]
        )


def squares_of(x: Floats, known: NDArray[np.bool_]) -> Floats:
    """X'X (N, K, K) of columns (N, T, K) over what is known: most of the work of solving."""
    columns = x * known[:, :, None]
    squares: Floats = columns.transpose(0, 2, 1) @ columns
    return squares


def solve(evidence: Evidence, prior: Prior, noise: Floats) -> Solved:
    """Each series' coefficients, given the variance of its errors (N,); `noise` is then new."""
    precision = evidence.squares / noise[:, None, None]
    covariance = np.linalg.inv(precision + np.diag(1 / prior.variance))
    pull = evidence.products / noise[:, None] + prior.mean / prior.variance
    beta = (covariance @ pull[:, :, None])[:, :, 0]
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    used = (1 - variance / prior.variance).clip(min=0).sum(axis=1)
    fitted = (evidence.squares @ beta[:, :, None])[:, :, 0]
    left = evidence.total - 2 * (beta * evidence.products).sum(axis=1) + (beta * fitted).sum(axis=1)
    free = evidence.counted - 1 - used + NOISE_PRIOR_PERIODS
    anew = left.clip(min=0) + NOISE_PRIOR_PERIODS * evidence.spread
    return Solved(
        coefficients=beta,
        degrees=1 + used,
        noise=anew / free.clip(min=NOISE_PRIOR_PERIODS),
        variance=variance,
    )


def settle(evidence: Evidence, prior: Prior) -> Solved:
    """Each series' coefficients with the variance of its errors found on the way."""
    solved = solve(evidence, prior, evidence.spread)
    for _ in range(ROUNDS - 1):
        solved = solve(evidence, prior, solved.noise)
    return solved


def learn(evidence: Evidence) -> Prior:
    """The prior under which the series are likeliest, by expectation-maximisation.

    Series that never vary, or that are hardly known, take no part. Without any that does, nothing
    is usual: coefficients are zero unless a series shows otherwise.

    Source: Efron & Morris (1975), JASA 70(350), 311-319, on borrowing strength between series.
    """
    width = evidence.products.shape[1]
    nothing = Prior(np.zeros(width), np.full(width, DEVIATION_PRIOR**2))
    telling = (evidence.counted >= PERIODS_MIN) & (evidence.spread > 2 * NOISE_MIN)
    if not telling.any() or width == 0:
        return nothing
    heard = evidence.rows(telling)
    noise = heard.spread
    prior = Prior(np.zeros(width), np.full(width, DEVIATION_START**2))
    for _ in range(ROUNDS):
        solved = solve(heard, prior, noise)
        noise = solved.noise
        low, high = np.quantile(solved.coefficients, [CUT, 1 - CUT], axis=0)
        usual = solved.coefficients.clip(low, high)
        of_all = len(usual) + SERIES_PRIOR
        mean = usual.sum(axis=0) / of_all
        spread = (solved.variance + (usual - mean) ** 2).sum(axis=0)
        spread = (spread + SERIES_PRIOR * DEVIATION_PRIOR**2) / of_all
        prior = Prior(mean, spread.clip(min=VARIANCE_MIN))
    return prior
