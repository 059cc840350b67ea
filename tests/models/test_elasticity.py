"""Elasticities of shops whose elasticity is known, and histories that cannot say."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from models.elasticity import Learned, Unsupported, learn

PRICES = (10.0, 9.0, 8.0, 11.0)


def shop(seed, *, elasticity=-2.0, days=400, places=2, prices=PRICES, rate=12.0, clumpy=0.0,
         promotions=False):  # fmt: skip
    """Two places, prices that change every two weeks, weekday rhythm, trend and season."""
    rng = np.random.default_rng(seed)
    price = np.repeat(rng.choice(prices, days // 14 + 1), 14)[:days]
    n = np.arange(days)
    mean = rate * (price / 10) ** elasticity * (1 + 0.3 * (n % 7 >= 5)) * (1 + 0.2 * n / days)
    mean = mean * (1 + 0.2 * np.sin(2 * np.pi * n / 365.25))
    rows = []
    for place in range(places):
        noise = rng.gamma(1 / clumpy, clumpy, days) if clumpy else np.ones(days)
        rows.append(pl.DataFrame({
            "location": [f"S{place}"] * days,
            "date": [date(2025, 1, 1) + timedelta(days=int(k)) for k in n],
            "units": rng.poisson(mean * noise * (1 + place)).astype(float),
            "price": price,
            "in_stock": np.ones(days),
            "promotion": (price < 9).astype(float) if promotions else np.zeros(days),
        }))  # fmt: skip
    return pl.concat(rows)


@pytest.mark.parametrize("elasticity", [-1.2, -3.0])
def test_intervals_hold_the_truth_as_often_as_they_say(elasticity):
    """Nine in ten of forty shops, give or take what chance does: 31 with chance over 0.99."""
    learned = [learn(shop(seed, elasticity=elasticity, clumpy=0.2)) for seed in range(40)]
    known = [found.elasticity for found in learned if isinstance(found, Learned)]
    assert len(known) >= 36
    assert sum(e.low <= elasticity <= e.high for e in known) >= 0.78 * len(known)
    assert np.mean([e.value for e in known]) == pytest.approx(elasticity, abs=0.12)


def test_days_without_stock_do_not_count():
    """Half of what was wanted at the lowest price was not there: taken at its word, demand would
    seem to answer less.
    """
    full = shop(1)
    short = pl.col("price") == min(PRICES)
    cut = full.with_columns(
        pl.when(short).then(pl.col("units") / 2).otherwise("units").alias("units"),
        pl.when(short & (pl.col("location") == "S0")).then(0.5).otherwise(1.0).alias("in_stock"),
    ).filter(~(short & (pl.col("location") == "S1")))
    found = learn(cut)
    assert isinstance(found, Learned)
    assert found.elasticity.value == pytest.approx(learn(full.filter(~short)).elasticity.value)


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (shop(0, prices=(10.0,)), "only 1 prices"),
        (shop(0, prices=(10.0, 9.0)), "only 2 prices"),
        (shop(0, prices=(10.0, 10.1, 10.2)), "differed by 2%"),
        (shop(0, days=120), "months of sales"),
        (shop(0, elasticity=0.0), "told from none"),
        (shop(0, rate=0.0), "nothing was sold"),
        (shop(3, rate=0.004), "say too little"),
    ],
    ids=["one price", "two prices", "alike", "short", "no effect", "no sales", "few sales"],
)
def test_a_history_that_cannot_say_is_told_why(history, reason):
    found = learn(history)
    assert isinstance(found, Unsupported)
    assert reason in found.reason


def test_promotions_and_prices_that_move_together_are_one_effect():
    both = shop(2, prices=(10.0, 10.01, 7.0, 7.1, 7.4), promotions=True)
    alone = shop(2, promotions=False)
    assert learn(both).with_promotions
    assert not learn(alone).with_promotions
