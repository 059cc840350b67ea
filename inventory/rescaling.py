"""Quantiles around another mean: what is uncertain about demand when somebody moves its level.

Part of the spread of demand is chance in the number of buyers, part is not knowing the level, the
day or the weather. The first averages out as demand grows, the second grows with it. Of a variance
v at mean μ, at most μ is of the first kind (a Poisson count has just that), so at mean kμ

    v' = k · min(v, μ) + k² · max(v - μ, 0)

Large volumes keep their relative spread. Small counts widen, relatively, when they are scaled
down, and a slow mover that is scaled up loses its mass at zero, as it should: ten times 0.2 a day
is not a day without sales four times in five. What is certain stays certain.

The shape is that of gamma distributions with these two moments, corrected by how far the forecast's
own quantiles stand off the gamma of its own moments; so a mean that is not moved moves nothing.
"""

from functools import lru_cache

import numpy as np
from scipy.special import gammaincinv

from inventory.demand import Floats, rowwise_quantile

CELLS_PER_CHUNK = 50_000
"""Rows whose distribution is integrated at once: 50,000 x 50 points take 20 MB."""

POINTS = 50
"""Points of a distribution that give its variance to a few per cent."""

UNKNOWN_SD_SHARE = 0.5
"""Where the statistics expect nothing, how far off a stated level is, as a share of it: forecasts
of new items commonly miss by half."""

CERTAIN_SHARE = 1e-6
"""A variance below this share of the squared mean is none."""

SHAPES = (1e-3, 1 / CERTAIN_SHARE)
"""Shapes of gamma distributions told apart; below, next to all of it is at zero."""

SHAPE_STEPS = 2_000


def rescaled_quantiles_units(
    quantiles_units: Floats, levels: Floats, *, mean_units: Floats, wanted_mean_units: Floats
) -> Floats:
    """Quantiles (m, Q) of m distributions of mean `mean_units` (m,), moved to other means (m,).

    Never negative, never crossing; Q may be 0. A wanted mean of zero gives zeros; from a mean of
    zero, a negative binomial of the wanted mean, with `UNKNOWN_SD_SHARE` beyond the chance of its
    counts.
    """
    moved = np.empty(quantiles_units.shape)
    if not len(levels):
        return moved
    for first in range(0, len(moved), CELLS_PER_CHUNK):
        rows = slice(first, first + CELLS_PER_CHUNK)
        moved[rows] = _moved(
            quantiles_units[rows], levels, mean_units[rows], wanted_mean_units[rows]
        )
    return moved


def _moved(quantiles_units: Floats, levels: Floats, mean: Floats, wanted: Floats) -> Floats:
    moved = np.zeros(quantiles_units.shape)
    new = (mean <= 0) & (wanted > 0)
    moved[new] = counts_units(wanted[new], levels)
    scaled = (mean > 0) & (wanted > 0)
    own, mean, wanted = quantiles_units[scaled], mean[scaled], wanted[scaled]
    variance = variance_units(own, levels)
    counting = np.minimum(variance, mean)
    k = wanted / mean
    after = gamma_quantiles_units(wanted, k * counting + k**2 * (variance - counting), levels)
    before = gamma_quantiles_units(mean, variance, levels)
    # Steps of a count stay steps of a count when it grows; other shape grows with the demand.
    steps = counting / np.maximum(variance, np.finfo(float).tiny)
    shape = np.where(k <= 1, k, steps + (1 - steps) * k)
    found = np.maximum(after + shape[:, None] * (own - before), 0.0)
    moved[scaled] = np.maximum.accumulate(found, axis=1)
    return moved


def variance_units(quantiles_units: Floats, levels: Floats) -> Floats:
    """Variance of each row's distribution, shape (m,), by points spread evenly over its levels."""
    points = (np.arange(POINTS) + 0.5) / POINTS
    drawn = rowwise_quantile(
        quantiles_units, levels, np.broadcast_to(points, (len(quantiles_units), POINTS))
    )
    variance: Floats = drawn.var(axis=1)
    return variance


def gamma_quantiles_units(mean: Floats, variance: Floats, levels: Floats) -> Floats:
    """Quantiles (m, Q) of gamma distributions with these moments; of no variance, the mean."""
    certain = variance <= CERTAIN_SHARE * mean**2
    shape = np.where(certain, 1.0, mean**2 / np.where(certain, 1.0, variance))
    table = _unit_gamma(tuple(levels.tolist()))
    place = np.log(shape.clip(*SHAPES)) - np.log(SHAPES[0])
    place /= np.log(SHAPES[1] / SHAPES[0]) / (SHAPE_STEPS - 1)
    low = np.minimum(place.astype(int), SHAPE_STEPS - 2)
    part = (place - low)[:, None]
    units = (table[low] * (1 - part) + table[low + 1] * part) * mean[:, None]
    quantiles: Floats = np.where(certain[:, None], mean[:, None], units)
    return quantiles


@lru_cache(maxsize=8)
def _unit_gamma(levels: tuple[float, ...]) -> Floats:
    """Quantiles of gamma distributions of mean 1, for shapes on a logarithmic grid.

    Between its points they are straight to a thousandth, and reading them off is some ten times as
    fast as computing them for every cell.
    """
    shape = np.geomspace(*SHAPES, SHAPE_STEPS)[:, None]
    table: Floats = gammaincinv(shape, np.array(levels)[None]) / shape
    return table


def counts_units(mean: Floats, levels: Floats) -> Floats:
    """Quantiles (m, Q) of counts with this mean: negative binomial, v = μ + (share · μ)²."""
    from scipy.stats import nbinom

    n = 1 / UNKNOWN_SD_SHARE**2
    counts: Floats = np.asarray(nbinom.ppf(levels[None], n, n / (n + mean[:, None])))
    return counts
