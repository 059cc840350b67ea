"""Demand over a window as quantiles at a few levels: its value at any level, and what stock misses.

Between two levels the quantile function is a straight line in the normal score z of the level, and
beyond the outermost it goes on as it ended. So normal demand is exact at every level, and every
expected shortage has a closed form. All rows at once: a million take about a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from inventory.demand import Floats

ROWS_PER_CHUNK = 65_536
"""Rows worked on at once: what they need stays in the processor's cache."""

NEWTON_STEPS = 12
"""The shortage is convex in z, so Newton's steps never turn back: so many are exact to rounding."""

FALL_MIN = 1e-100
"""Units per score that a step divides by at least: far out, or where demand is certain, there is no
slope to go by, and a step of any length ends at the bounds."""

SCORE_MAX = 38.0
"""Normal tails beyond this score are zero in double precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Quantile functions of N rows as lines a + b·z between the scores of Q levels.

    a, b : shape (N, Q + 1), the first and last line for what lies beyond the levels.
    above : shape (N, Q), E[D; D above the j-th quantile].
    """

    score: Floats
    a: Floats
    b: Floats
    above: Floats

    @classmethod
    def through(cls, quantiles_units: Floats, levels: Floats) -> "Lines":
        """The lines through quantiles (N, Q) that never fall."""
        score = ndtri(levels)
        inner = np.diff(quantiles_units, axis=1) / np.diff(score)
        b = np.concatenate([inner[:, :1], inner, inner[:, -1:]], axis=1)
        first = np.concatenate([[score[0]], score])
        a = np.concatenate([quantiles_units[:, :1], quantiles_units], axis=1) - b * first
        edge = np.concatenate([score, [np.inf]])
        mass, moment = -np.diff(ndtr(-edge)), -np.diff(_density(edge))
        parts = a[:, 1:] * mass + b[:, 1:] * moment
        above = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]
        return cls(score, a, b, above)

    def loss(self, z: Floats, line: NDArray[np.intp]) -> Floats:
        """Expected units above the point at score z on a given line of each row: (N,)."""
        row = np.arange(len(z))
        a, b = self.a[row, line], self.b[row, line]
        edge = np.concatenate([self.score, [np.inf]])[line]
        beyond = np.concatenate([self.above, np.zeros((len(z), 1))], axis=1)[row, line]
        until = a * (ndtr(-z) - ndtr(-edge)) + b * (_density(z) - _density(edge))
        units: Floats = until + beyond - (a + b * z) * ndtr(-z)
        return units


def quantile_at(quantiles_units: Floats, levels: Floats, wanted: Floats) -> Floats:
    """Each row's quantile at its own level: (N, Q), (Q,), (N,) -> (N,). Never below zero.

    >>> from scipy.stats import norm
    >>> known = np.array([0.05, 0.5, 0.9])
    >>> quantiles = norm(100, 20).ppf(known)[None]
    >>> quantile_at(quantiles, known, np.array([0.95])).round(3).tolist()
    [132.897]
    """
    score = ndtri(levels)
    z = ndtri(np.asarray(wanted, dtype=float))
    right = np.searchsorted(levels, wanted).clip(1, len(levels) - 1)
    row = np.arange(len(quantiles_units))
    low, high = quantiles_units[row, right - 1], quantiles_units[row, right]
    part = (z - score[right - 1]) / (score[right] - score[right - 1])
    units: Floats = np.maximum(low + (high - low) * part, 0.0)
    return units


def level_of(quantiles_units: Floats, levels: Floats, units: Floats) -> Floats:
    """The chance of demand up to each row's units: (N, Q), (Q,), (N,) -> (N,).

    Where the quantile function stays at a value for a while, the middle of that: half of what is
    exactly this much counts.

    >>> from scipy.stats import norm
    >>> known = np.array([0.05, 0.5, 0.9])
    >>> level_of(norm(100, 20).ppf(known)[None], known, np.array([120.0])).round(4).tolist()
    [0.8413]
    """
    score = ndtri(levels)
    quantiles = quantiles_units.astype(float)
    at = np.arange(len(quantiles))
    ends = []
    for below in (quantiles < units[:, None], quantiles <= units[:, None]):
        right = below.sum(axis=1).clip(1, len(levels) - 1)
        low, high = quantiles[at, right - 1], quantiles[at, right]
        rise = high - low
        part = (units - low) / np.where(rise > 0, rise, 1.0)
        outside = np.where(units > high, SCORE_MAX, np.where(units < low, -SCORE_MAX, 0.0))
        z = score[right - 1] + (score[right] - score[right - 1]) * part
        ends.append(ndtr(np.where(rise > 0, z, score[right - 1] + outside)))
    # All of a certain demand lies at one value: half below, half above.
    certain = (quantiles[:, 0] == units) & (quantiles[:, -1] == units)
    level: Floats = np.where(certain, 0.5, (ends[0] + ends[1]) / 2)
    return level


def loss_at(quantiles_units: Floats, levels: Floats, stock_units: Floats) -> Floats:
    """Expected units short of each row's stock, E[(D − S)⁺]: (N, Q), (Q,), (N,) -> (N,).

    >>> from scipy.stats import norm
    >>> known = np.array([0.05, 0.5, 0.9])
    >>> quantiles = norm(100, 20).ppf(known)[None]
    >>> loss_at(quantiles, known, np.array([120.0])).round(4).tolist()
    [1.6663]
    """
    found = np.empty(len(quantiles_units))
    for rows in _chunks(len(found)):
        quantiles, stock = quantiles_units[rows].astype(float), stock_units[rows]
        lines = Lines.through(quantiles, levels)
        line = (quantiles <= stock[:, None]).sum(axis=1)
        at = np.arange(len(line))
        slope = lines.b[at, line]
        rises = slope > 0
        flat = np.where(stock > lines.a[at, line], SCORE_MAX, -SCORE_MAX)
        z = np.where(rises, (stock - lines.a[at, line]) / np.where(rises, slope, 1.0), flat)
        z = z.clip(-SCORE_MAX, SCORE_MAX)
        units = lines.loss(z, line) - (stock - lines.a[at, line] - slope * z) * ndtr(-z)
        found[rows] = np.maximum(units, 0.0)
    return found


def stock_for_loss(quantiles_units: Floats, levels: Floats, allowed_units: Floats) -> Floats:
    """The least stock that is short of no more than so many units on average, not below zero.

    Shapes as `loss_at`; allowed > 0.

    >>> from scipy.stats import norm
    >>> known = np.array([0.05, 0.5, 0.9])
    >>> quantiles = norm(100, 20).ppf(known)[None]
    >>> stock_for_loss(quantiles, known, np.array([1.6663])).round(2).tolist()
    [120.0]
    """
    found = np.empty(len(quantiles_units))
    for rows in _chunks(len(found)):
        quantiles, allowed = quantiles_units[rows].astype(float), allowed_units[rows]
        lines = Lines.through(quantiles, levels)
        at_nodes = lines.above - quantiles * ndtr(-lines.score)
        line = (at_nodes > allowed[:, None]).sum(axis=1)
        start = np.concatenate([lines.score[:1], lines.score])[line]
        at = np.arange(len(line))
        slope = lines.b[at, line]
        z = start
        for _ in range(NEWTON_STEPS):
            fall = np.maximum(slope * ndtr(-z), FALL_MIN)
            step = (lines.loss(z, line) - allowed) / fall
            z = np.where(slope > 0, z + step, z).clip(-SCORE_MAX, SCORE_MAX)
        found[rows] = np.maximum(lines.a[at, line] + slope * z, 0.0)
    return found


def _density(z: Floats) -> Floats:
    density: Floats = np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)
    return density


def _chunks(rows: int) -> Iterator[slice]:
    for first in range(0, rows, ROWS_PER_CHUNK):
        yield slice(first, first + ROWS_PER_CHUNK)
