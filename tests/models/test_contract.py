"""One suite holds every forecaster to its promise. The list of members is `models.members`."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel, check
from inventory.demand import LEVELS
from models.baseline import SeasonalNaive
from models.ensemble import Ensemble
from models.intermittent import IntermittentForecaster
from models.lstm import LstmForecaster
from models.members import MEMBERS, members_of

SMALL = {"lstm": lambda **given: LstmForecaster(steps=60, **given)}
"""Members that are trained shorter here than in earnest."""


def maker(listed):
    return lambda: SMALL.get(listed.name, listed.make)(seed=3, threads=1)


FORECASTERS = {listed.name: maker(listed) for listed in MEMBERS} | {
    "ensemble": lambda: Ensemble([SeasonalNaive(), IntermittentForecaster()], windows=2, seed=3)
}
LOCAL = tuple(listed.name for listed in MEMBERS if listed.is_local)

LEVELS_ASKED = np.array(LEVELS)
HORIZON = 9
START = date(2024, 3, 4)

every_forecaster = pytest.mark.parametrize("make", FORECASTERS.values(), ids=FORECASTERS)


def series_units(days, rng):
    """One series of each kind that a shop has, and some that no model likes."""
    week = np.array([1, 0.8, 0.9, 1, 1.3, 1.6, 1.2])
    weekly = rng.poisson(12 * week[np.arange(days) % 7]).astype(float)
    return {
        "weekly": weekly,
        "growing": rng.poisson(np.linspace(5, 40, days)).astype(float),
        "lumpy": rng.poisson(0.1, days) * 5.0,
        "huge": 1e6 + 1e5 * rng.standard_normal(days),
        "constant": np.full(days, 7.0),
        "zero": np.zeros(days),
        "outlier": np.where(np.arange(days) == 30, 100 * weekly, weekly),
        "unknown": np.full(days, np.nan),
        "gappy": np.where(rng.random(days) < 0.5, np.nan, weekly),
        "new": weekly[-3:],
        "dead": np.where(np.arange(days) < days // 2, weekly, 0.0),
        "one_sale": (np.arange(days) == days - 1) * 1.0,
    }


def panel_of(units_by_sku, *, period_days=1, days=76, ahead=HORIZON, seed=1):
    rng = np.random.default_rng(seed)
    parts = []
    for sku, units in sorted(units_by_sku.items()):
        T = len(units) + ahead
        parts.append(
            pl.DataFrame(
                {
                    "sku": sku,
                    "location": "x",
                    "date": [
                        START + timedelta(days=period_days * (days - len(units) + i))
                        for i in range(T)
                    ],
                    "units": pl.Series(
                        [*units, *[None] * ahead], dtype=pl.Float64, nan_to_null=True
                    ),
                    "in_stock": np.where(rng.random(T) < 0.1, 0.5, 1.0),
                    "promotion": (rng.random(T) < 0.15).astype(float),
                    "price": np.where(rng.random(T) < 0.5, 9.99, 12.5),
                    "category": "food",
                }
            )
        )
    frame = pl.concat(parts).with_columns(pl.col("units").fill_nan(None)).sort(KEY)
    origin = START + timedelta(days=period_days * (days - 1))
    history = check(frame.filter(pl.col("date") <= origin), period_days=period_days)
    future = frame.filter(pl.col("date") > origin).select(*KEY, "promotion", "price", "category")
    return Panel(history=history, future=future, period_days=period_days)


@pytest.fixture(scope="module")
def panel():
    return panel_of(series_units(76, np.random.default_rng(0)))


@pytest.fixture(scope="module")
def fitted(panel):
    """Every forecaster, fitted once, and what it then says of the panel it was fitted on."""
    said = {}

    def get(make):
        if make not in said:
            forecaster = make().fit(panel, horizon=HORIZON)
            said[make] = (
                forecaster,
                forecaster.predict(panel, horizon=HORIZON, levels=LEVELS_ASKED),
            )
        return said[make]

    return get


def same(one, other, *, rtol=0.0):
    assert (one.skus, one.locations, one.first_day) == (
        other.skus,
        other.locations,
        other.first_day,
    )
    for name in ("quantiles_units", "mean_units", "dependence"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol)


def test_the_list_names_members_as_they_name_themselves():
    assert [listed.make(seed=0, threads=1).name for listed in MEMBERS] == [m.name for m in MEMBERS]


def test_every_preset_holds_its_members_in_order():
    fast, full = ([m.name for m in members_of(p, seed=0, threads=1)] for p in ("fast", "full"))
    assert set(fast) < set(full)
    assert {"boosting", "arima", "lstm", "seasonal_naive"} <= set(full)


@every_forecaster
def test_fit_returns_self(make, panel):
    forecaster = make()
    assert forecaster.name
    assert forecaster.fit(panel, horizon=2) is forecaster


@every_forecaster
def test_shape_is_series_by_period_by_level(make, panel, fitted):
    _, forecast = fitted(make)
    N = len(panel.series)
    assert forecast.quantiles_units.shape == (N, HORIZON, len(LEVELS))
    assert forecast.mean_units.shape == (N, HORIZON)
    assert list(zip(forecast.skus, forecast.locations, strict=True)) == panel.series.rows()
    assert forecast.first_day == panel.first_day
    assert forecast.period_days == 1


@every_forecaster
def test_quantiles_are_finite_sorted_and_never_negative(make, fitted):
    _, forecast = fitted(make)
    assert np.isfinite(forecast.quantiles_units).all()
    assert np.isfinite(forecast.mean_units).all()
    assert (forecast.quantiles_units >= 0).all()
    assert (np.diff(forecast.quantiles_units, axis=2) >= 0).all()
    assert ((forecast.dependence >= 0) & (forecast.dependence < 1)).all()


@every_forecaster
def test_asked_for_other_levels_it_answers_those(make, panel, fitted):
    forecaster, _ = fitted(make)
    forecast = forecaster.predict(panel, horizon=3, levels=np.array([0.05, 0.5, 0.97]))
    assert forecast.quantiles_units.shape == (len(panel.series), 3, 3)
    assert forecast.levels.tolist() == [0.05, 0.5, 0.97]


@every_forecaster
def test_does_not_change_its_input(make, panel):
    history, future = panel.history.clone(), panel.future.clone()
    make().fit(panel, horizon=HORIZON).predict(panel, horizon=HORIZON, levels=LEVELS_ASKED)
    assert panel.history.equals(history)
    assert panel.future.equals(future)


@every_forecaster
def test_same_history_same_forecast(make, panel, fitted):
    _, forecast = fitted(make)
    again = make().fit(panel, horizon=HORIZON)
    same(again.predict(panel, horizon=HORIZON, levels=LEVELS_ASKED), forecast)


@every_forecaster
def test_saved_and_loaded_it_answers_as_before(make, panel, fitted, tmp_path):
    forecaster, forecast = fitted(make)
    forecaster.save(tmp_path / "member")
    loaded = type(forecaster).load(tmp_path / "member")
    same(loaded.predict(panel, horizon=HORIZON, levels=LEVELS_ASKED), forecast, rtol=1e-9)


@every_forecaster
def test_never_sold_means_nearly_nothing(make, fitted):
    """Half a unit at most: a global model may allow for a first sale, none may invent demand."""
    _, forecast = fitted(make)
    zero = forecast.skus.index("zero")
    assert forecast.mean_units[zero].max() < 0.5


@every_forecaster
def test_a_level_is_met(make, fitted):
    """Seven a day, every day: between 6 and 8.5 expected. Nobody needs a model to see that."""
    _, forecast = fitted(make)
    constant = forecast.skus.index("constant")
    mean = forecast.mean_units[constant].mean()
    assert 5.5 < mean < 9.0


@every_forecaster
def test_predicts_from_a_panel_that_has_grown(make, panel):
    then = panel.until(panel.origin - timedelta(days=20))
    earlier = make().fit(then, horizon=HORIZON)
    now = earlier.predict(panel, horizon=HORIZON, levels=LEVELS_ASKED)
    assert now.first_day == panel.first_day
    assert now.skus == tuple(panel.series["sku"]), "series that were new since are there too"


@every_forecaster
def test_works_without_any_covariate(make, panel):
    bare = Panel(
        history=panel.history.select(*KEY, "units", "in_stock"),
        future=panel.history.head(0).select(KEY),
    )
    forecast = make().fit(bare, horizon=HORIZON).predict(bare, horizon=HORIZON, levels=LEVELS_ASKED)
    assert np.isfinite(forecast.quantiles_units).all()


@every_forecaster
def test_works_on_weekly_data(make):
    units = series_units(120, np.random.default_rng(5))
    weekly = panel_of(units, period_days=7, days=120)
    forecast = make().fit(weekly, horizon=4).predict(weekly, horizon=4, levels=LEVELS_ASKED)
    assert forecast.period_days == 7
    assert forecast.days[1] - forecast.days[0] == timedelta(days=7)
    assert np.isfinite(forecast.quantiles_units).all()


@every_forecaster
def test_works_on_four_days_of_history(make):
    short = panel_of({"a": np.array([3.0, 4, 2, 5]), "b": np.array([0.0, 0, 1, 0])}, days=4)
    forecast = make().fit(short, horizon=3).predict(short, horizon=3, levels=LEVELS_ASKED)
    assert np.isfinite(forecast.quantiles_units).all()
    assert forecast.mean_units[0].mean() < 12


def ordinary_rates(periods):
    """Units a day (30, T) that thirty ordinary series sell on average."""
    week = np.array([0.7, 0.8, 0.9, 1, 1.3, 1.6, 1.2])
    size = np.exp(np.random.default_rng(4).normal(2.2, 0.6, 30))
    return size[:, None] * week[periods % 7]


def shop(*, days=76):
    """Thirty ordinary series; nothing is ever out of stock."""
    units = np.random.default_rng(5).poisson(ordinary_rates(np.arange(days)))
    return {f"good{i:02d}": row.astype(float) for i, row in enumerate(units)}


@pytest.fixture(scope="module")
def beside_others():
    """What each forecaster says of ordinary series, alone and beside one bad series of each kind.

    With every series comes the same share of days out of stock in both panels: none.
    """
    good = shop()
    bad = series_units(76, np.random.default_rng(0))
    alone, mixed = (
        replace(panel, history=panel.history.with_columns(in_stock=pl.lit(1.0)))
        for panel in (shared_covariates(panel_of(units)) for units in (good, good | bad))
    )
    said = {}

    def get(make):
        if make not in said:
            said[make] = tuple(
                make().fit(p, horizon=HORIZON).predict(p, horizon=HORIZON, levels=LEVELS_ASKED)
                for p in (alone, mixed)
            )
        return said[make]

    return get


def shared_covariates(panel):
    """Promotions and prices of a day alike for all: who else is there must not change them."""
    day = pl.col("date").dt.ordinal_day()
    columns = {
        "promotion": (day % 9 == 0).cast(pl.Float64),
        "price": pl.when(day % 5 == 0).then(9.99).otherwise(12.5),
    }
    return replace(
        panel,
        history=panel.history.with_columns(**columns),
        future=panel.future.with_columns(**columns),
    )


def ordinary(forecast):
    at = [i for i, sku in enumerate(forecast.skus) if sku.startswith("good")]
    return forecast.select(np.array(at))


@pytest.mark.parametrize("name", LOCAL)
def test_bad_series_leave_others_exactly_as_they_were(name, beside_others):
    alone, mixed = (ordinary(forecast) for forecast in beside_others(FORECASTERS[name]))
    same(alone, mixed)


GLOBAL_CHANGE_MAX = 0.15
"""A model that learns from all series is another one when others join, as with another seed: a
booster's forecasts then change by 9 % on a panel this small. A quarter of the panel is bad."""


@every_forecaster
def test_bad_series_do_not_spoil_the_others(make, beside_others):
    """They change little, and come no further from the rates that demand was drawn from."""
    alone, mixed = (ordinary(forecast) for forecast in beside_others(make))
    level = alone.mean_units.mean(axis=1)
    for name in ("mean_units", "quantiles_units"):
        moved = np.abs(getattr(mixed, name) - getattr(alone, name)).reshape(len(level), -1)
        assert np.median(moved.mean(axis=1) / level) < GLOBAL_CHANGE_MAX, name
    rate = ordinary_rates(np.arange(76, 76 + HORIZON))
    before, after = (
        np.median(np.abs(f.mean_units - rate).mean(axis=1) / level) for f in (alone, mixed)
    )
    assert after < 1.25 * before + 0.02


@every_forecaster
def test_one_wild_day_is_not_demand(make, fitted):
    """A hundred times the usual on one day of 76 makes the plain mean 2.3 times the usual; none
    may be much further off than that."""
    _, forecast = fitted(make)
    outlier, weekly = (forecast.skus.index(sku) for sku in ("outlier", "weekly"))
    assert forecast.mean_units[outlier].mean() < 3 * forecast.mean_units[weekly].mean()


@every_forecaster
def test_what_stopped_selling_is_forecast_low(make, fitted):
    """Nothing sold for 38 days, twelve a day before that."""
    _, forecast = fitted(make)
    dead, weekly = (forecast.skus.index(sku) for sku in ("dead", "weekly"))
    assert forecast.mean_units[dead].mean() < 0.6 * forecast.mean_units[weekly].mean()


@every_forecaster
def test_a_million_a_day_is_a_million_a_day(make, fitted):
    _, forecast = fitted(make)
    huge = forecast.skus.index("huge")
    assert forecast.mean_units[huge] == pytest.approx(np.full(HORIZON, 1e6), rel=0.35)


@every_forecaster
def test_three_days_are_enough_to_say_something(make, fitted):
    """The last three days of "weekly" alone: about as much, not a multiple."""
    _, forecast = fitted(make)
    new, weekly = (forecast.skus.index(sku) for sku in ("new", "weekly"))
    assert 0.4 < forecast.mean_units[new].mean() / forecast.mean_units[weekly].mean() < 2.5


@every_forecaster
def test_gaps_are_not_zeros(make, fitted):
    _, forecast = fitted(make)
    gappy, weekly = (forecast.skus.index(sku) for sku in ("gappy", "weekly"))
    assert 0.6 < forecast.mean_units[gappy].mean() / forecast.mean_units[weekly].mean() < 1.5


@every_forecaster
def test_a_category_not_seen_in_training_is_no_obstacle(make, panel, fitted):
    forecaster, before = fitted(make)
    renamed = Panel(
        panel.history.with_columns(category=pl.lit("never seen")),
        panel.future.with_columns(category=pl.lit("never seen")),
    )
    after = forecaster.predict(renamed, horizon=HORIZON, levels=LEVELS_ASKED)
    finite_and_alike(before, after)


@every_forecaster
@pytest.mark.parametrize("missing", ["column", "rows", "values"])
def test_a_future_that_lacks_a_covariate_is_a_usual_one(make, missing, panel, fitted):
    forecaster, before = fitted(make)
    future = {
        "column": panel.future.drop("promotion"),
        "rows": panel.future.head(0),
        "values": panel.future.with_columns(
            promotion=pl.lit(None, dtype=pl.Float64), price=pl.lit(float("nan"))
        ),
    }[missing]
    after = forecaster.predict(Panel(panel.history, future), horizon=HORIZON, levels=LEVELS_ASKED)
    finite_and_alike(before, after)


def finite_and_alike(before, after):
    """Another forecast perhaps, but a forecast, and of the same order."""
    assert np.isfinite(after.quantiles_units).all()
    assert np.isfinite(after.mean_units).all()
    weekly = before.skus.index("weekly")
    ratio = after.mean_units[weekly].mean() / before.mean_units[weekly].mean()
    assert 0.5 < ratio < 2.0
