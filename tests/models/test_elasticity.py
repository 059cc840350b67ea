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


def sold_out(full, seed, *, stock):
    """The same shop with so many units on the shelf each morning: customers come at even times, and
    a day ends when the shelf is empty.
    """
    rng = np.random.default_rng(seed)
    wanted = full["units"].to_numpy().astype(int)
    share = np.ones(len(full))
    over = np.flatnonzero(wanted >= stock)
    # The last unit goes at the stock-th of so many evenly spread moments.
    share[over] = rng.beta(stock, wanted[over] - stock + 1)
    return full.with_columns(
        pl.Series("units", np.minimum(wanted, stock).astype(float)), pl.Series("in_stock", share)
    )


@pytest.mark.parametrize("stock", [34, 20])
def test_shelves_that_sold_out_do_not_bend_the_figure(stock):
    """Six and fifty days of a hundred sell out: left out, they make it seem −1.9 and −1.1."""
    found = [
        learn(sold_out(shop(seed, places=1, rate=14), seed, stock=stock)) for seed in range(20)
    ]
    known = [each.elasticity for each in found if isinstance(each, Learned)]
    assert len(known) >= 18
    assert np.mean([e.value for e in known]) == pytest.approx(-2, abs=0.1)
    assert sum(e.low <= -2 <= e.high for e in known) >= 0.75 * len(known)


def test_days_that_sold_out_at_a_moment_nobody_knows_are_refused():
    full = sold_out(shop(1, places=1), 1, stock=20)
    untimed = full.with_columns(pl.when(pl.col("in_stock") < 1).then(0.0).otherwise(1.0)
                                .alias("in_stock"))  # fmt: skip
    found = learn(untimed)
    assert isinstance(found, Unsupported)
    assert "without time on sale" in found.reason


def test_days_without_any_stock_say_nothing():
    full = shop(1)
    empty = full.with_columns(pl.lit(0.0).alias("units"), pl.lit(0.0).alias("in_stock"))
    both = pl.concat([full, empty.with_columns(pl.col("date").dt.offset_by("2y"))])
    assert learn(both).elasticity.value == pytest.approx(learn(full).elasticity.value)


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
