"""Rolling windows over arrays whose first axis is time: all series of a block at once.

An array is (T, n): T periods, oldest first, of n series. NaN is a period of which nothing is known;
every window skips it. Row t of a result reads rows up to t alone, so what comes later cannot move
it, not even by rounding: sums run from the oldest period on.
"""

from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats

Column = Floats | None
"""One rank of sorted windows; None stands for values above all others."""


def lagged(values: Floats, periods: int) -> Floats:
    """Row t holds row t - periods (a negative lag looks ahead); NaN where there is none.

    >>> lagged(np.array([[1.0], [2.0]]), 1).ravel()
    array([nan,  1.])
    """
    moved = np.full_like(values, np.nan)
    if periods == 0:
        moved[:] = values
    elif periods > 0:
        moved[periods:] = values[:-periods]
    else:
        moved[:periods] = values[-periods:]
    return moved


@dataclass(frozen=True, slots=True)
class Running:
    """Sums and counts of known values from the first row to each row.

    total : (T, n). known : (T, n), or (T, 1) where every value is known.
    """

    total: Floats
    known: Floats

    @classmethod
    def of(cls, values: Floats) -> "Running":
        """Running sums of a column."""
        unknown = np.isnan(values)
        if not unknown.any():  # All columns count alike.
            counted = np.arange(1.0, len(values) + 1)[:, None]
            return cls(np.cumsum(values, axis=0), counted)
        filled = values.copy()
        filled[unknown] = 0.0
        return cls(np.cumsum(filled, axis=0), np.cumsum((~unknown).astype(np.float64), axis=0))


def last(running: Floats, window: int) -> Floats:
    """The part of a running sum that the last `window` rows brought."""
    if window >= len(running):
        return running
    part = running.copy()
    part[window:] -= running[:-window]
    return part


def ratio(above: Floats, below: Floats) -> Floats:
    """`above / below`; NaN where `below` is not above zero."""
    quotient: Floats = above / np.where(below > 0, below, np.nan)
    return quotient


def banded(values: Floats, cuts: tuple[float, ...]) -> Floats:
    """How many of the rising cuts each value reaches; NaN where it is unknown."""
    return np.where(np.isnan(values), np.nan, np.digitize(values, cuts))


def rolling_max(values: Floats, window: int) -> Floats:
    """Largest known value of the last `window` rows, by doubling: two halves that overlap."""
    best = np.where(np.isnan(values), -np.inf, values)
    reach = 1
    while reach < window:
        step = min(reach, window - reach)
        wider = best.copy()
        np.maximum(best[step:], best[:-step], out=wider[step:])
        best, reach = wider, reach + step
    return np.where(np.isneginf(best), np.nan, best)


def decayed(values: Floats, half_life: float) -> Floats:
    """Mean with weights halving every `half_life` known values; unknown ones do not count.

    Source: the "adjusted" exponential mean of pandas and polars, with missing values ignored.
    """
    keep = 0.5 ** (1 / half_life)
    known = ~np.isnan(values)
    decay = np.where(known, keep, 1.0)
    sums = np.stack([np.where(known, values, 0.0), known], axis=1)  # Of values, and of weights.
    for before, now, part in zip(sums, sums[1:], decay[1:], strict=False):
        now += before * part  # noqa: PLW2901 - a view: each row adds what it keeps of the last.
    return ratio(sums[:, 0], sums[:, 1])


def rows_since(happened: np.ndarray) -> Floats:
    """Rows since the last one on which something happened, 0 on it; NaN before the first."""
    row = np.arange(len(happened))[:, None]
    latest = np.maximum.accumulate(np.where(happened, row, -1), axis=0)
    return np.where(latest >= 0, row - latest, np.nan)


def run_length(flag: np.ndarray) -> Floats:
    """Rows in a row, up to each, on which the flag stood; 0 where it does not stand.

    >>> run_length(np.array([[True], [True], [False]])).ravel()
    array([1., 2., 0.])
    """
    since = rows_since(~flag)
    row = np.arange(1.0, len(flag) + 1)[:, None]
    return np.where(np.isnan(since), row, since)


@dataclass(frozen=True, slots=True)
class Line:
    """Running sums from which a straight line through any window follows."""

    rows: Running
    squares: Running
    products: Running
    values: Running

    @classmethod
    def of(cls, values: Floats, running: Running) -> "Line":
        """From a column and its running sums."""
        row = np.arange(len(values), dtype=np.float64)[:, None]
        at = np.where(np.isnan(values), np.nan, row)
        return cls(Running.of(at), Running.of(at**2), Running.of(row * values), running)

    def slope(self, window: int) -> Floats:
        """Least-squares change per row over the last `window` rows; NaN below 4 known values."""
        n, y = last(self.values.known, window), last(self.values.total, window)
        x, xx = last(self.rows.total, window), last(self.squares.total, window)
        xy = last(self.products.total, window)
        return ratio(n * xy - x * y, np.where(n >= 4, n * xx - x**2, 0.0))  # noqa: PLR2004


def sorted_windows(values: Floats, window: int) -> Floats:
    """The last `window` rows in rising order, (window, T, n); unknown values last, infinite.

    Two halves of a window are windows themselves, so each is sorted once and merged often; one
    comparison then serves all rows of all series.

    Source: Batcher, Sorting networks and their applications, AFIPS 1968 (odd-even merge).
    """
    filled = np.where(np.isnan(values), np.inf, values).astype(np.float32)
    ranks = _sorted(filled, window)
    return np.stack([rank for rank in ranks if rank is not None])


def _sorted(values: Floats, window: int) -> list[Column]:
    if window == 1:
        return [values]
    newer = _sorted(values, (window + 1) // 2)
    if window % 2 == 0:
        older = [_earlier(rank, window // 2) for rank in newer]
    else:
        older = [_earlier(rank, (window + 1) // 2) for rank in _sorted(values, window // 2)]
    return _merged(newer, older)


def _earlier(rank: Column, rows: int) -> Column:
    if rank is None:
        return None
    moved = np.full_like(rank, np.inf)
    moved[rows:] = rank[:-rows]
    return moved


def _merged(one: list[Column], two: list[Column]) -> list[Column]:
    """Merge two sorted lists of columns; both are padded to one power of two."""
    size = 1 << (max(len(one), len(two)) - 1).bit_length()
    ranks = one + [None] * (size - len(one)) + two + [None] * (size - len(two))
    _merge(ranks, 0, len(ranks), 1)
    return ranks[: len(one) + len(two)]


def _merge(ranks: list[Column], low: int, size: int, step: int) -> None:
    if 2 * step >= size:
        _in_order(ranks, low, low + step)
        return
    _merge(ranks, low, size, 2 * step)
    _merge(ranks, low + step, size, 2 * step)
    for place in range(low + step, low + size - step, 2 * step):
        _in_order(ranks, place, place + step)


def _in_order(ranks: list[Column], low: int, high: int) -> None:
    a, b = ranks[low], ranks[high]
    if b is None:
        return
    if a is None:
        ranks[low], ranks[high] = b, None
        return
    ranks[low], ranks[high] = np.minimum(a, b), np.maximum(a, b)


def quantile_of(stack: Floats, known: Floats, level: float) -> Floats:
    """The level's quantile of sorted windows, stacked, that hold `known` values each.

    Between two neighbours it is linear, as numpy's default is; NaN where nothing is known.
    """
    cells = stack[0].size
    flat = stack.reshape(-1)
    top = np.maximum(np.broadcast_to(known, stack.shape[1:]).reshape(-1) - 1, 0)
    place = top * level
    below = place.astype(np.int64)
    share = place - below
    at = below * cells + np.arange(cells)
    low = flat[at].astype(np.float64)
    low[np.isinf(low)] = np.nan  # Nothing is known.
    at += cells * (below < top)
    quantile: Floats = low + (flat[at] - low) * share
    return quantile.reshape(stack.shape[1:])


@dataclass(frozen=True, slots=True)
class Comb:
    """Sums over rows t, t - stride, t - 2 stride, ...: one weekday of several weeks."""

    total: Floats
    known: Floats

    @classmethod
    def of(cls, values: Floats, *, stride: int, count: int) -> "Comb":
        """Over `count` teeth."""
        known = ~np.isnan(values)
        return cls(
            _combed(np.where(known, values, 0.0), stride, count),
            _combed(known.astype(np.float64), stride, count),
        )

    @property
    def mean(self) -> Floats:
        """Mean of the known values; NaN where there is none."""
        return ratio(self.total, self.known)


def _combed(values: Floats, stride: int, count: int) -> Floats:
    total = values.copy()
    for rows in range(stride, min(stride * count, len(values)), stride):
        total[rows:] += values[:-rows]
    return total
