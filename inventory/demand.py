"""What a forecast is, as far as stock is concerned.

The consumer owns the contract: policy and promise buffers read a `DemandForecast`, whichever model
made it. It answers two questions: what may sell on a day, and what may sell over a window of days.
The second is never the sum of daily quantiles, which would be too wide: days are tied together by a
Gaussian copula whose two correlations are estimated from rolling-origin errors, and windows are
summed along sample paths.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

LEVELS: tuple[float, ...] = (
    0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5,
    0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995,
)  # fmt: skip
"""Quantile levels that every stored forecast carries."""

PATHS = 1024
"""Sample paths per series: the 0.95 quantile of a window is then right to a tenth of its spread."""

SERIES_PER_CHUNK = 256
"""Series whose paths are held in memory at once: 256 x 28 days x 1,024 paths take 60 MB."""

DEPENDENCES_KEPT = 64
"""Distinct dependences whose probabilities are kept while paths are drawn: one a segment is usual,
and 28 days x 1,024 paths take 0.2 MB."""

CROSSING_TOLERANCE_UNITS = 1e-4
"""Single-precision rounding may make neighbouring quantiles cross by this much."""


@dataclass(frozen=True, slots=True, eq=False)
class DemandForecast:
    """Demand of N series over H periods, as quantiles at Q levels.

    Parameters
    ----------
    skus, locations : length N
        The series, row by row.
    first_day : first forecast period. What was known ends the day before (the origin).
    period_days : 1 for daily forecasts, 7 for weekly ones.
    levels : shape (Q,), increasing, in (0, 1).
    quantiles_units : shape (N, H, Q), units per period; never negative, never crossing.
    mean_units : shape (N, H), units per period.
    dependence : shape (N, 2), each in [0, 1)
        Rank correlation between periods of one series: a part that all periods share (a level that
        was misjudged) and a part that fades from one period to the next. Periods i and j correlate
        with `shared + (1 - shared) * adjacent ** |i - j|`.
    run_id, model_version : who made it, for the explanation of every number built on it.
    """

    skus: tuple[str, ...]
    locations: tuple[str, ...]
    first_day: date
    levels: Floats
    quantiles_units: Floats
    mean_units: Floats
    dependence: Floats
    run_id: str = ""
    model_version: str = ""
    period_days: int = 1

    def __post_init__(self) -> None:
        N, H, Q = self.quantiles_units.shape
        assert len(self.skus) == len(self.locations) == N
        assert self.levels.shape == (Q,)
        assert (np.diff(self.levels) > 0).all()
        assert self.mean_units.shape == (N, H)
        assert self.dependence.shape == (N, 2)
        assert (self.quantiles_units >= 0).all()
        assert (self.mean_units >= 0).all()
        assert (np.diff(self.quantiles_units, axis=2) >= -CROSSING_TOLERANCE_UNITS).all()

    @property
    def horizon(self) -> int:
        """Periods ahead, H."""
        return int(self.mean_units.shape[1])

    @property
    def days(self) -> list[date]:
        """First day of each period."""
        return [self.first_day + timedelta(days=h * self.period_days) for h in range(self.horizon)]

    def select(self, rows: NDArray[np.integer] | slice) -> "DemandForecast":
        """The forecast of some of the series."""
        chosen = np.arange(len(self.skus))[rows]
        return DemandForecast(
            skus=tuple(self.skus[row] for row in chosen),
            locations=tuple(self.locations[row] for row in chosen),
            first_day=self.first_day,
            levels=self.levels,
            quantiles_units=self.quantiles_units[rows],
            mean_units=self.mean_units[rows],
            dependence=self.dependence[rows],
            run_id=self.run_id,
            model_version=self.model_version,
            period_days=self.period_days,
        )

    def day_quantiles_units(self, level: float) -> Floats:
        """Units per period, shape (N, H), that demand stays at or below with chance `level`."""
        return quantile_function(self.quantiles_units, self.levels, np.array([level]))[..., 0]

    def window_quantiles_units(
        self, levels: Floats, *, start: int = 0, periods: int, seed: int = 0
    ) -> Floats:
        """Quantiles of the sum of `periods` periods from period `start` on, inside the horizon.

        Shape (N, len(levels)), units per window.
        """
        assert 0 <= start < start + periods <= self.horizon
        sums = [
            paths[:, start : start + periods].sum(axis=1)
            for paths in self.sample_paths_units(seed=seed, periods=start + periods)
        ]
        drawn = np.concatenate(sums) if sums else np.empty((0, PATHS))
        window: Floats = np.quantile(drawn, levels, axis=1).T
        return window

    def window_mean_units(self, *, start: int = 0, periods: int) -> Floats:
        """Mean of the sum over a window, shape (N,): means do add up."""
        window: Floats = self.mean_units[:, start : start + periods].sum(axis=1)
        return window

    def sample_paths_units(
        self, *, seed: int = 0, paths: int = PATHS, periods: int | None = None
    ) -> Iterator[Floats]:
        """Possible futures, in chunks of series: each of shape (n, periods, paths), units.

        Every series sees the same underlying draws, so two forecasts compare without noise, and
        the same seed gives the same paths.
        """
        H = self.horizon if periods is None else periods
        normals = even_normals(seed, dimensions=H + 1, paths=paths)
        drawn: dict[tuple[float, float], Floats] = {}
        for first in range(0, len(self.skus), SERIES_PER_CHUNK):
            quantiles = self.quantiles_units[first : first + SERIES_PER_CHUNK, :H]
            chunk = np.empty((len(quantiles), H, paths))
            pairs, kind = np.unique(
                self.dependence[first : first + SERIES_PER_CHUNK], axis=0, return_inverse=True
            )
            for k, (shared, adjacent) in enumerate(pairs):
                # Series of one segment share their dependence, and so their probabilities.
                key = (float(shared), float(adjacent))
                if key not in drawn and len(drawn) < DEPENDENCES_KEPT:
                    drawn[key] = path_probabilities(*key, normals=normals)
                probability = drawn.get(key)
                if probability is None:
                    probability = path_probabilities(*key, normals=normals)
                chunk[kind == k] = path_units(quantiles[kind == k], self.levels, probability)
            yield chunk


def even_normals(seed: int, *, dimensions: int, paths: int) -> Floats:
    """Standard normals, shape (dimensions, paths), spread evenly: a scrambled Sobol sequence.

    Plain random draws would misjudge the spread of a sum by several per cent at this many paths.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, rng=np.random.default_rng(seed))
    uniform = sequence.random(paths).T
    normal: Floats = ndtri(uniform.clip(1e-9, 1 - 1e-9))
    return normal


def path_probabilities(shared: float, adjacent: float, *, normals: Floats) -> Floats:
    """Uniforms (H, S) whose periods correlate as `DemandForecast.dependence` says.

    normals : (H + 1, S) independent standard normals; the first row is what all periods share.
    """
    from scipy.special import ndtr

    common, shocks = normals[0], normals[1:]
    fading = np.empty_like(shocks)
    fading[0] = shocks[0]
    for h in range(1, len(shocks)):
        fading[h] = adjacent * fading[h - 1] + np.sqrt(1 - adjacent**2) * shocks[h]
    uniform: Floats = ndtr(np.sqrt(shared) * common + np.sqrt(1 - shared) * fading)
    return uniform


def path_units(quantiles_units: Floats, levels: Floats, probability: Floats) -> Floats:
    """Each period's quantile function at its probabilities: (n, H, Q), (H, S) -> (n, H, S).

    The same as `rowwise_quantile` on every row, with the search for levels done once for all.
    """
    n, H, _ = quantiles_units.shape
    right = np.searchsorted(levels, probability).clip(1, len(levels) - 1)
    low, high = levels[right - 1], levels[right]
    part = ((probability - low) / (high - low)).clip(0, 1)
    units = np.empty((n, H, probability.shape[1]))
    for h in range(H):
        quantiles = quantiles_units[:, h]
        found = units[:, h]
        below = quantiles[:, right[h] - 1]
        np.subtract(quantiles[:, right[h]], below, out=found)
        found *= part[h]
        found += below
        outside = np.flatnonzero((probability[h] < levels[0]) | (probability[h] > levels[-1]))
        found[:, outside] += _tail_units(quantiles, levels, probability[h, outside][None])
    np.maximum(units, 0.0, out=units)
    return units


def rowwise_quantile(quantiles_units: Floats, levels: Floats, probability: Floats) -> Floats:
    """Each row's quantile function at its own probabilities: (m, Q), (m, S) -> (m, S).

    Probabilities (1, S) are those of every row.
    """
    right = np.searchsorted(levels, probability).clip(1, len(levels) - 1)
    low, high = levels[right - 1], levels[right]
    q_low = np.take_along_axis(quantiles_units, right - 1, axis=1)
    q_high = np.take_along_axis(quantiles_units, right, axis=1)
    inside = q_low + (q_high - q_low) * ((probability - low) / (high - low)).clip(0, 1)
    units: Floats = np.maximum(inside + _tail_units(quantiles_units, levels, probability), 0.0)
    return units


def quantile_function(quantiles_units: Floats, levels: Floats, wanted: Floats) -> Floats:
    """Quantiles at other levels, shape (..., len(wanted)); tails continue exponentially."""
    flat = quantiles_units.reshape(-1, quantiles_units.shape[-1])
    found = rowwise_quantile(flat, levels, wanted[None])
    shaped: Floats = found.reshape(*quantiles_units.shape[:-1], len(wanted))
    return shaped


def _tail_units(quantiles_units: Floats, levels: Floats, probability: Floats) -> Floats:
    """What to add above the last level and below the first: an exponential tail, in log odds.

    The slope is that between the outermost two quantiles, so a forecast that is certain stays so.
    """
    beyond = np.maximum(probability, levels[-1]).clip(max=1 - 1e-9)
    upper_slope = (quantiles_units[:, -1:] - quantiles_units[:, -2:-1]) / np.log(
        (1 - levels[-2]) / (1 - levels[-1])
    )
    below = np.minimum(probability, levels[0]).clip(min=1e-9)
    lower_slope = (quantiles_units[:, 1:2] - quantiles_units[:, :1]) / np.log(levels[1] / levels[0])
    above = upper_slope * np.log((1 - levels[-1]) / (1 - beyond))
    outside: Floats = above - lower_slope * np.log(levels[0] / below)
    return outside
