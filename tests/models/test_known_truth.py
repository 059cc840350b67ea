"""The whole ensemble where the truth is known: demand drawn from distributions that we chose.

Daily and weekly, short and long, few series and many, without a word of tuning in between.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import nbinom

from features.frame import Panel
from inventory.demand import LEVELS
from models.ensemble import Ensemble
from models.members import members_of

L = np.array(LEVELS)
WEEK = np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.5, 0.8])
SIZE = 3.0
"""Of the negative binomial: variance is mean + mean² / 3."""
FUTURES = 400
YEARS_SHOWN = 2

SHAPES = {
    "daily, short, many": (1, 70, 300, 14),
    "daily, long, few": (1, 800, 30, 28),
    "weekly, three years": (7, 150, 100, 8),
    "weekly, half a year": (7, 26, 60, 4),
}


def drawn(period_days, periods, series, horizon, seed=0):
    """A panel, the true mean of each period ahead (N, H), and possible futures (N, H, S)."""
    rng = np.random.default_rng(seed)
    t = np.arange(periods + horizon)
    # A season of the year that the history has not shown twice is not to be known.
    swing = 0.3 if periods >= YEARS_SHOWN * 52 else 0.0
    season = WEEK[t % 7] if period_days == 1 else 1 + swing * np.sin(2 * np.pi * t / 52)
    level = rng.gamma(2.0, 6.0, series) + 1
    mean = level[:, None] * season
    units = rng.negative_binomial(SIZE, SIZE / (SIZE + mean)).astype(float)
    start = date(2023, 1, 2)
    days = [start + timedelta(days=int(i) * period_days) for i in range(periods)]
    history = pl.concat(
        pl.DataFrame({"sku": f"s{i:04d}", "location": "x", "date": days,
                      "units": units[i, :periods], "in_stock": 1.0})
        for i in range(series)
    )  # fmt: skip
    ahead = mean[:, periods:]
    chance = (SIZE / (SIZE + ahead))[..., None]
    futures = rng.negative_binomial(SIZE, chance, size=(*ahead.shape, FUTURES))
    empty = history.head(0).select("sku", "location", "date")
    return Panel(history=history, future=empty, period_days=period_days), ahead, futures


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_quantiles_cover_as_they_say_for_periods_and_for_sums(shape):
    horizon = shape[-1]
    panel, ahead, futures = drawn(*shape)
    fitted = Ensemble(members_of("full", seed=1, threads=1)).fit(panel, horizon=horizon)
    said = fitted.predict(panel, horizon=horizon, levels=L)
    for level in (0.5, 0.95, 0.99):
        quantile = said.day_quantiles_units(level)
        reached = nbinom.cdf(quantile, SIZE, SIZE / (SIZE + ahead)).mean()
        tolerance = 0.08 if level == 0.5 else 0.025
        assert reached == pytest.approx(level, abs=tolerance), f"periods at {level}"
    for periods in (horizon // 2, horizon):
        sums = futures[:, :periods].sum(axis=1)
        quantiles = said.window_quantiles_units(np.array([0.95, 0.99]), periods=periods)
        for q, level in zip(quantiles.T, (0.95, 0.99), strict=True):
            covered = (sums <= q[:, None]).mean()
            assert covered == pytest.approx(level, abs=0.035), f"{periods} periods at {level}"
    bias = said.mean_units.sum() / ahead.sum() - 1
    assert abs(bias) < 0.06
