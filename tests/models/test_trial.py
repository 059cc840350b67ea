"""A trial judges by days that nobody has seen, and scores as a slow second reckoning does."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel
from inventory.demand import LEVELS, DemandForecast
from models import metrics, trial
from models.baseline import SeasonalNaive

START = date(2024, 1, 1)


def panel_of(days=60, *, series=3, whole=True, price=None, period_days=1):
    rng = np.random.default_rng(0)
    frames = []
    for i in range(series):
        units = rng.poisson(6 + i, days).astype(float) + (0.0 if whole else 0.25)
        columns = {
            "sku": f"s{i:03}",
            "location": "x",
            "date": [START + timedelta(days=d * period_days) for d in range(days)],
            "units": units,
            "in_stock": 1.0,
        }
        frames.append(pl.DataFrame(columns | ({"price": price[i]} if price else {})))
    history = pl.concat(frames)
    return Panel(history, history.select(KEY).clear(), period_days)


class Flat:
    """Says the same every day: demand is uniform on 0..top; remembers what it was shown."""

    name = "flat"

    def __init__(self, top):
        self.top, self.origins = top, []

    def predict(self, panel, *, horizon, levels):
        self.origins.append(panel.origin)
        N = len(panel.series)
        quantiles = np.broadcast_to(self.top * levels, (N, horizon, len(levels))).copy()
        skus = panel.series["sku"].to_list()
        return DemandForecast(
            tuple(skus), ("x",) * N, panel.first_day, levels, quantiles,
            np.full((N, horizon), self.top / 2), np.zeros((N, 2)), period_days=panel.period_days,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("days_since", "period_days", "expected"),
    [
        (6, 1, None),
        (7, 1, (7, 2, 1)),
        (14, 1, (14, 4, 2)),
        (90, 1, (28, 7, 3)),  # at most four weeks
        (21, 7, None),
        (28, 7, (4, 1, 1)),
        (700, 7, (8, 2, 1)),
    ],
)
def test_how_long_a_trial_is(days_since, period_days, expected):
    panel = panel_of(110, series=1, period_days=period_days)
    found = trial.plan(panel, seen_until=panel.origin - timedelta(days=days_since))
    if expected is None:
        assert found is None
        return
    periods = expected[0]
    assert (found.periods, found.review_periods, found.lead_time_periods) == expected
    assert found.cutoff == panel.origin - timedelta(days=periods * period_days)
    assert len(found.offsets) <= 4
    assert found.offsets[-1] < periods


def ground_of(panel, days=14):
    return trial.ground(panel, trial.plan(panel, seen_until=panel.origin - timedelta(days=days)))


def test_no_forecaster_sees_the_day_it_is_judged_on():
    panel = panel_of()
    flat = Flat(20.0)
    trial.judge(flat, ground_of(panel), horizon=7, service_level=0.9, seed=0)
    cutoff = panel.origin - timedelta(days=14)
    assert flat.origins == [cutoff + timedelta(days=k) for k in (0, 4, 8, 12)]


def test_scores_are_those_of_a_second_reckoning():
    panel = panel_of()
    on = ground_of(panel)
    sheet = trial.judge(Flat(14.0), on, horizon=7, service_level=0.9, seed=0)
    units = panel.history["units"].to_numpy().reshape(3, -1)
    scored = np.array(metrics.SCORED_LEVELS)
    for i in range(3):
        past, ahead = units[i, :-14], units[i, -14:]
        scale = np.abs(past[7:] - past[:-7]).mean()
        by_origin, below95, sums = [], 0, 0
        for offset in (0, 4, 8, 12):
            actual = ahead[offset : offset + 7]
            over = actual[:, None] - 14.0 * scored
            pinball = np.where(over > 0, scored * over, (scored - 1) * over)
            by_origin.append(pinball.mean() / scale)
            below95 += (actual <= 14.0 * 0.95).sum()
            if offset + 6 <= 14:
                sums += 1
        assert sheet.losses[i] == pytest.approx(np.mean(by_origin))
        assert sheet.covered[i, 0] == below95
        assert list(sheet.counted[i]) == [22, 22, sums, sums]


def test_cost_is_that_of_playing_the_days_one_by_one():
    panel = panel_of(price=[1.0, 2.0, 4.0])
    on = ground_of(panel)
    sheet = trial.judge(Flat(14.0), on, horizon=7, service_level=0.9, seed=0)
    # Six independent uniform days: 42 with variance 6 · 14² / 12; close to normal.
    target = np.ceil(42 + 1.2816 * np.sqrt(6 * 14**2 / 12))
    units = panel.history["units"].to_numpy().reshape(3, -1)
    shortage = 4 * 0.9 / 0.1
    for i in range(3):
        stock = np.ceil(units[i, -42:-14].mean() * 6)
        due, cost = {}, 0.0
        for day, demand in enumerate(units[i, -14:]):
            if day % 4 == 0:
                position = stock + sum(due.values())
                due[day + 2] = max(target - position, 0.0)
            stock += due.pop(day, 0.0)
            met = min(stock, demand)
            stock -= met
            if day >= 2:
                cost += stock + shortage * (demand - met)
        assert sheet.costs[i] == pytest.approx(cost * 2.0**i, rel=0.03)


def test_censored_days_are_no_actuals():
    panel = panel_of()
    last = panel.origin - timedelta(days=2)
    shut = pl.when(pl.col("date") > last).then(0.0).otherwise(1.0)
    on = ground_of(Panel(panel.history.with_columns(in_stock=shut), panel.future))
    assert np.isnan(on.observed_units[:, -2:]).all()
    assert not np.isnan(on.observed_units[:, :-2]).any()
    sheet = trial.judge(SeasonalNaive(), on, horizon=7, service_level=0.9, seed=0)
    assert (sheet.counted[:, 0] == 22 - 4).all()
    assert np.isfinite(sheet.costs).all()


def test_units_that_are_not_whole_are_not_rounded():
    assert not ground_of(panel_of(whole=False)).whole_units
    assert ground_of(panel_of()).whole_units


def test_series_that_began_during_the_trial_are_left_out_and_many_are_thinned(monkeypatch):
    panel = panel_of(series=5)
    late = pl.col("sku") != "s001"
    newer = panel.history.filter(late | (pl.col("date") > panel.origin - timedelta(days=5)))
    on = ground_of(Panel(newer, panel.future))
    assert on.panel.series["sku"].to_list() == ["s000", "s002", "s003", "s004"]
    assert on.observed_units.shape == (4, 14)
    monkeypatch.setattr(trial, "SERIES_MAX", 2)
    assert ground_of(panel).panel.series["sku"].to_list() == ["s000", "s003"]
    only_new = panel.history.filter(pl.col("date") > panel.origin - timedelta(days=5))
    own = Panel(only_new, panel.future)
    assert trial.ground(own, trial.plan(panel, seen_until=START)) is None


def test_levels_scored_are_levels_that_forecasts_carry():
    assert {*metrics.SCORED_LEVELS, *trial.COVERED_LEVELS} <= set(LEVELS)
