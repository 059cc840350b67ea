"""What each row was expected to sell: from what was known before it, and its neighbours that day.

Three sources, each read through the share of demand that was seen on sale, so that an hour without
stock counts neither as zero nor at all:

    own level        Σ w · sales / Σ w · share seen, w halving every `LEVEL_HALF_LIFE` periods
    own weekday      the same ratio over this weekday's past, against the level
    neighbours       how the same SKU sold elsewhere, and the same shelf's other SKUs, on this very
                     day against what each of them was expected to sell

Nothing reads a later row, and a row never reads its own sales: the expectation of a day in a
backtest is the one that could have been had that night. How far a day's demand strays from what
was expected is estimated from the panel's own days in stock, again from earlier days only.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import gammaln

from features.frame import DATE, IN_STOCK, LOCATION, SKU, UNITS
from inventory.demand import Floats

LEVEL_HALF_LIFE = 14
"""Periods after which a day counts half in the level."""
LEVEL_PERIODS_MAX = 2 * LEVEL_HALF_LIFE / np.log(2)
"""Equally weighed periods that such a memory is worth."""

WEEKDAY_PRIOR_UNITS = 20.0
NEIGHBOUR_PRIOR_UNITS = 30.0
"""Units of expected demand that a ratio of one is worth: below that, chance explains a ratio. With
them, and the half-life above, the deviance of in-stock days of 40 whole FreshRetail stores falls
from 2.47 (level alone) to 1.87; it is flat from half to twice each value. Days before the last
two windows only."""

ROUNDS = 2
"""Further rounds move the estimate by less than 1 %."""

SHAPES = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 32.0])
"""Gamma shapes to choose from, of a day's demand about its expectation."""
SHAPE_DEFAULT = 2.0
"""Where the panel has no days to learn from: a standard deviation of 70 %."""
SHAPE_PRIOR_ROWS = 20
"""Rows that outweigh the default."""
SHAPE_ROWS_PER_DAY = 1_000
"""More rows of one day add nothing but time."""
STRAY_MAX = 10.0
"""Demand beyond ten times what was expected is an outlier, and says nothing of the usual spread."""
FIXED_POINT = 2.0**-10
"""Units; sums up to 2⁵³ of them stay exact."""
SEEN_MIN = 0.01
"""A share below this is none: what sold in it, divided by it, could be anything."""
EXPECTED_UNITS_MIN = 0.01
FULL_SHARE = 0.999
"""A share on sale from here on counts as on sale throughout; shares come from divisions."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Of each history row, (n,): a gamma prior of its demand, and what was seen of it.

    mean_units : expected demand; NaN on the first rows of a series.
    shape : gamma shape about that mean; the smaller, the less it is worth.
    seen : share of the row's demand that fell into time on sale; NaN where nothing was recorded.
    units : recorded sales, NaN where none were.
    """

    mean_units: Floats
    shape: Floats
    seen: Floats
    units: Floats

    @property
    def rate_units(self) -> Floats:
        """Demand of a whole period at the rate seen: the mean of the gamma posterior.

        An empty shelf stops the count when the last unit sells, and a stopped Poisson count has
        the same likelihood as one over a fixed time, λˢ · exp(−λ · seen). So sold-out days need no
        further correction:

            λ | s units in share p  ~  Gamma(shape + s, shape / mean + p)

        Source: Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6 (Poisson with exposure)
        and 8.1 (stopping rules).
        """
        shape, seen = self._shape_seen()
        rate: Floats = (shape + np.nan_to_num(self.units)) / (shape / self.mean_units + seen)
        return rate

    @property
    def unseen_units(self) -> Floats:
        """Expected demand of the time off sale: what was lost."""
        _, seen = self._shape_seen()
        unseen: Floats = (1.0 - seen) * self.rate_units
        return unseen

    @property
    def unseen_variance(self) -> Floats:
        """Its variance: that of the negative binomial which the posterior implies."""
        shape, _ = self._shape_seen()
        unseen = self.unseen_units
        variance: Floats = unseen + unseen**2 / (shape + np.nan_to_num(self.units))
        return variance

    def _shape_seen(self) -> tuple[Floats, Floats]:
        return self.shape, np.nan_to_num(self.seen)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Codes of each history row, (n,): what it belongs to."""

    series: np.ndarray
    day: np.ndarray
    weekday: np.ndarray
    sku_day: np.ndarray
    location_day: np.ndarray

    @classmethod
    def of(cls, history: pl.DataFrame) -> "_Rows":
        days = history.get_column(DATE).to_physical().to_numpy().astype(np.int64)
        day = days - days.min() if len(days) else days
        span = int(day.max()) + 1 if len(day) else 1
        sku, location = (
            history.get_column(c).cast(pl.Categorical).to_physical().to_numpy().astype(np.int64)
            for c in (SKU, LOCATION)
        )
        starts = np.ones(len(day), dtype=bool)
        starts[1:] = (sku[1:] != sku[:-1]) | (location[1:] != location[:-1])
        series = np.cumsum(starts) - 1
        # A categorical's codes may come from a shared pool: numbered anew, without gaps.
        sku_day, location_day = (
            np.unique(code[starts], return_inverse=True)[1][series] * span + day
            for code in (sku, location)
        )
        return cls(series, day, days % 7, sku_day, location_day)


def expected(history: pl.DataFrame) -> Expected:
    """The expectation of every row of a history sorted by series and date.

    The level starts as sales over share seen. That ratio is too low where days differ, as the best
    days are cut shortest; so it is then made anew, `ROUNDS` times, from the posterior rates of the
    days before (the fixed point of the likelihood, by expectation and maximisation).
    """
    units = history.get_column(UNITS).cast(pl.Float64).fill_null(np.nan).to_numpy()
    share = history.get_column(IN_STOCK).cast(pl.Float64).fill_null(1.0).to_numpy()
    seen = np.where(share < SEEN_MIN, 0.0, np.clip(share, 0.0, 1.0))
    seen = np.where(np.isnan(units), np.nan, seen)
    rows = _Rows.of(history)
    periods = np.minimum(_before(rows.series, np.nan_to_num(seen)), LEVEL_PERIODS_MAX)
    level = _ratio(_smooth(rows, units), _smooth(rows, seen))
    found = _around(rows, units, seen, level, periods)
    for _ in range(ROUNDS if (seen < FULL_SHARE).any() else 0):
        rate = found.rate_units * _ratio(level, found.mean_units)
        level = _smooth(rows, np.where(np.isnan(rate), _ratio(units, seen), rate))
        found = _around(rows, units, seen, level, periods)
    return found


def _around(rows: _Rows, units: Floats, seen: Floats, level: Floats, periods: Floats) -> Expected:
    """The expectation that a level leads to: with weekday, neighbours and spread."""
    level = np.where(np.isfinite(level), np.maximum(level, EXPECTED_UNITS_MIN), np.nan)
    mean = level
    if len(np.unique(rows.weekday)) > 1:
        mean = mean * _weekday_ratio(rows, units, seen, mean)
    shape = _shape_by_day(rows, units, seen, mean)[rows.day]
    for group in (rows.sku_day, rows.location_day):
        mean = mean * _neighbour_ratio(group, units, seen, mean, shape)
    mean = np.maximum(mean, EXPECTED_UNITS_MIN)
    shape = _shape_by_day(rows, units, seen, mean)[rows.day]
    # The level is itself an estimate from a few periods and units.
    doubt = (1.0 + 1.0 / np.maximum(periods, 1e-9)) / shape + 1.0 / (periods * mean + 1.0)
    return Expected(mean, 1.0 / doubt, seen, units)


def _smooth(rows: _Rows, values: Floats) -> Floats:
    """Weighed mean of the values of a series before each row; NaN before the first."""
    frame = pl.DataFrame({"series": rows.series, "value": values}).fill_nan(None)
    smooth = pl.col("value").ewm_mean(half_life=LEVEL_HALF_LIFE, ignore_nulls=True)
    mean = smooth.forward_fill().shift(1).over("series").fill_null(np.nan)
    return frame.select(mean).to_series().to_numpy()


def _ratio(above: Floats, below: Floats) -> Floats:
    """The quotient; NaN where there is nothing to divide by."""
    quotient: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return quotient


def _before(series: np.ndarray, values: Floats) -> Floats:
    """Sum of the values of the same series before each row, in steps of `FIXED_POINT`.

    Whole numbers: a difference of running totals of floats would carry the rounding of later rows.
    """
    total = np.concatenate([[0], np.cumsum(np.rint(values / FIXED_POINT).astype(np.int64))])
    before: Floats = (total[:-1] - total[_first(series)]) * FIXED_POINT
    return before


def _first(series: np.ndarray) -> np.ndarray:
    """Of each row, the number of the first row of its series."""
    starts = np.zeros(len(series), dtype=np.int64)
    at = np.flatnonzero(series[1:] != series[:-1]) + 1
    starts[at] = at
    return np.maximum.accumulate(starts)


def _weekday_ratio(rows: _Rows, units: Floats, seen: Floats, mean: Floats) -> Floats:
    """How this weekday sold so far, against the level it was expected to sell at."""
    known = ~np.isnan(mean)
    sold, due = _sold_and_due(units, seen, mean)
    ratio = np.ones(len(units))
    for weekday in range(7):
        at = np.flatnonzero(rows.weekday == weekday)
        series = rows.series[at]
        past_sold, past_due = _before(series, sold[at]), _before(series, due[at])
        ratio[at] = (WEEKDAY_PRIOR_UNITS + past_sold) / (WEEKDAY_PRIOR_UNITS + past_due)
    return np.where(known, ratio, 1.0)


def _sold_and_due(units: Floats, seen: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Units sold, and units that were to be expected in the time on sale; zero where unknown."""
    known = ~np.isnan(mean) & ~np.isnan(units)
    return np.where(known, units, 0.0), np.where(known, seen * mean, 0.0)


def _neighbour_ratio(
    group: np.ndarray, units: Floats, seen: Floats, mean: Floats, shape: Floats
) -> Floats:
    """How the other rows of the group sold against expectation, shrunk towards one.

    Days of one SKU differ by more than chance, so a group of large sellers is worth no more than
    its count says: its units are damped by 1 + mean units / shape.
    """
    sold, due = _sold_and_due(units, seen, mean)
    bins = int(group.max()) + 1 if len(group) else 0
    all_sold, all_due = (np.bincount(group, v, minlength=bins)[group] for v in (sold, due))
    members = np.bincount(group, minlength=bins)[group]
    damped = 1.0 / (1.0 + all_due / members / shape)
    prior = NEIGHBOUR_PRIOR_UNITS
    # Differences of sums can come out a rounding error below zero.
    others_sold, others_due = np.maximum(all_sold - sold, 0.0), np.maximum(all_due - due, 0.0)
    ratio: Floats = (prior + damped * others_sold) / (prior + damped * others_due)
    return ratio


def _thinned(chosen: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Of each day's rows every n-th, in order: about `SHAPE_ROWS_PER_DAY`.

    How many there are on other days plays no part, or a row would depend on later ones.
    """
    order = np.argsort(day[chosen], kind="stable")
    sorted_day = day[chosen][order]
    count = np.bincount(sorted_day, minlength=1)
    place = np.arange(len(order)) - (np.cumsum(count) - count)[sorted_day]
    kept = place % (1 + count[sorted_day] // SHAPE_ROWS_PER_DAY) == 0
    return np.sort(chosen[order[kept]])


def _shape_by_day(rows: _Rows, units: Floats, seen: Floats, mean: Floats) -> Floats:
    """Gamma shape as known on the eve of each day, (days,): the likeliest of `SHAPES` so far.

    Sold-out days take part, for those in stock are the calm ones. Up to constants the chance of s
    units in share p is  Γ(k + s) / Γ(k) · (k / mean)ᵏ / (k / mean + p)ᵏ⁺ˢ.
    """
    usable = _thinned(np.flatnonzero((seen > 0) & (mean > 0)), rows.day)
    m, p = mean[usable], seen[usable]
    s = np.minimum(units[usable], STRAY_MAX * (m + 1))
    days = int(rows.day.max()) + 1 if len(rows.day) else 1
    ratio = SHAPES[:, None] / m
    logs = gammaln(SHAPES[:, None] + s) - gammaln(SHAPES)[:, None]
    logs += SHAPES[:, None] * np.log(ratio) - (SHAPES[:, None] + s) * np.log(ratio + p)
    at = rows.day[usable]
    by_day = np.stack([np.bincount(at, row, minlength=days) for row in logs]).astype(float)
    before = np.cumsum(by_day, axis=1) - by_day
    before -= SHAPE_PRIOR_ROWS * 0.05 * np.log(SHAPES / SHAPE_DEFAULT)[:, None] ** 2
    shape: Floats = SHAPES[np.argmax(before, axis=0)]
    return shape
