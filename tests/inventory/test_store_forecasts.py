"""Forecasts come back as they went in, and what is in force changes whole or not at all."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from inventory.demand import LEVELS, DemandForecast
from inventory.store import database, forecasts

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)


def forecast_of(skus, *, run_id="run-1", first_day=date(2026, 3, 2), horizon=5, seed=0, scale=10.0):
    rng = np.random.default_rng(seed)
    quantiles = np.sort(scale * rng.random((len(skus), horizon, len(LEVELS))), axis=2)
    return DemandForecast(
        skus=tuple(skus),
        locations=tuple(f"store-{i % 2}" for i in range(len(skus))),
        first_day=first_day,
        levels=np.array(LEVELS),
        quantiles_units=quantiles,
        mean_units=quantiles.mean(axis=2),
        dependence=rng.random((len(skus), 2)) * 0.5,
        run_id=run_id,
        model_version="7",
    )


def test_comes_back_as_it_went_in(db):
    stored = forecast_of(["a", "b", "naïve \t\n,\"'\\ sku", "日本"])
    assert forecasts.store_run(db, stored, now=NOW, mlflow_run_id="m1", note="nightly")
    (back,) = forecasts.read_current(db)
    order = [back.skus.index(sku) for sku in stored.skus]
    assert tuple(back.locations[i] for i in order) == stored.locations
    for name in ("quantiles_units", "mean_units", "dependence"):
        np.testing.assert_allclose(getattr(back, name)[order], getattr(stored, name), rtol=1e-6)
    assert (back.first_day, back.horizon, back.run_id, back.model_version, back.period_days) == (
        date(2026, 3, 2), 5, "run-1", "7", 1,
    )  # fmt: skip
    np.testing.assert_array_equal(back.levels, LEVELS)
    (run,) = forecasts.forecast_runs(db)
    assert (run.mlflow_run_id, run.note, run.series, run.current) == ("m1", "nightly", 4, 4)
    assert run.made_at == NOW


def test_rows_are_readable_by_plain_sql(db):
    stored = forecast_of(["a"])
    forecasts.store_run(db, stored, now=NOW)
    found = db.execute(
        "select mean_units[2], quantiles_units[19], array_length(quantiles_units, 1) from forecasts"
    ).fetchone()
    assert found[0] == pytest.approx(stored.mean_units[0, 1], rel=1e-6)
    assert found[1] == pytest.approx(stored.quantiles_units[0, 1, 0], rel=1e-6)
    assert found[2] == 5 * len(LEVELS)


def test_one_series_or_none(db):
    stored = forecast_of(["a", "b"])
    forecasts.store_run(db, stored, now=NOW)
    found = forecasts.read_forecast(db, "b", "store-1")
    assert (found.skus, found.locations) == (("b",), ("store-1",))
    np.testing.assert_allclose(found.mean_units, stored.mean_units[1:], rtol=1e-6)
    assert forecasts.read_forecast(db, "b", "store-0") is None
    assert forecasts.read_forecast(db, "c", "store-0") is None


def test_a_run_of_one_sku_moves_only_that_sku(db):
    forecasts.store_run(db, forecast_of(["a", "b", "c"]), now=NOW)
    later = NOW + timedelta(hours=1)
    forecasts.store_run(db, forecast_of(["a"], run_id="run-2", seed=1, scale=99), now=later)
    newest, older = forecasts.read_current(db)
    assert (newest.run_id, newest.skus) == ("run-2", ("a",))
    assert (older.run_id, older.skus) == ("run-1", ("b", "c"))
    assert forecasts.read_forecast(db, "a", "store-0").run_id == "run-2"
    assert [r.current for r in forecasts.forecast_runs(db)] == [1, 2]
    assert forecasts.read_run(db, "run-1").skus == ("a", "b", "c"), "the past stays readable"


def test_storing_a_run_again_changes_nothing_but_puts_it_in_force(db):
    first, second = forecast_of(["a"]), forecast_of(["a"], run_id="run-2", seed=1)
    assert forecasts.store_run(db, first, now=NOW)
    assert forecasts.store_run(db, second, now=NOW)
    assert not forecasts.store_run(db, first, now=NOW)
    assert forecasts.has_run(db, "run-2")
    assert not forecasts.has_run(db, "run-3")
    assert forecasts.read_forecast(db, "a", "store-0").run_id == "run-1"
    assert db.execute("select count(*) from forecasts").fetchone() == (2,)


def test_a_run_that_fails_half_way_leaves_no_trace(db):
    doubled = forecast_of(["a", "b", "a"])
    with pytest.raises(Exception, match="duplicate key"):
        forecasts.store_run(db, doubled, now=NOW)
    assert forecasts.forecast_runs(db) == []
    assert forecasts.read_current(db) == []


def test_a_reader_sees_the_old_run_until_the_new_one_is_whole(db, database_url):
    forecasts.store_run(db, forecast_of(["a", "b"]), now=NOW)
    with database.connect(database_url) as reader:
        with db.transaction():
            forecasts.store_run(db, forecast_of(["a", "b"], run_id="run-2"), now=NOW)
            assert [f.run_id for f in forecasts.read_current(reader)] == ["run-1"]
        assert [f.run_id for f in forecasts.read_current(reader)] == ["run-2"]


def test_filters(db):
    forecasts.store_run(db, forecast_of(["a", "b", "c"]), now=NOW)
    forecasts.store_run(db, forecast_of(["z"], run_id="old", first_day=date(2025, 1, 1)), now=NOW)
    assert [f.skus for f in forecasts.read_current(db, skus=["a", "c", "x"])] == [("a", "c")]
    assert [f.skus for f in forecasts.read_current(db, locations=["store-1"])] == [("b",)]
    assert [f.run_id for f in forecasts.read_current(db, since=date(2026, 1, 1))] == ["run-1"]
    assert forecasts.read_current(db, skus=[]) == []


def test_the_newest_run_with_a_note_is_found_behind_any_number_of_others(db):
    """Promotions forecast single SKUs anew, hundreds of times between two trainings."""
    assert forecasts.last_made(db, noted="trained") is None
    for ago, note in [(9, "trained 2026-01-01"), (8, "trained 2026-01-02: drift")]:
        run = forecast_of(["a"], run_id=f"run-{ago}")
        forecasts.store_run(db, run, now=NOW - timedelta(days=ago), note=note)
    db.execute(
        "insert into forecast_runs (run_id, first_day, horizon, levels, model_version, series, "
        "made_at) select 'sku-' || n, '2026-01-01', 28, '{0.5}', 'm/1', 1, %s "
        "from generate_series(1, 1001) n",
        [NOW],
    )
    assert forecasts.last_made(db, noted="trained") == NOW - timedelta(days=8)


def test_old_runs_are_dropped_unless_in_force(db):
    forecasts.store_run(db, forecast_of(["a", "b"], run_id="partly"), now=NOW - timedelta(days=9))
    forecasts.store_run(db, forecast_of(["c"], run_id="gone"), now=NOW - timedelta(days=9))
    forecasts.store_run(
        db, replace(forecast_of(["c", "d", "a"]), locations=("store-0",) * 3), now=NOW
    )
    assert forecasts.drop_runs_made_before(db, NOW - timedelta(days=1)) == 1
    assert {r.run_id for r in forecasts.forecast_runs(db)} == {"partly", "run-1"}
    assert forecasts.read_run(db, "gone") is None


def test_the_newest_run_with_a_note_is_spared(db):
    for ago in (9, 8):
        run = forecast_of(["a"], run_id=f"trained-{ago}")
        forecasts.store_run(db, run, now=NOW - timedelta(days=ago), note="trained then")
    forecasts.store_run(db, forecast_of(["a"]), now=NOW)
    assert forecasts.drop_runs_made_before(db, NOW, spared_note="trained") == 1
    assert {r.run_id for r in forecasts.forecast_runs(db)} == {"trained-8", "run-1"}
