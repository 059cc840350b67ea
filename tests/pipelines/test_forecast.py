"""A forecast is stored whole, is not made twice, and one SKU's moves only that SKU."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel
from inventory.demand import LEVELS
from inventory.errors import InputRejected
from inventory.store import forecasts
from models.baseline import MovingAverage, SeasonalNaive
from pipelines.forecast import forecast

NOW = datetime(2024, 3, 1, 5, tzinfo=UTC)
START = date(2024, 1, 1)


class Counting(MovingAverage):
    """Says how often it was asked."""

    asked = 0

    def predict(self, panel, *, horizon, levels):
        self.asked += 1
        return super().predict(panel, horizon=horizon, levels=levels)


def panel_of(*, days=60, shift=0.0):
    rng = np.random.default_rng(0)
    dates = [START + timedelta(days=i) for i in range(days)]
    frames = [
        pl.DataFrame(
            {
                "sku": sku,
                "location": location,
                "date": dates,
                "units": rng.poisson(8, 200)[:days] + shift,
                "in_stock": 1.0,
            }
        )
        for sku in ("a", "b")
        for location in ("north", "south")
    ]
    history = pl.concat(frames)
    return Panel(history=history, future=history.head(0).select(KEY))


def run(db, panel, model=None, *, version="1", now=NOW, **chosen):
    return forecast(
        db, panel, model or MovingAverage(), model_version=version, now=now, horizon=5, **chosen
    )


def test_what_the_model_said_is_in_force(db):
    panel = panel_of()
    run_id = run(db, panel, mlflow_run_id="m7", note="nightly")
    (stored,) = forecasts.read_current(db)
    said = MovingAverage().predict(panel, horizon=5, levels=np.array(LEVELS))
    assert (stored.skus, stored.locations) == (said.skus, said.locations)
    np.testing.assert_allclose(stored.quantiles_units, said.quantiles_units, rtol=1e-6)
    assert (stored.run_id, stored.model_version) == (run_id, "1")
    (record,) = forecasts.forecast_runs(db)
    assert (record.made_at, record.mlflow_run_id, record.note) == (NOW, "m7", "nightly")
    assert record.first_day == date(2024, 3, 1)


def test_asked_again_nothing_is_computed_or_stored_twice(db):
    model = Counting()
    first = run(db, panel_of(), model)
    assert run(db, panel_of(), model, now=NOW + timedelta(hours=3)) == first
    assert model.asked == 1
    assert [r.made_at for r in forecasts.forecast_runs(db)] == [NOW]


def test_other_data_model_or_day_is_another_run(db):
    runs = {
        run(db, panel_of()),
        run(db, panel_of(shift=1.0)),
        run(db, panel_of(), version="2"),
        run(db, panel_of(days=61)),
    }
    assert len(runs) == 4
    assert len(forecasts.forecast_runs(db)) == 4


def test_one_sku_moves_alone(db):
    nightly = run(db, panel_of())
    again = run(db, panel_of(), SeasonalNaive(), version="2", skus=["a"], note="promotion")
    in_force = {f.run_id: set(f.skus) for f in forecasts.read_current(db)}
    assert in_force == {nightly: {"b"}, again: {"a"}}
    assert forecasts.read_forecast(db, "a", "south").model_version == "2"
    assert forecasts.read_forecast(db, "b", "south").model_version == "1"


class MeanOfAll(MovingAverage):
    """A model that reads across series, as one that compares a category does."""

    def predict(self, panel, *, horizon, levels):
        found = super().predict(panel, horizon=horizon, levels=levels)
        mean = np.full_like(found.mean_units, panel.history["units"].mean())
        return replace(found, mean_units=mean)


def test_one_sku_is_still_seen_among_the_others(db):
    panel = panel_of()
    other = pl.when(pl.col("sku") == "b").then(pl.col("units") * 9).otherwise("units")
    panel = Panel(panel.history.with_columns(units=other), panel.future)
    run(db, panel, MeanOfAll())
    before = forecasts.read_forecast(db, "a", "north")
    run(db, panel, MeanOfAll(), skus=["a"])
    after = forecasts.read_forecast(db, "a", "north")
    assert before.run_id != after.run_id
    np.testing.assert_array_equal(before.mean_units, after.mean_units)


def test_going_back_to_an_earlier_model_puts_its_run_in_force_again(db):
    first = run(db, panel_of())
    run(db, panel_of(), SeasonalNaive(), version="2")
    assert run(db, panel_of()) == first
    assert [f.run_id for f in forecasts.read_current(db)] == [first]


def test_an_unknown_sku_is_named(db):
    with pytest.raises(InputRejected, match="nosuch"):
        run(db, panel_of(), skus=["nosuch"])
    assert forecasts.forecast_runs(db) == []


def test_a_model_that_fails_leaves_the_forecast_in_force(db):
    class Broken(MovingAverage):
        def predict(self, panel, *, horizon, levels):
            raise MemoryError

    first = run(db, panel_of())
    with pytest.raises(MemoryError):
        run(db, panel_of(), Broken(), version="2")
    assert [f.run_id for f in forecasts.read_current(db)] == [first]
