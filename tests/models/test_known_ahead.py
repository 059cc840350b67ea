"""Covariates line up with the history, and silence is filled by what is usual."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from features.frame import Panel
from models.known_ahead import closed_periods, covariate_names, covariates

START = date(2024, 1, 1)


def days(first, count):
    return [START + timedelta(days=first + i) for i in range(count)]


def panel():
    history = pl.DataFrame(
        {
            "sku": ["a"] * 4 + ["b"] * 2,
            "location": "x",
            "date": days(0, 4) + days(2, 2),
            "units": 1.0,
            "in_stock": 1.0,
            "price": [2.0, 2.0, None, 3.0, 5.0, 5.0],
            "weather": [1.0] * 6,
            "category": "food",
        }
    )
    future = pl.DataFrame(
        {
            "sku": ["a", "a", "b", "c"],
            "location": "x",
            "date": [*days(5, 1), *days(9, 1), *days(4, 1), *days(4, 1)],
            "price": [9.0, 1.0, 7.0, 8.0],
            "category": "food",
        }
    )
    return Panel(history=history, future=future)


def test_only_numbers_that_the_future_has_are_known_ahead():
    assert covariate_names(panel()) == ("price",)


def test_weather_counts_only_from_a_year_on():
    """A temperature common to all, and prices of each item's own; flags count in any case."""

    def shop(periods):
        rng = np.random.default_rng(0)
        warm = rng.normal(10, 5, periods + 1)
        frame = pl.concat(
            pl.DataFrame(
                {
                    "sku": f"s{i:02d}",
                    "location": "x",
                    "date": days(0, periods + 1),
                    "units": 1.0,
                    "in_stock": 1.0,
                    "price": rng.choice([1.0, 2.0, 3.0], periods + 1),
                    "holiday": (np.arange(periods + 1) % 30 == 0).astype(float),
                    "warm": warm,
                }
            )
            for i in range(12)
        )
        last = days(periods, 1)[0]
        return Panel(frame.filter(pl.col("date") < last), frame.filter(pl.col("date") == last))

    assert covariate_names(shop(90)) == ("holiday", "price")
    assert covariate_names(shop(400)) == ("holiday", "price", "warm")


def test_values_stand_on_their_day_and_gaps_hold_the_usual_price():
    values = covariates(panel(), ("price", "absent"), horizon=3)
    assert values.shape == (2, 4 + 3, 2)
    assert values[0, :, 0].tolist() == [2, 2, 2, 3, 2, 9, 2]
    assert values[1, :, 0].tolist() == [5, 5, 5, 5, 7, 5, 5]
    assert (values[:, :, 1] == 0).all()


def test_closed_when_luck_does_not_explain_the_silence():
    opened = np.tile([1, 1, 1, 1, 1, 1, 0], 5)[None, :, None].astype(float)
    trade = np.where(opened[:, :28, 0] > 0, 5.0, 0.0)
    assert closed_periods(trade, opened)[0].tolist() == (opened[0, :, 0] == 0).tolist()


def test_not_closed_when_the_item_rarely_sells_anyway():
    promotion = np.tile([0, 0, 0, 0, 0, 0, 1], 5)[None, :, None].astype(float)
    rare = np.zeros((1, 28))
    rare[0, [1, 10, 22]] = 1
    assert not closed_periods(rare, promotion).any()
