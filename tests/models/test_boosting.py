"""The global booster: learns what drives demand, ignores what is censored, repeats itself."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from models import boosting, metrics
from models.baseline import MovingAverage, SeasonalNaive
from models.boosting import FAST, FULL, BoostingForecaster, Effort

LEVELS = np.array([0.1, 0.5, 0.9, 0.95, 0.99])
HORIZON = 14
START = date(2024, 1, 1)


def make(*, series=30, periods=120, seed=0):
    """Poisson demand with a weekend, a level per series, and promotions that double sales."""
    rng = np.random.default_rng(seed)
    frames = []
    for i in range(series):
        level = rng.gamma(4, 3)
        promo = (rng.random(periods + HORIZON) < 0.15).astype(float)
        days = [START + timedelta(days=t) for t in range(periods + HORIZON)]
        weekend = np.array([1.6 if d.weekday() >= 5 else 1.0 for d in days])
        frames.append(
            pl.DataFrame(
                {"sku": f"s{i:02d}", "location": "x", "date": days,
                 "units": rng.poisson(level * weekend * (1 + promo)).astype(float),
                 "in_stock": 1.0, "promotion": promo}
            )
        )  # fmt: skip
    every = pl.concat(frames)
    origin = START + timedelta(days=periods - 1)
    later = every.filter(pl.col("date") > origin)
    panel = Panel(
        history=every.filter(pl.col("date") <= origin),
        future=later.select("sku", "location", "date", "promotion"),
    )
    return panel, later["units"].to_numpy().reshape(series, HORIZON)


@pytest.fixture(scope="module")
def fitted():
    panel, actual = make()
    effort = Effort(examples_max=6000, rounds=60, bags=2)
    return BoostingForecaster(effort=effort).fit(panel, horizon=HORIZON), panel, actual


def loss(forecast, panel, actual):
    history = panel.history["units"].to_numpy().reshape(len(actual), -1)
    scale = metrics.naive_error_units(history, 7)
    return metrics.scaled_quantile_loss(actual, forecast.quantiles_units, LEVELS, scale_units=scale)


def test_beats_both_baselines(fitted):
    model, panel, actual = fitted
    ours = loss(model.predict(panel, horizon=HORIZON, levels=LEVELS), panel, actual)
    for baseline in (SeasonalNaive(), MovingAverage()):
        theirs = loss(baseline.predict(panel, horizon=HORIZON, levels=LEVELS), panel, actual)
        assert ours < 0.85 * theirs


def with_promotion(panel, value):
    future = panel.future.with_columns(promotion=pl.lit(value))
    return Panel(history=panel.history, future=future)


def test_a_promotion_known_ahead_raises_mean_and_upper_quantiles(fitted):
    model, panel, _ = fitted
    on = model.predict(with_promotion(panel, 1.0), horizon=HORIZON, levels=LEVELS)
    off = model.predict(with_promotion(panel, 0.0), horizon=HORIZON, levels=LEVELS)
    assert on.mean_units.sum() > 1.5 * off.mean_units.sum()
    assert on.quantiles_units[..., 3].sum() > 1.4 * off.quantiles_units[..., 3].sum()


def test_stock_outs_do_not_lower_the_forecast(fitted):
    _, panel, _ = fitted
    rng = np.random.default_rng(1)
    empty = pl.Series(rng.random(len(panel.history)) < 0.4)
    history = panel.history.with_columns(
        units=pl.when(empty).then(0.0).otherwise("units"),
        in_stock=pl.when(empty).then(0.0).otherwise("in_stock"),
    )
    full = BoostingForecaster(effort=Effort(examples_max=4000, rounds=60)).fit(panel, horizon=7)
    before = full.predict(panel, horizon=7, levels=LEVELS)
    censored = Panel(history=history, future=panel.future)
    partly = BoostingForecaster(effort=Effort(examples_max=4000, rounds=60)).fit(
        censored, horizon=7
    )
    after = partly.predict(censored, horizon=7, levels=LEVELS)
    assert after.mean_units.sum() == pytest.approx(before.mean_units.sum(), rel=0.07)


def test_same_panel_and_seed_same_forecast(fitted):
    model, panel, _ = fitted
    untouched = panel.history.clone()
    again = BoostingForecaster(effort=model.effort).fit(panel, horizon=HORIZON)
    first = model.predict(panel, horizon=HORIZON, levels=LEVELS)
    second = again.predict(panel, horizon=HORIZON, levels=LEVELS)
    assert np.array_equal(first.quantiles_units, second.quantiles_units)
    assert panel.history.equals(untouched)


def test_saved_and_loaded_it_answers_as_before(fitted, tmp_path):
    model, panel, _ = fitted
    model.save(tmp_path)
    loaded = BoostingForecaster.load(tmp_path)
    first = model.predict(panel, horizon=5, levels=LEVELS)
    second = loaded.predict(panel, horizon=5, levels=LEVELS)
    assert np.array_equal(first.quantiles_units, second.quantiles_units)
    assert np.array_equal(first.mean_units, second.mean_units)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".ubj"}
    assert (loaded.effort, loaded.recipe) == (model.effort, model.recipe)


def test_predicts_from_a_panel_that_has_grown(fitted):
    model, _, _ = fitted
    longer, _ = make(periods=130)
    forecast = model.predict(longer, horizon=HORIZON, levels=LEVELS)
    assert forecast.first_day == START + timedelta(days=130)


@pytest.mark.parametrize("units", [[0.0] * 40, [3.0] * 40, [1.0, 0.0, 2.0], [5.0]])
def test_degenerate_files_get_a_forecast(units):
    panel, _ = make(series=1, periods=len(units))
    panel = Panel(history=panel.history.with_columns(units=pl.Series(units)), future=panel.future)
    model = BoostingForecaster().fit(panel, horizon=3)
    forecast = model.predict(panel, horizon=3, levels=LEVELS)
    assert np.isfinite(forecast.quantiles_units).all()
    assert forecast.mean_units.mean() == pytest.approx(np.mean(units), rel=0.5, abs=0.1)


def test_contributions_sum_to_the_mean_in_units(fitted):
    model, panel, _ = fitted
    mean = model.predict(panel, horizon=HORIZON, levels=LEVELS).mean_units
    names, parts = model.mean_contributions(panel, horizon=HORIZON)
    assert parts.shape == (30, HORIZON, len(names) + 1)
    assert parts.sum(axis=2) == pytest.approx(mean, rel=1e-3)
    some_names, some = model.mean_contributions(panel, horizon=3, rows=np.array([7, 2]))
    assert some_names == names
    assert some == pytest.approx(parts[[7, 2], :3], rel=1e-3, abs=1e-4)


def test_a_promotion_is_what_it_contributes(fitted):
    model, panel, _ = fitted

    def promoted_units(value):
        names, parts = model.mean_contributions(with_promotion(panel, value), horizon=HORIZON)
        of_it = ["promotion" in name for name in names] + [False]
        return parts[..., of_it].sum(axis=2).mean(), parts.sum(axis=2).mean()

    (on, total_on), (off, total_off) = promoted_units(1.0), promoted_units(0.0)
    assert on - off == pytest.approx(total_on - total_off, rel=0.3)


def test_without_anything_learned_the_base_is_the_forecast():
    panel, _ = make(series=2, periods=20)
    silent = Panel(history=panel.history.with_columns(units=pl.lit(0.0)), future=panel.future)
    model = BoostingForecaster().fit(silent, horizon=3)
    names, parts = model.mean_contributions(silent, horizon=3, rows=np.array([1]))
    assert (names, parts.shape, parts.sum()) == ([], (1, 3, 1), 0)


def test_only_the_strongest_features_are_kept(fitted):
    _, panel, actual = fitted
    few = BoostingForecaster(effort=Effort(examples_max=4000, rounds=60, columns_max=12))
    few.fit(panel, horizon=HORIZON)
    names = [feature.name for feature in few.recipe.features]
    assert len(names) <= 12 + 4, "what kept features are measured against stays too"
    assert any("promotion" in name for name in names)
    ours = loss(few.predict(panel, horizon=HORIZON, levels=LEVELS), panel, actual)
    for baseline in (SeasonalNaive(), MovingAverage()):
        theirs = loss(baseline.predict(panel, horizon=HORIZON, levels=LEVELS), panel, actual)
        assert ours < 0.85 * theirs


def test_full_spends_more_than_fast():
    assert FULL.bags * FULL.examples_max * FULL.rounds > FAST.bags * FAST.examples_max * FAST.rounds


def test_chunks_change_nothing(fitted, monkeypatch):
    model, panel, _ = fitted
    whole = model.predict(panel, horizon=HORIZON, levels=LEVELS)
    monkeypatch.setattr(boosting, "ROWS_PER_CHUNK", 3 * HORIZON)
    parts = model.predict(panel, horizon=HORIZON, levels=LEVELS)
    assert np.array_equal(whole.quantiles_units, parts.quantiles_units)
    assert np.array_equal(whole.mean_units, parts.mean_units)


def test_importance_names_features_and_their_groups(fitted):
    model, _, _ = fitted
    importance = model.importance()
    assert importance["gain"].sum() == pytest.approx(1.0)
    assert "promotion" in importance.head(15)["feature"].str.extract(r"(promotion)", 1).to_list()
    assert set(importance["group"]) <= {"history", "external", "product"}
