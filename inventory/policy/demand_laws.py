"""Laws that demand over a window may follow, and which one past windows speak for. Vectorised.

Four laws are tried. *Path*: quantiles of the forecast's sample paths. *Normal* and *negative
binomial*: the forecast's mean, and a variance that is a multiple of it, as past errors were.
*Empirical*: past errors themselves, scaled by the root of the mean.

Each past window is foretold from the windows before it alone; where in the foretold distribution
its demand fell should be uniform over windows. How far it is from uniform decides.

Source
------
Dawid, "Statistical theory: the prequential approach", J. R. Statist. Soc. A 147 (1984); Diebold,
Gunther & Tay, "Evaluating density forecasts", Int. Economic Review 39 (1998).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaincc, ndtr, ndtri

from inventory.demand import Floats

PATH, NORMAL, NEGATIVE_BINOMIAL, EMPIRICAL = LAWS = (
    "path", "normal", "negative_binomial", "empirical",
)  # fmt: skip

WINDOWS_MIN = 8
"""Fewer judged windows than this speak for no law."""

LEARNING_WINDOWS = 4
"""The first windows only teach what the later ones are judged with."""

MISFIT_BAD = 2.492
"""Anderson-Darling statistic that a right law exceeds once in twenty times: D'Agostino & Stephens,
Goodness-of-Fit Techniques (1986), table 4.2, all parameters known."""

BETTER_BY = (0.0, 0.25, 0.25, 1.0)
"""By how much each law must fit better than the first to be taken instead. Sample paths know most
of the future; past errors as they were fit anything, and know nothing of a tail beyond them."""

LEVEL_MIN = 1e-4
"""A window outside of all that was foretold counts as this rare, not as impossible."""

DISPERSION_MIN = 0.05

Words = NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class PastWindows:
    """W past windows of N positions, oldest first; NaN where one is not known.

    forecast_units, actual_units : shape (N, W). path_levels : shape (N, W), where demand fell in
    the distribution of the sample paths.
    """

    forecast_units: Floats
    actual_units: Floats
    path_levels: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """Windows that can be judged: those in which something was expected."""
        return np.isfinite(self.actual_units) & (self.forecast_units > 0)

    @property
    def residuals(self) -> Floats:
        """Errors over the root of what was expected; NaN where not known."""
        root = np.sqrt(np.where(self.known, self.forecast_units, 1.0))
        errors: Floats = np.where(
            self.known, (self.actual_units - self.forecast_units) / root, np.nan
        )
        return errors

    @property
    def before(self) -> NDArray[np.intp]:
        """How many windows before each are known."""
        known = self.known
        count: NDArray[np.intp] = np.cumsum(known, axis=1) - known
        return count

    @property
    def dispersion_before(self) -> Floats:
        """Variance over mean as the errors before each window show it, shape (N, W)."""
        squared = np.where(self.known, np.nan_to_num(self.residuals) ** 2, 0.0)
        spread = (np.cumsum(squared, axis=1) - squared) / np.maximum(self.before, 1)
        floored: Floats = np.maximum(spread, DISPERSION_MIN)
        return floored

    @property
    def dispersion(self) -> Floats:
        """Variance over mean as the errors show it, shape (N,); NaN without any."""
        squared = np.square(self.residuals)
        count = self.known.sum(axis=1)
        total = np.nansum(squared, axis=1)
        found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How far each law is from what happened: `misfit[law]` (N,), over `windows` (N,) windows."""

    misfit: dict[str, Floats]
    windows: NDArray[np.intp]


def judge(past: PastWindows) -> Judged:
    """Misfit of each law over the windows after the first `LEARNING_WINDOWS` known ones."""
    known, before, spread = past.known, past.before, past.dispersion_before
    judged = known & (before >= LEARNING_WINDOWS)
    mean = np.where(known, past.forecast_units, 1.0)
    actual = np.where(known, past.actual_units, 1.0)
    levels = {
        PATH: past.path_levels,
        NORMAL: ndtr((actual - mean) / np.sqrt(spread * mean)),
        NEGATIVE_BINOMIAL: count_levels(actual, mean, spread),
        EMPIRICAL: _ranks(past.residuals, before),
    }
    misfit = {law: misfits(np.where(judged, found, np.nan)) for law, found in levels.items()}
    return Judged(misfit, judged.sum(axis=1))


def count_levels(actual: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Middle of the step that whole-unit demand takes at its value.

    Negative binomial, Poisson where the variance does not exceed the mean.
    """
    return (_at_most(actual, mean, dispersion) + _at_most(actual - 1, mean, dispersion)) / 2


def _at_most(units: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(D ≤ units) for r = μ / (φ − 1), p = 1 / φ."""
    wide = dispersion > 1 + 1e-6
    excess = np.where(wide, dispersion - 1, 1.0)
    count = np.maximum(np.floor(units) + 1, 0.0)
    some = count > 0
    above = np.where(some, count, 1.0)
    negative = betainc(mean / excess, above, 1 / (1 + excess))
    poisson = gammaincc(above, mean)
    chance: Floats = np.where(some, np.where(wide, negative, poisson), 0.0)
    return chance


def _ranks(residuals: Floats, before: NDArray[np.intp]) -> Floats:
    """Where each residual falls among those before it: (below + ½·equal + ½) / (before + 1)."""
    W = residuals.shape[1]
    level = np.full(residuals.shape, np.nan)
    for k in range(1, W):
        earlier, here = residuals[:, :k], residuals[:, k, None]
        below = (earlier < here).sum(axis=1) + 0.5 * (earlier == here).sum(axis=1)
        level[:, k] = (below + 0.5) / (before[:, k] + 1)
    return level


def misfits(levels: Floats) -> Floats:
    """Anderson-Darling distance of levels (N, W) from uniform; NaN where no level is known.

        A² = −n − (1/n)·Σ (2i − 1)·(ln u₍ᵢ₎ + ln(1 − u₍ₙ₊₁₋ᵢ₎))

    It weighs the tails most, which is where targets lie.

    Source: Anderson & Darling (1954), J. Am. Statist. Assoc. 49.

    >>> misfits(np.array([[0.1, 0.3, 0.5, 0.7, 0.9, np.nan]])).round(4).tolist()
    [0.1301]
    """
    n = np.isfinite(levels).sum(axis=1)
    ordered = np.sort(levels.clip(LEVEL_MIN, 1 - LEVEL_MIN), axis=1)  # NaN goes last.
    W = levels.shape[1]
    place = np.arange(1, W + 1)[None]
    from_low = (2 * place - 1) * np.log(ordered)
    # ln(1 − u) with weights from the other end: 2(n + 1 − i) − 1.
    from_high = (2 * (n[:, None] + 1 - place) - 1) * np.log1p(-ordered)
    total = np.nansum(from_low + from_high, axis=1)
    some = np.maximum(n, 1)
    found: Floats = np.where(n > 0, -some - total / some, np.nan)
    return found


def choose(judged: Judged) -> tuple[Words, NDArray[np.bool_]]:
    """The law of each position, and whether it is the fallback because none fits: (N,), (N,).

    Sample paths, where too few windows were judged. Where no law fits, the empirical one: it is
    made of the errors themselves, whatever they look like.
    """
    misfit = np.stack([np.nan_to_num(judged.misfit[law], nan=np.inf) for law in LAWS])
    best = np.argmin(misfit + np.array(BETTER_BY)[:, None], axis=0)
    enough = judged.windows >= WINDOWS_MIN
    bad = enough & (misfit.min(axis=0) > MISFIT_BAD)
    words: Words = np.select([~enough, bad], [PATH, EMPIRICAL], default=np.array(LAWS)[best])
    return words, bad


def normal_quantiles(mean: Floats, variance: Floats, levels: Floats) -> Floats:
    """Quantiles (N, Q), not below zero."""
    units: Floats = np.maximum(mean[:, None] + np.sqrt(variance)[:, None] * ndtri(levels), 0.0)
    return units


def count_quantiles(mean: Floats, variance: Floats, levels: Floats) -> Floats:
    """Smallest whole units that demand stays at or below with these chances: (N, Q).

    Negative binomial of this mean and variance, Poisson where the variance is not larger.
    """
    dispersion = np.maximum(variance / np.where(mean > 0, mean, 1.0), 1.0)[:, None]
    mu = np.where(mean > 0, mean, 0.0)[:, None]
    high = np.ceil(mu + 12 * np.sqrt(dispersion * mu) + 12 * dispersion) * np.ones_like(levels)
    low = np.full_like(high, -1.0)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        reached = _at_most(middle, mu, dispersion) >= levels
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    units: Floats = np.where(mu > 0, high, 0.0)
    return units


def empirical_quantiles(mean: Floats, residuals: Floats, stretch: Floats, levels: Floats) -> Floats:
    """Quantiles (N, Q) by sorted residuals (N, W), NaN last, not below zero.

    The level p is met by the ⌈p·(n + 1)⌉-th residual: the next window falls beyond it with chance
    1 − p whatever its law is, so long as windows are alike. Beyond n / (n + 1) the largest stands.

    stretch : (N,), by how much the spread of the window exceeds that of past ones.

    Source: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), section 2.2.
    """
    n = np.isfinite(residuals).sum(axis=1)
    place = np.ceil(levels[None] * (n[:, None] + 1)).astype(int).clip(1, np.maximum(n, 1)[:, None])
    found = np.take_along_axis(residuals, place - 1, axis=1) * stretch[:, None]
    units: Floats = np.maximum(mean[:, None] + np.sqrt(mean)[:, None] * np.nan_to_num(found), 0.0)
    return units
