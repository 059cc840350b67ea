"""The combination: weights follow merit, closed days are zero, nothing reads past an origin."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from inventory.demand import LEVELS
from models import backtest
from models.baseline import MovingAverage, SeasonalNaive, forecast_of, save_nothing
from models.ensemble import Ensemble

L = np.array(LEVELS)
START = date(2024, 1, 1)


def make(*, series=40, periods=100, closed=False, seed=0):
    rng = np.random.default_rng(seed)
    days = [START + timedelta(days=t) for t in range(periods + 14)]
    is_open = np.array([0.0 if closed and d.weekday() == 6 else 1.0 for d in days])
    frames = [
        pl.DataFrame({"sku": f"s{i:03d}", "location": "x", "date": days,
                      "units": rng.poisson(rng.gamma(5, 2), len(days)) * is_open,
                      "in_stock": 1.0, "open": is_open})
        for i in range(series)
    ]  # fmt: skip
    every = pl.concat(frames)
    origin = START + timedelta(days=periods - 1)
    return Panel(
        history=every.filter(pl.col("date") <= origin),
        future=every.filter(pl.col("date") > origin).select("sku", "location", "date", "open"),
    )


class Wild(MovingAverage):
    """Five times too high."""

    name = "wild"

    def predict(self, panel, *, horizon, levels):
        said = super().predict(panel, horizon=horizon, levels=levels)
        return forecast_of(panel, levels=levels, quantiles_units=5 * said.quantiles_units,
                           mean_units=5 * said.mean_units)  # fmt: skip


class Watching(MovingAverage):
    """Writes down what it was shown."""

    name = "watching"

    def __init__(self):
        self.seen = []

    def fit(self, panel, *, horizon):
        self.seen.append(("fit", panel.origin, panel.history["date"].max()))
        return self

    def predict(self, panel, *, horizon, levels):
        self.seen.append(("predict", panel.origin, panel.history["date"].max()))
        return super().predict(panel, horizon=horizon, levels=levels)


def test_weights_follow_merit_and_sum_to_one():
    fitted = Ensemble([MovingAverage(), SeasonalNaive(), Wild()]).fit(make(), horizon=14)
    weights = fitted.weights.group_by("member").agg(pl.col("weight").mean())
    by_member = dict(weights.iter_rows())
    assert by_member["moving_average"] > by_member["seasonal_naive"]
    assert by_member["wild"] < 0.05
    sums = fitted.weights.group_by("segment", "horizon_block").agg(pl.col("weight").sum())
    assert sums["weight"].to_list() == pytest.approx([1.0] * len(sums))


def test_scores_are_kept_per_member_segment_block_and_window():
    fitted = Ensemble([MovingAverage(), Wild()]).fit(make(), horizon=14)
    mean = dict(fitted.backtest.group_by("member").agg(pl.col("sql").mean()).iter_rows())
    assert mean["ensemble"] < 1.02 * mean["moving_average"] < mean["wild"]
    assert fitted.backtest["window"].n_unique() == backtest.WINDOWS
    assert fitted.backtest["horizon_block"].unique().sort().to_list() == [0, 1]


def test_looking_back_never_shows_what_came_later():
    member = Watching()
    panel = make()
    backtest.run([member], panel, horizon=14)
    assert member.seen[0][0] == "fit"
    earliest = member.seen[0][1]
    origins = [origin for act, origin, _ in member.seen if act == "predict"]
    assert len(origins) == backtest.WINDOWS
    assert min(origins) == earliest
    assert all(origin == last for _, origin, last in member.seen)
    assert max(origins) <= panel.origin - timedelta(days=7)
    fitted_at = earliest
    for act, origin, _ in member.seen:
        fitted_at = origin if act == "fit" else fitted_at
        assert fitted_at <= origin, "fitted on no more than the window may know"


def test_closed_days_sell_nothing_and_pull_nothing_down():
    panel = make(closed=True)
    forecast = Ensemble([MovingAverage(), SeasonalNaive()]).fit(panel, horizon=14).predict(
        panel, horizon=14, levels=L
    )  # fmt: skip
    sunday = [d.weekday() == 6 for d in forecast.days]
    assert (forecast.quantiles_units[:, sunday] == 0).all()
    sold = panel.history.filter(pl.col("open") == 1)["units"].mean()
    assert forecast.mean_units[:, ~np.array(sunday)].mean() == pytest.approx(sold, rel=0.08)


@pytest.mark.parametrize("periods", [1, 3, 8, 20, 40])
def test_short_histories_get_a_forecast(periods):
    panel = make(series=3, periods=periods)
    fitted = Ensemble([MovingAverage(), SeasonalNaive()]).fit(panel, horizon=14)
    forecast = fitted.predict(panel, horizon=14, levels=L)
    assert np.isfinite(forecast.quantiles_units).all()


def test_fitted_anew_it_keeps_nothing_of_before():
    """The second panel is too short to look back on."""
    short = make(series=3, periods=4, seed=2)
    first, again = (Ensemble([MovingAverage(), SeasonalNaive(), Wild()]) for _ in range(2))
    again.fit(make(), horizon=14)
    one, other = (e.fit(short, horizon=5).predict(short, horizon=5, levels=L)
                  for e in (first, again))  # fmt: skip
    assert np.array_equal(one.quantiles_units, other.quantiles_units)
    assert again.backtest.is_empty()


def test_saved_and_loaded_it_answers_as_before(tmp_path):
    panel = make(closed=True)
    fitted = Ensemble([MovingAverage(), SeasonalNaive()]).fit(panel, horizon=14)
    fitted.save(tmp_path)
    loaded = Ensemble.load(tmp_path)
    first = fitted.predict(panel, horizon=14, levels=L)
    second = loaded.predict(panel, horizon=14, levels=L)
    assert np.array_equal(first.quantiles_units, second.quantiles_units)
    assert np.array_equal(first.dependence, second.dependence)
    assert loaded.backtest.equals(fitted.backtest)
    assert not list(tmp_path.rglob("*.pkl"))


def test_calibrated_on_the_past_it_covers_the_future():
    panel = make(series=120, periods=120, seed=3)
    until = panel.until(panel.origin - timedelta(days=14))
    actual = panel.history.filter(pl.col("date") > until.origin)["units"].to_numpy()
    fitted = Ensemble([MovingAverage(), SeasonalNaive()]).fit(until, horizon=14)
    forecast = fitted.predict(until, horizon=14, levels=L)
    actual = actual.reshape(120, 14)
    for level in (0.9, 0.95):
        covered = (actual <= forecast.day_quantiles_units(level)).mean()
        assert covered == pytest.approx(level, abs=0.025)
    window = forecast.window_quantiles_units(np.array([0.9]), periods=14)
    assert (actual.sum(axis=1) <= window[:, 0]).mean() == pytest.approx(0.9, abs=0.08)


def test_intermittent_items_keep_their_mass_at_zero():
    rng = np.random.default_rng(5)
    panel = make(series=30)
    units = pl.Series(rng.poisson(0.15, len(panel.history)).astype(float))
    panel = Panel(history=panel.history.with_columns(units=units), future=panel.future)
    fitted = Ensemble([MovingAverage(), SeasonalNaive()]).fit(panel, horizon=7)
    forecast = fitted.predict(panel, horizon=7, levels=L)
    assert (forecast.day_quantiles_units(0.5) == 0).all()
    assert forecast.day_quantiles_units(0.99).mean() > 0.5


def test_a_new_item_among_intermittent_ones_keeps_its_mass_at_zero():
    """Its own single day sold two; what it borrows mostly sells nothing."""
    rng = np.random.default_rng(5)
    panel = make(series=30)
    units = pl.Series(rng.poisson(0.15, len(panel.history)).astype(float))
    history = panel.history.with_columns(units=units)
    last = pl.col("date") == panel.origin
    new = history.filter(pl.col("sku") == "s000", last).with_columns(units=pl.lit(2.0))
    young = pl.concat([new, history.filter(pl.col("sku") != "s000")])
    fitted = Ensemble([MovingAverage()]).fit(Panel(young, panel.future), horizon=7)
    said = fitted.predict(Panel(young, panel.future), horizon=7, levels=L).quantiles_units[0]
    assert said.max() > 1
    assert not ((said > 0) & (said < 0.5)).any()


def test_member_state_is_a_folder(tmp_path):
    save_nothing("x", tmp_path / "x")
    assert (tmp_path / "x" / "member.json").exists()


def test_a_member_that_is_always_too_high_is_put_right_before_it_is_weighed():
    class High(MovingAverage):
        """The very average, half as much again."""

        name = "high"

        def predict(self, panel, *, horizon, levels):
            said = super().predict(panel, horizon=horizon, levels=levels)
            return forecast_of(panel, levels=levels, quantiles_units=1.5 * said.quantiles_units,
                               mean_units=1.5 * said.mean_units)  # fmt: skip

    panel = make(series=60, periods=300)
    fitted = Ensemble([High(), SeasonalNaive()]).fit(panel, horizon=14)
    forecast, said = fitted.predict_with_members(panel, horizon=14, levels=L)
    sold = panel.history["units"].mean()
    assert said["high"].mean_units.mean() > 1.4 * sold, "told as the member said it"
    assert forecast.mean_units.mean() == pytest.approx(sold, rel=0.06)
    weights = dict(fitted.weights.group_by("member").agg(pl.col("weight").mean()).iter_rows())
    assert weights["high"] > weights["seasonal_naive"]


def test_a_cheaper_rehearsal_is_looked_back_on_and_the_member_itself_forecasts():
    class Dear(MovingAverage):
        """Twice the average; its rehearsal is the average."""

        name = "dear"
        fits = 0

        def rehearsal(self):
            cheap = MovingAverage()
            cheap.name = self.name
            return cheap

        def fit(self, panel, *, horizon):
            self.fits += 1
            return super().fit(panel, horizon=horizon)

    member, panel = Dear(), make()
    fitted = Ensemble([member]).fit(panel, horizon=14)
    assert member.fits == 1
    average = Ensemble([MovingAverage()]).fit(panel, horizon=14)
    told = fitted.backtest.filter(pl.col("member") == "dear")["sql"].to_list()
    assert told == average.backtest.filter(pl.col("member") == "moving_average")["sql"].to_list()
