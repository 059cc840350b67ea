"""Where one may stand in the past, and what one may compare with."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from models import backtest
from models.baseline import MovingAverage
from models.segments import SEGMENTS
from models.weights import learn_weights

START = date(2022, 1, 3)


def make(periods, *, period_days=1, series=4, in_stock=1.0):
    rng = np.random.default_rng(0)
    days = [START + timedelta(days=period_days * t) for t in range(periods)]
    history = pl.concat(
        pl.DataFrame({"sku": f"s{i}", "location": "x", "date": days,
                      "units": rng.poisson(9, periods).astype(float), "in_stock": in_stock})
        for i in range(series)
    )  # fmt: skip
    future = history.head(0).select("sku", "location", "date")
    return Panel(history=history, future=future, period_days=period_days)


@pytest.mark.parametrize(
    ("periods", "period_days", "horizon"),
    [(62, 1, 14), (850, 1, 42), (149, 7, 8), (117, 7, 13), (20, 1, 14), (400, 1, 90)],
)
def test_every_window_ends_by_the_origin_and_leaves_enough_to_learn_from(
    periods, period_days, horizon
):
    panel = make(periods, period_days=period_days, series=1)
    origins, checked = backtest.rolling_origins(panel, horizon=horizon)
    assert 1 <= checked <= horizon
    assert len(origins) >= 3
    assert origins == sorted(set(origins))
    ahead = (panel.origin - origins[-1]).days // period_days
    assert -(-checked // 2) <= ahead <= checked, "at least half of what is checked has happened"
    kept = (origins[0] - START).days // period_days + 1
    assert kept >= 0.5 * periods


def test_a_year_of_history_stays_before_the_first_window_where_there_is_one():
    origins, _ = backtest.rolling_origins(make(117, period_days=7, series=1), horizon=13)
    assert (origins[0] - START).days > 1.55 * 365


def test_too_short_a_history_has_no_windows():
    assert backtest.rolling_origins(make(5), horizon=3) == ([], 0)
    assert backtest.run([MovingAverage()], make(5), horizon=3) == []


def test_actuals_are_those_of_the_window():
    panel = make(60)
    windows = backtest.run([MovingAverage()], panel, horizon=7)
    units = panel.history["units"].to_numpy().reshape(4, 60)
    for window in windows:
        first = (window.origin - START).days + 1
        happened = units[:, first : first + 7]
        known = happened.shape[1]
        assert np.array_equal(window.actual_units[:, :known], happened)
        assert np.isnan(window.actual_units[:, known:]).all(), "still to come at the panel's origin"


def test_members_are_fitted_anew_once_the_history_has_grown():
    class Counting(MovingAverage):
        fitted_on = ()

        def fit(self, panel, *, horizon):
            self.fitted_on = (*self.fitted_on, len(panel.history) // 4)
            return self

    member = Counting()
    windows = backtest.run([member], make(60), horizon=14)
    first, *later = member.fitted_on
    assert first == (windows[0].origin - START).days + 1
    assert later, "from 33 days on 53 are known, and a member should have seen them"
    assert all(b >= backtest.GROWTH_FOR_REFIT * a for a, b in pairwise(member.fitted_on))
    long = Counting()
    backtest.run([long], make(900), horizon=14)
    assert len(long.fitted_on) == 1


def test_of_many_series_a_sample_is_looked_back_on(monkeypatch):
    monkeypatch.setattr(backtest, "SERIES_MAX", 5)
    panel = make(60, series=30)
    drawn = [w.forecasts["moving_average"].skus
             for w in backtest.run([MovingAverage()], panel, horizon=7, seed=1)]  # fmt: skip
    assert {len(skus) for skus in drawn} == {5}
    assert len(set(drawn)) == 1, "the same series in every window"
    again = backtest.run([MovingAverage()], panel, horizon=7, seed=1)
    assert again[0].forecasts["moving_average"].skus == drawn[0]


def test_censored_periods_are_no_actuals():
    panel = make(60, in_stock=0.5)
    window = backtest.run([MovingAverage()], panel, horizon=7)[0]
    assert np.isnan(window.actual_units).all()


def test_a_series_that_had_not_started_is_not_in_the_window():
    panel = make(60)
    late = panel.history.filter((pl.col("sku") != "s1") | (pl.col("date") > START + timedelta(50)))
    young = Panel(history=late, future=panel.future)
    windows = backtest.run([MovingAverage()], young, horizon=7)
    units = panel.history.filter(pl.col("sku") != "s1")["units"].to_numpy().reshape(3, 60)
    first = (windows[0].origin - START).days + 1
    assert np.array_equal(windows[0].actual_units, units[:, first : first + 7])


def test_scores_against_numbers_by_hand():
    panel = make(60)
    window = backtest.run([MovingAverage()], panel, horizon=7)[0]
    table = backtest.scores([window], period_days=1)
    said, actual = window.forecasts["moving_average"], window.actual_units
    expected = np.abs(actual - said.mean_units).sum() / actual.sum()
    assert table["wape"].to_list() == pytest.approx([expected])
    past = panel.history["units"].to_numpy().reshape(4, 60)
    past = past[:, : (window.origin - START).days + 1]
    naive = np.abs(past[:, 7:] - past[:, :-7]).mean(axis=1)
    scaled = np.abs(actual - said.mean_units).mean(axis=1) / naive
    assert table["mase"].to_list() == pytest.approx([scaled.mean()])
    q95 = said.day_quantiles_units(0.95)
    assert table["coverage95"].to_list() == pytest.approx([(actual <= q95).mean()])
    assert table["periods"].to_list() == [28]


def test_learned_weights_lose_no_more_than_equal_ones():
    class Low(MovingAverage):
        name = "low"

        def predict(self, panel, *, horizon, levels):
            said = super().predict(panel, horizon=horizon, levels=levels)
            said.quantiles_units[...] *= 0.4
            return said

    panel = make(80, series=40)
    windows = backtest.run([MovingAverage(), Low()], panel, horizon=7)
    weights = learn_weights(windows, ["moving_average", "low"], period_days=1, seed=0)
    assert weights.shape == (len(SEGMENTS), 1, 2)
    assert weights.sum(axis=2) == pytest.approx(np.ones((len(SEGMENTS), 1)))
    assert weights[0, 0, 0] > 0.8
