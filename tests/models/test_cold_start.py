"""A new item's forecast, where its neighbours' demand is known because we drew it."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from features.frame import Panel
from inventory.demand import LEVELS
from models.baseline import MovingAverage
from models.cold_start import donors_of, mixture_quantiles, with_borrowed

L = np.array(LEVELS)
START = date(2026, 1, 5)
DAYS = 60


def panel_of(rows):
    """Rows of (sku, location, category, days of history, units a day)."""
    frames = [
        pl.DataFrame({
            "sku": sku, "location": location, "category": category, "in_stock": 1.0,
            "date": [START + timedelta(days=DAYS - days + t) for t in range(days)],
            "units": np.random.default_rng(i).poisson(level, days).astype(float),
        })
        for i, (sku, location, category, days, level) in enumerate(rows)
    ]  # fmt: skip
    history = pl.concat(frames).sort("sku", "location", "date")
    return Panel(history=history, future=history.head(0).select("sku", "location", "date"))


FRUIT = [(f"fruit{i}", "S1", "fruit", DAYS, 20) for i in range(5)]
BREAD = [(f"bread{i}", "S1", "bread", DAYS, 80) for i in range(5)]
ELSEWHERE = [("new", f"S{i}", "fruit", DAYS, 40) for i in range(2, 6)]


def forecast(panel):
    own = MovingAverage().predict(panel, horizon=3, levels=L)
    return own, with_borrowed(own, panel)


def mean_of(said, sku, location="S1"):
    row = list(zip(said.skus, said.locations, strict=True)).index((sku, location))
    return said.mean_units[row].mean()


def test_an_item_of_one_day_sells_as_its_category_does_here():
    own, borrowed = forecast(panel_of([*FRUIT, *BREAD, ("new", "S1", "fruit", 1, 500)]))
    assert mean_of(own, "new") > 400
    assert mean_of(borrowed, "new") == pytest.approx(20 + (mean_of(own, "new") - 20) / 2, rel=0.1)


def test_the_same_sku_elsewhere_is_nearer_than_the_category():
    panel = panel_of([*FRUIT, *BREAD, *ELSEWHERE, ("new", "S1", "fruit", 1, 0)])
    _, borrowed = forecast(panel)
    assert mean_of(borrowed, "new") == pytest.approx(40 / 2, rel=0.1)


def test_own_evidence_takes_over_and_others_are_left_alone():
    panel = panel_of([*FRUIT, *BREAD, ("new", "S1", "fruit", 14, 50)])
    own, borrowed = forecast(panel)
    assert mean_of(borrowed, "new") == pytest.approx(50, rel=0.15)
    for sku, *_ in (*FRUIT, *BREAD):
        assert mean_of(borrowed, sku) == mean_of(own, sku)


def test_too_few_alike_are_no_donors_and_nobody_borrows_from_the_young():
    lonely = [("new", "S1", "toys", 1, 5), ("toy", "S1", "toys", DAYS, 900)]
    panel = panel_of([*FRUIT, *lonely])
    names = panel.series.rows()
    young = np.array([name == ("new", "S1") for name in names])
    (rows,) = donors_of(panel, young).values()
    assert {names[row][0] for row in rows} == {"toy", *(sku for sku, *_ in FRUIT)}
    everyone_new = panel_of([(sku, loc, cat, 2, 9) for sku, loc, cat, *_ in FRUIT])
    own, borrowed = forecast(everyone_new)
    assert borrowed is own


def test_the_mixture_is_that_of_probability_theory():
    """Half N(10, 1), half N(20, 1): its distribution function is the mean of the two."""
    quantiles = np.stack([norm.ppf(L, 10, 1), norm.ppf(L, 20, 1)])[:, None, :]
    mixed = mixture_quantiles(quantiles, L)[0]
    reached = (norm.cdf(mixed, 10, 1) + norm.cdf(mixed, 20, 1)) / 2
    inner = (L >= 0.05) & (L <= 0.95) & (L != 0.5)
    assert reached[inner] == pytest.approx(L[inner], abs=0.03)
    assert (np.diff(mixed) >= 0).all()
