"""What the calendar and the covariates explain of a series; the rest is for the ARIMA errors.

Demand is put on a scale where its spread does not grow with its level (square root or logarithm,
whichever makes the series likelier), then regressed on weekdays, Fourier terms of the month and the
year, the same period a year before, the covariates and the shadows that events cast beside them.
Coefficients lean on what is usual in the panel: see `models.pooled`.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats
from models import pooled
from models.pooled import Evidence, Prior, squares_of

YEARS_MIN_FOR_SEASON = 1.5
"""Years of history from which a yearly wave can be told from a trend."""

THURSDAY = 3
"""The weekday of 1 January 1970, from which numpy counts days; Monday is 0."""

YEAR_WAVES = 3

YEAR_BEFORE_MAX = 2.0
"""Bound of last year's deviation, a logarithm: a factor of seven."""

MONTH_WAVES = 2
PERIODS_MIN_FOR_MONTH = 180
"""Periods from which the days of a month, and what comes before and after an event, can be told
from chance: six months of days."""

SPREAD_MIN = 1e-6
"""A column that varies less than this explains nothing: rounding, not information."""

OUTLIER_DEVIATIONS = 6.0
"""Values further from what was expected are pulled in before the second solution."""

DEGREES_SHARE_MAX = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a panel says of its columns: all that solving one series needs of the others.

    lowest, highest, deviation : (K,), of the columns over all known periods; columns ahead are
    bounded to what was seen. priors : for the square root and the logarithm, over the columns that
    vary, in deviations, relative to the level of a series where the scale is the square root.
    """

    lowest: Floats
    highest: Floats
    deviation: Floats
    priors: tuple[Prior, Prior]

    @property
    def telling(self) -> NDArray[np.bool_]:
        """Columns that vary at all."""
        return np.asarray(self.deviation > SPREAD_MIN)


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """What the columns say of each series.

    logarithm : (N,), its scale. fitted : (N, T + H), on that scale. used : (N,), the share of its
    known periods that the coefficients have used up.
    """

    logarithm: NDArray[np.bool_]
    fitted: Floats
    used: Floats


def calendar_columns(days: list[date], *, period_days: int, yearly: bool, monthly: bool) -> Floats:
    """Columns (T, K) that a date alone gives: six weekdays if daily, and Fourier terms as asked."""
    columns: list[Floats] = [np.empty((len(days), 0))]
    middle = np.array(days, dtype="datetime64[h]") + 12 * (period_days - 1)
    if period_days == 1:
        weekday = (middle.astype("datetime64[D]").astype(np.int64) + THURSDAY) % 7
        columns.append((weekday[:, None] == np.arange(6)) - 1 / 7)
    if yearly:
        columns.append(_fourier(middle, "Y", YEAR_WAVES))
    if monthly and period_days == 1:
        columns.append(_fourier(middle, "M", MONTH_WAVES))
    return np.concatenate(columns, axis=1)


def _fourier(middle: NDArray[np.datetime64], cycle: str, waves: int) -> Floats:
    """Sines and cosines (T, 2 · waves) of the middle of each period within its year or month.

    cycle : "Y" or "M". What `CalendarFourier` of statsmodels returns, in a fraction of its time:
    forecasts on demand wait for it.
    """
    cycles = middle.astype(f"datetime64[{cycle}]")
    start, end = (edge.astype("datetime64[h]") for edge in (cycles, cycles + 1))
    turn = 2 * np.pi * ((middle - start) / (end - start))
    angles = turn[:, None] * np.arange(1, waves + 1)
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(len(middle), 2 * waves)


def with_shadows(columns: Floats, events: Floats) -> Floats:
    """Columns (N, T, K) and, after them, the events (N, T, E) of the period before and after."""
    beside = np.pad(events, ((0, 0), (1, 1), (0, 0)), mode="edge")
    return np.concatenate([columns, beside[:, :-2], beside[:, 2:]], axis=2)


def year_before(demand_units: Floats, *, year: int, periods: int) -> Floats:
    """What sold a year before each of `periods` periods (N, T + H), against the series' level.

    A logarithm, so that the peak of a feast is the same for all sizes; zero where nothing is known.
    """
    known = ~np.isnan(demand_units)
    units = np.where(known, demand_units, 0.0)
    level = units.sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True).clip(min=1)
    relative = np.where(known, np.log((units + 1) / (level + 1)), 0.0)
    found = np.zeros((len(units), periods))
    seen = min(units.shape[1], periods - year)
    if seen > 0:
        found[:, year : year + seen] = relative[:, :seen]
    return found.clip(-YEAR_BEFORE_MAX, YEAR_BEFORE_MAX)


def to_scale(units: Floats, logarithm: NDArray[np.bool_]) -> Floats:
    """Transform (N, ...) units row by row: log(1 + y), or √(y + 3/8), Anscombe's for counts."""
    chosen = logarithm.reshape(-1, *[1] * (units.ndim - 1))
    return np.where(chosen, np.log1p(units), np.sqrt(units + 0.375))


def from_scale(values: Floats, logarithm: NDArray[np.bool_]) -> Floats:
    """Back to units, never negative; below the transform of zero, demand is zero."""
    chosen = logarithm.reshape(-1, *[1] * (values.ndim - 1))
    power = np.maximum(values, 0.0) ** 2 - 0.375
    return np.maximum(np.where(chosen, np.expm1(np.minimum(values, 40.0)), power), 0.0)


def learn(demand_units: Floats, columns: Floats) -> Learned:
    """What is usual among series, (N, T) with NaN where unknown, with columns (N, T, K)."""
    known = ~np.isnan(demand_units)
    seen = columns[known]
    if not len(seen):
        seen = np.zeros((1, columns.shape[2]))
    lowest, highest = seen.min(axis=0).astype(np.float64), seen.max(axis=0).astype(np.float64)
    start = Learned(lowest, highest, np.ones(len(lowest)), (_nothing(0), _nothing(0)))
    x = _centred(columns, known, start)
    squared = np.einsum("ntk,nt->k", x**2, known) / max(1, known.sum())
    learned = replace(start, deviation=np.sqrt(squared))
    x = _unit(x, learned)
    squares = squares_of(x, known)
    targets = (_target(demand_units, logarithm=logarithm)[0] for logarithm in (False, True))
    root, log = (pooled.learn(Evidence.of(y, x, known, squares=squares)) for y in targets)
    return replace(learned, priors=(root, log))


def explain(demand_units: Floats, columns: Floats, learned: Learned) -> Explained:
    """Solve every series, (N, T) with columns (N, T + H, K), on the likelier of its two scales."""
    known = ~np.isnan(demand_units)
    x = _unit(_centred(columns, known, learned), learned)
    squares = squares_of(x[:, : known.shape[1]], known)
    root, log = (
        _explain_on(demand_units, x, squares, prior, logarithm=logarithm)
        for logarithm, prior in zip((False, True), learned.priors, strict=True)
    )
    chosen = log[2] > root[2]
    return Explained(
        logarithm=chosen,
        fitted=np.where(chosen[:, None], log[0], root[0]),
        used=np.where(chosen, log[1], root[1]),
    )


def _explain_on(
    demand_units: Floats, x: Floats, squares: Floats, prior: Prior, *, logarithm: bool
) -> tuple[Floats, Floats, Floats]:
    """Fitted values (N, T + H), share of periods used and likelihood per period (N,)."""
    known = ~np.isnan(demand_units)
    past = x[:, : known.shape[1]]
    y, level, size = _target(demand_units, logarithm=logarithm)
    evidence = Evidence.of(y, past, known, squares=squares)
    solved = pooled.settle(evidence, prior)
    expected = (past @ solved.coefficients[:, :, None])[:, :, 0]
    tame = _tamed(y, expected, known)
    moved = np.where(known, tame, 0.0).sum(axis=1) / known.sum(axis=1).clip(min=1)
    tamed = Evidence.of(tame - moved[:, None], past, known, squares=squares)
    evidence = replace(evidence, products=tamed.products)
    solved = pooled.solve(evidence, prior, solved.noise)
    fitted = (x @ solved.coefficients[:, :, None])[:, :, 0] + moved[:, None]
    units = np.where(known, demand_units, 0.0)
    slope = -np.log1p(units) if logarithm else -0.5 * np.log(4 * (units + 0.375))
    counted = known.sum(axis=1).clip(min=1)
    jacobian = np.where(known, slope, 0.0).sum(axis=1) / counted
    likelihood = jacobian - 0.5 * np.log(solved.noise * size**2)
    used = (solved.degrees / counted).clip(max=DEGREES_SHARE_MAX)
    return level[:, None] + fitted * size[:, None], used, likelihood


def _target(demand_units: Floats, *, logarithm: bool) -> tuple[Floats, Floats, Floats]:
    """Targets (N, T) around each series' level, NaN where unknown; levels and sizes (N,).

    An effect of a tenth is a tenth of the level's root, and a step of the same size on the
    logarithm: dividing roots by their level makes series of all sizes comparable.
    """
    values = to_scale(demand_units, np.full(len(demand_units), logarithm))
    known = ~np.isnan(values)
    level = np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1).clip(min=1)
    size = np.ones(len(level)) if logarithm else np.where(known.any(axis=1), level, 1.0)
    return (values - level[:, None]) / size[:, None], level, size


def _tamed(y: Floats, expected: Floats, known: NDArray[np.bool_]) -> Floats:
    """Values within `OUTLIER_DEVIATIONS` robust deviations of what was expected."""
    miss = np.where(known, y - expected, np.nan)
    counted = known.sum(axis=1).clip(min=1)
    ordered = np.sort(np.abs(miss), axis=1)
    middle = np.take_along_axis(ordered, ((counted - 1) // 2)[:, None], axis=1)
    squared = (np.where(known, miss, 0.0) ** 2).sum(axis=1, keepdims=True) / counted[:, None]
    spread = np.maximum(1.4826 * np.nan_to_num(middle), 0.5 * np.sqrt(squared))
    bound = OUTLIER_DEVIATIONS * spread
    return np.where(known, expected + np.clip(miss, -bound, bound), y)


def _centred(columns: Floats, known: NDArray[np.bool_], learned: Learned) -> Floats:
    """Columns within what was seen, minus their mean over the series' known periods."""
    T = known.shape[1]
    seen = columns.clip(learned.lowest, learned.highest).astype(np.float64)
    counted = known.sum(axis=1).clip(min=1)
    centre = (known[:, None, :] @ seen[:, :T])[:, 0] / counted[:, None]
    return np.asarray(seen - centre[:, None, :])


def _unit(centred: Floats, learned: Learned) -> Floats:
    """Only the columns that vary, in deviations."""
    telling = learned.telling
    return np.asarray(centred[:, :, telling] / learned.deviation[telling])


def _nothing(columns: int) -> Prior:
    return Prior(np.zeros(columns), np.ones(columns))
