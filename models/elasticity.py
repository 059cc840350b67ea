"""How demand answers to price, learned from the prices of the past, where they say enough.

A Poisson regression of daily units on the logarithm of price, with the place, the weekday, a trend
and the season of the year held apart. A day counts for the share of it that was on sale. Left out,
days that sold out would take the best days of low prices along; as shares they do not bend the
figure, since when a count stops says nothing beyond the count and its time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import t as student

from inventory.clearance_price import LEVEL, Elasticity

PRICES_MIN = 3
"""Different prices: through two points any curve can be drawn."""

DAYS_PER_PRICE_MIN = 10
"""Days on sale before a price counts: two weekends, nearly."""

SPREAD_MIN = 1.05
"""Highest over lowest price: less cannot be told from the noise of sales."""

PRICE_GRID = 0.01
"""Prices closer than this share are one price."""

BLOCK_DAYS = 28
BLOCKS_MIN = 6
"""Errors of days in one block hang together, so blocks are what is counted."""

HALF_WIDTH_MAX = 1.5
"""A wider interval says nothing that could be acted on."""

YEAR_DAYS = 365.25
SEASON_FROM_DAYS = 330

UNTIMED_MAX = 0.01
"""Share of days that sold something and of which nobody knows how long they were on sale: more than
this would bend the figure."""

COLLINEAR = 0.97
"""Price and promotion that move together like this cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Learned:
    """An elasticity and what it rests on."""

    elasticity: Elasticity
    days: int
    prices: tuple[float, ...]
    """Prices with enough days, rising."""
    with_promotions: bool
    """Prices fell with promotions only: the effect of both is one figure."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why the history cannot say how demand answers to price."""

    reason: str
    days: int
    prices: tuple[float, ...]


def learn(history: pl.DataFrame) -> Learned | Unsupported:
    """The elasticity of one SKU from its days: columns location, date, units, price, in_stock,
    promotion (any of the last two may be null).

    The interval is that of a jackknife over blocks of `BLOCK_DAYS`, Student's t with as many
    degrees of freedom as blocks less one.

    Source
    ------
    Wooldridge, Econometric Analysis of Cross Section and Panel Data, 18.2 (Poisson quasi-maximum
    likelihood needs only the mean to be right). MacKinnon, Nielsen & Webb, Fast and reliable
    jackknife and bootstrap methods for cluster-robust inference, J. Applied Econometrics 38 (2023):
    with few clusters the jackknife holds its level where the usual formula does not. Berger &
    Wolpert, The Likelihood Principle (1988), 4.2: the rule by which a count stops leaves its
    likelihood as it is.
    """
    days = _usable(history)
    prices = _tried(days)
    untimed = _untimed(history)
    if (reason := _too_little(days, prices) or untimed) is not None:
        return Unsupported(reason, len(days), prices)
    promoted, together = _promotion(days)
    value, error, blocks = _fit(days, promoted)
    width = float(student.ppf((1 + LEVEL) / 2, blocks - 1)) * error
    low, high = value - width, value + width
    if not np.isfinite(width) or width > HALF_WIDTH_MAX:
        told = f"{low:.1f} to {high:.1f}" if np.isfinite(width) else "anything"
        return Unsupported(f"sales say too little: it may be {told}", len(days), prices)
    if high >= 0:
        reason = f"no effect of price can be told from none: {low:.1f} to {high:.1f}"
        return Unsupported(reason, len(days), prices)
    return Learned(Elasticity(value, low, high), len(days), prices, together)


def _usable(history: pl.DataFrame) -> pl.DataFrame:
    """Days with a price of which some was on sale, with that share as in_stock."""
    return (
        history.with_columns(pl.col("in_stock").fill_null(1.0).clip(0, 1))
        .filter(pl.col("units").is_not_null(), pl.col("price") > 0, pl.col("in_stock") > 0)
        .sort("location", "date")
    )


def _untimed(history: pl.DataFrame) -> str | None:
    """What to say where too many days sold out, and nobody knows when."""
    sold = history.filter(pl.col("units") > 0, pl.col("price") > 0)
    blind = (sold["in_stock"].fill_null(1.0) <= 0).sum()
    if blind <= UNTIMED_MAX * len(sold):
        return None
    return (
        f"{blind} days that sold are on record without time on sale; give in_stock as the share "
        "of the day"
    )


def _tried(days: pl.DataFrame) -> tuple[float, ...]:
    """Prices with enough days, to a per cent."""
    found = (
        days.with_columns((pl.col("price").log() / np.log1p(PRICE_GRID)).round().alias("step"))
        .group_by("step")
        .agg(pl.col("price").median(), pl.len().alias("days"))
        .filter(pl.col("days") >= DAYS_PER_PRICE_MIN)
        .sort("price")
    )
    return tuple(found["price"].to_list())


def _too_little(days: pl.DataFrame, prices: Sequence[float]) -> str | None:
    if len(prices) < PRICES_MIN:
        return (
            f"only {len(prices)} prices were on sale for {DAYS_PER_PRICE_MIN} days or more; "
            f"{PRICES_MIN} are needed"
        )
    if prices[-1] < SPREAD_MIN * prices[0]:
        return f"prices differed by {prices[-1] / prices[0] - 1:.0%} at most; 5% is needed"
    if days["units"].sum() <= 0:
        return "nothing was sold"
    blocks = _blocks(days)
    if blocks.max() + 1 < BLOCKS_MIN:
        return f"{len(set(blocks))} months of sales; {BLOCKS_MIN} are needed"
    return None


def _blocks(days: pl.DataFrame) -> np.ndarray:
    """The block of each day, all places together: prices change everywhere at once."""
    since = (days["date"] - days["date"].min()).dt.total_days().to_numpy()
    blocks: np.ndarray = since // BLOCK_DAYS
    return blocks


def _promotion(days: pl.DataFrame) -> tuple[np.ndarray | None, bool]:
    """Whether a promotion ran, where that can be told from the price; and if it cannot."""
    flag = (days["promotion"].fill_null(0.0) > 0).to_numpy().astype(float)
    if flag.std() == 0:
        return None, False
    log_price = np.log(days["price"].to_numpy())
    if abs(np.corrcoef(flag, log_price)[0, 1]) > COLLINEAR:
        return None, True
    return flag, False


def _fit(days: pl.DataFrame, promoted: np.ndarray | None) -> tuple[float, float, int]:
    """Elasticity, its standard error, and the number of blocks."""
    columns, units = _design(days, promoted), days["units"].to_numpy().astype(float)
    exposure, blocks = days["in_stock"].to_numpy(), _blocks(days)
    value = _elasticity(columns, units, exposure)
    without = []
    for block in np.unique(blocks):
        kept = blocks != block
        told = columns[kept][:, columns[kept].any(axis=0)]
        without.append(_elasticity(told, units[kept], exposure[kept]))
    count = len(without)
    error = math.sqrt((count - 1) / count * float(np.square(np.array(without) - value).sum()))
    return value, error, count


def _design(days: pl.DataFrame, promoted: np.ndarray | None) -> np.ndarray:
    """Regressors of each day, the logarithm of price first."""
    since = (days["date"] - days["date"].min()).dt.total_days().to_numpy().astype(float)
    span = max(since.max(), 1.0)
    weekday = days["date"].dt.weekday().to_numpy()
    columns = [np.log(days["price"].to_numpy()), since / span]
    columns += [(weekday == day).astype(float) for day in range(2, 8) if (weekday == day).any()]
    columns += [(days["location"] == at).to_numpy().astype(float)
                for at in days["location"].unique().sort()]  # fmt: skip
    if span >= SEASON_FROM_DAYS:
        columns += [np.sin(2 * np.pi * since / YEAR_DAYS), np.cos(2 * np.pi * since / YEAR_DAYS)]
    if promoted is not None:
        columns.append(promoted)
    return np.stack(columns, axis=1)


def _elasticity(columns: np.ndarray, units: np.ndarray, exposure: np.ndarray) -> float:
    import statsmodels.api as sm

    fitted = sm.GLM(units, columns, family=sm.families.Poisson(), exposure=exposure).fit()
    return float(fitted.params[0])
