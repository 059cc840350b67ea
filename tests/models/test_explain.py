"""The terms of an explanation: they sum to the forecast, and name what we know moved it."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from inventory.demand import LEVELS
from models.baseline import MovingAverage
from models.boosting import BoostingForecaster
from models.ensemble import Ensemble
from models.explain import BASE, TERMS, explain

START = date(2026, 1, 5)
DAYS, HORIZON = 90, 7


@pytest.fixture(scope="module")
def panel():
    """Forty items whose promotions sell three times as much; odd ones are promoted next week."""
    rng = np.random.default_rng(2)
    days = [START + timedelta(days=t) for t in range(DAYS + HORIZON)]
    frames = []
    for i in range(40):
        promoted = rng.random(DAYS + HORIZON) < 0.2
        promoted[DAYS:] = bool(i % 2)
        units = rng.poisson(10 * np.where(promoted, 3, 1)).astype(float)
        frames.append(pl.DataFrame({"sku": f"s{i:02d}", "location": "x", "date": days,
                                    "units": units, "in_stock": 1.0,
                                    "promotion": promoted.astype(float)}))  # fmt: skip
    every = pl.concat(frames)
    last = START + timedelta(days=DAYS - 1)
    return Panel(
        history=every.filter(pl.col("date") <= last),
        future=every.filter(pl.col("date") > last).select("sku", "location", "date", "promotion"),
    )


@pytest.fixture(scope="module")
def explained(panel):
    members = [BoostingForecaster(seed=1, examples_max=4000), MovingAverage()]
    fitted = Ensemble(members, windows=2).fit(panel, horizon=HORIZON)
    forecast, said = fitted.predict_with_members(panel, horizon=HORIZON, levels=np.array(LEVELS))
    return forecast, said, explain(fitted, panel, forecast, said)


def test_terms_sum_to_the_mean_forecast(explained):
    forecast, _, found = explained
    assert found.terms_units.shape == (40, len(TERMS))
    assert found.terms_units.sum(axis=1) == pytest.approx(forecast.mean_units.mean(axis=1))
    assert found.mean_units == pytest.approx(forecast.mean_units.mean(axis=1))


def test_what_each_member_said_and_counts_is_told(explained):
    _, said, found = explained
    assert found.members == ("boosting", "moving_average")
    assert found.weights.sum(axis=1) == pytest.approx(np.ones(40))
    assert found.member_units[:, 1] == pytest.approx(said["moving_average"].mean_units.mean(axis=1))


def test_a_promotion_is_named_as_what_raises_the_forecast(explained):
    _, _, found = explained
    promoted = np.arange(40) % 2 == 1
    moved = found.terms_units.copy()
    moved[:, TERMS.index(BASE)] = 0
    assert moved[promoted].sum(axis=1).mean() > 3, "units a day above level"
    for effects in np.array(found.effects, dtype=object)[promoted]:
        assert "promotion" in effects[0].name
        assert effects[0].units > 0


def test_only_the_rows_asked_for_are_explained(panel, explained):
    forecast, said, every = explained
    members = [BoostingForecaster(seed=1, examples_max=4000), MovingAverage()]
    fitted = Ensemble(members, windows=2).fit(panel, horizon=HORIZON)
    some = explain(fitted, panel, forecast, said, rows=np.array([3, 17]))
    assert some.terms_units == pytest.approx(every.terms_units[[3, 17]], abs=1e-4)
    assert some.effects[1][0].name == every.effects[17][0].name


def test_an_ensemble_without_a_booster_has_members_and_no_drivers(panel):
    fitted = Ensemble([MovingAverage()], windows=2).fit(panel, horizon=HORIZON)
    forecast, said = fitted.predict_with_members(panel, horizon=HORIZON, levels=np.array(LEVELS))
    found = explain(fitted, panel, forecast, said)
    assert found.effects[0] == ()
    assert found.terms_units.sum(axis=1) == pytest.approx(found.mean_units)
