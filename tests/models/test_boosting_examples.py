"""Which examples a booster is shown: only what was known, new ones more often, none censored."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.build import build, recipe_for
from features.frame import Panel
from models.boosting_examples import AGE_MIN_PERIODS, EXAMPLES_PER_TARGET, draw

START = date(2024, 1, 1)
HORIZON = 7


def panel_of(units, in_stock):
    """Series s0, s1, ... of which every value is its own period number, plus 1000 per series."""
    frames = [
        pl.DataFrame({
            "sku": f"s{i}", "location": "x",
            "date": [START + timedelta(days=t) for t in range(len(units))],
            "units": np.array(units) + 1000.0 * i, "in_stock": in_stock,
        })
        for i in range(3)
    ]  # fmt: skip
    return Panel(history=pl.concat(frames), future=frames[0].head(0).select("sku", "location",
                                                                            "date"))  # fmt: skip


def drawn(in_stock=None, *, periods=60, count=5000, seed=0):
    shares = np.ones(periods) if in_stock is None else in_stock
    panel = panel_of(np.arange(periods, dtype=float), shares)
    table = build(panel, recipe_for(panel, horizon=HORIZON))
    return draw(panel, table, horizon=HORIZON, count_max=count, seed=seed)


def test_each_example_holds_its_own_target():
    found = drawn()
    target = found.origin_place + found.ahead
    assert (found.sold_units == target + 1000 * found.series).all()
    assert (found.ahead >= 1).all()
    assert (found.ahead <= HORIZON).all()
    assert (found.origin_place >= AGE_MIN_PERIODS[1]).all()
    assert target.max() == 59
    assert set(found.series) == {0, 1, 2}


def test_censored_targets_are_never_shown():
    in_stock = np.where(np.arange(60) % 3 == 0, 0.5, 1.0)
    found = drawn(in_stock)
    assert ((found.origin_place + found.ahead) % 3 != 0).all()


def test_newer_targets_come_more_often():
    found = drawn(periods=800, count=20_000)
    target = found.origin_place + found.ahead
    old, new = (target < 400).mean(), (target >= 400).mean()
    assert new / old == pytest.approx(2 ** (400 / 365), rel=0.15)


def test_no_more_are_drawn_than_the_targets_carry():
    assert len(drawn(count=10**9).series) <= EXAMPLES_PER_TARGET * 3 * 60


def test_a_seed_fixes_the_draw():
    first, again, other = drawn(seed=1), drawn(seed=1), drawn(seed=2)
    assert np.array_equal(first.origin_place, again.origin_place)
    assert not np.array_equal(first.origin_place, other.origin_place)
