"""The registry keeps what it is given, tells what it holds, and goes back when asked."""

import json
import os
import shutil
import subprocess
import sys
import venv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.frame import KEY, Panel
from inventory.demand import LEVELS
from inventory.errors import NotFound, StateConflict, Unavailable
from models import registry, runs
from models.baseline import MovingAverage, SeasonalNaive
from models.ensemble import Ensemble
from models.gate import Verdict
from models.intermittent import IntermittentForecaster
from models.members import members_of

START = date(2024, 1, 1)
NOW = datetime(2024, 3, 1, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WINS, LOSES = Verdict(True, "it won"), Verdict(False, "it lost", against="1")


def small_panel(days=60, skus=("a", "b", "c")):
    rng = np.random.default_rng(0)
    frames = [
        pl.DataFrame(
            {
                "sku": sku,
                "location": "x",
                "date": [START + timedelta(days=i) for i in range(days + 7)],
                "units": rng.poisson(8, days + 7).astype(float),
                "in_stock": 1.0,
                "promotion": (rng.random(days + 7) < 0.2).astype(float),
                "category": "bread" if sku == "a" else "fruit",
                "visits": rng.poisson(50, days + 7).astype(float),
            }
        )
        for sku in skus
    ]
    frame = pl.concat(frames)
    last = START + timedelta(days=days - 1)
    return Panel(
        history=frame.filter(pl.col("date") <= last),
        future=frame.filter(pl.col("date") > last).select(*KEY, "promotion"),
    )


def small_ensemble(panel):
    members = [SeasonalNaive(), MovingAverage(), IntermittentForecaster()]
    return Ensemble(members, windows=2).fit(panel, horizon=7)


@pytest.fixture
def store(empty_mlflow_db, tmp_path):
    """A fresh store: its URI and the folder for artifacts."""
    shutil.copy(empty_mlflow_db, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts"


def log(panel, store, ensemble=None, verdict=WINS):
    uri, root = store
    return runs.log_model(
        ensemble or small_ensemble(panel),
        panel,
        horizon=7,
        parameters={"seed": 3, "data_sha256": "abc", "origin": panel.origin, "horizon": 7},
        verdict=verdict,
        by="tests",
        now=NOW,
        tracking_uri=uri,
        artifact_root=root,
    )


def test_scores_are_averaged_by_what_was_observed():
    backtest = pl.DataFrame(
        {
            "member": ["arima"] * 3 + ["ensemble"],
            "segment": ["smooth", "erratic", "smooth", "smooth"],
            "horizon_block": [0, 0, 1, 0],
            "sql": [0.1, 0.3, float("nan"), 0.18],
            "wape": 0.5,
            "mase": 0.8,
            "bias": 0.0,
            "coverage95": 0.9,
            "coverage99": 0.99,
            "periods": [30, 10, 500, 1],
        }
    )
    found = runs.metrics_of(backtest)
    assert found["arima.sql"] == pytest.approx((3 + 3) / 40)
    assert found["arima.erratic.near.sql"] == pytest.approx(0.3)
    assert found["arima.smooth.middle.wape"] == pytest.approx(0.5)
    assert "arima.smooth.middle.sql" not in found, "it could not be measured"
    assert set(runs.headlines(found)) == {
        f"{m}.{s}" for m in ("arima", "ensemble") for s in runs.SCORES
    }
    assert runs.metrics_of(backtest.head(0)) == {}


def test_the_first_model_is_champion_and_comes_back_as_it_was(store, capfd):
    panel = small_panel()
    ensemble = small_ensemble(panel)
    logged = log(panel, store, ensemble)
    assert (logged.alias, logged.version) == ("champion", "1")
    champion = registry.load_champion(store[0])
    assert (champion.version, champion.run_id) == ("1", logged.run_id)
    levels = np.array(LEVELS)
    before, after = (
        e.predict(panel, horizon=7, levels=levels) for e in (ensemble, champion.ensemble)
    )
    np.testing.assert_allclose(after.quantiles_units, before.quantiles_units, rtol=1e-9)
    assert registry.load_champion(store[0], alias="challenger").version == "1"
    assert capfd.readouterr() == ("", ""), "MLflow's own messages would break the progress display"


def test_a_run_tells_what_it_was_made_from_and_how_it_did(store):
    import mlflow

    panel = small_panel(skus=tuple("abcdefghijkl"))
    logged = log(panel, store)
    client = mlflow.MlflowClient(tracking_uri=store[0])
    run = client.get_run(logged.run_id)
    assert (run.data.params["seed"], run.data.params["data_sha256"]) == ("3", "abc")
    assert {
        "ensemble.sql",
        "seasonal_naive.wape",
        "moving_average.coverage95",
        "ensemble.smooth.near.coverage99",
    } <= set(run.data.metrics)
    kept = {f.path for f in client.list_artifacts(logged.run_id)}
    tables = {"weights", "backtest", "calibration"}
    assert {f"{t}.{e}" for t in tables for e in ("json", "png")} <= kept
    assert {"verdict.json", "environment.json"} <= kept
    assert run.data.tags["promotion"] == "it won"
    folder = Path(mlflow.artifacts.download_artifacts(
        run_id=logged.run_id, tracking_uri=store[0], dst_path=str(store[1] / "down")
    ))  # fmt: skip
    environment = json.loads((folder / "environment.json").read_text())
    assert f"polars=={pl.__version__}" in environment["requirements"]
    weights = json.loads((folder / "weights.json").read_text())
    assert "ensemble" not in {row[2] for row in weights["data"]}
    assert (folder / "calibration.png").stat().st_size > 10_000


def test_the_importance_of_a_booster_is_told_by_group():
    class Boosted(SeasonalNaive):
        name = "boosted"

        def importance(self):
            told = [("lag_7", "history", 0.5), ("lag_14", "history", 0.2), ("day", "external", 0.3)]
            schema = {"feature": pl.String, "group": pl.String, "gain": pl.Float64}
            return pl.DataFrame(told, schema=schema, orient="row")

    found = runs.importance_of(Ensemble([SeasonalNaive(), Boosted()]))
    assert found["member"].unique().to_list() == ["boosted"]
    assert runs.by_group(found).rows() == [
        ("boosted", "history", 2, pytest.approx(0.7)),
        ("boosted", "external", 1, pytest.approx(0.3)),
    ]
    from models import run_figures

    figure = run_figures.importance(found, runs.by_group(found))
    assert [axes.get_title() for axes in figure.axes][1] == "By group"
    assert run_figures.importance(found.head(0), runs.by_group(found.head(0))) is None


def test_who_lost_waits_and_changes_are_on_record(store):
    uri = store[0]
    panel = small_panel()
    ensemble = small_ensemble(panel)
    log(panel, store, ensemble)
    logged = log(panel, store, ensemble, LOSES)
    assert (logged.alias, logged.version) == ("challenger", "2")
    assert registry.load_champion(uri).version == "1"
    listed = registry.versions(uri)
    assert [(v.version, v.aliases) for v in listed] == [
        ("2", ("challenger",)),
        ("1", ("champion",)),
    ]
    assert (listed[0].verdict, listed[0].origin) == (LOSES, panel.origin)
    assert listed[0].horizon == 7
    assert listed[0].metrics["ensemble.sql"] > 0

    with pytest.raises(NotFound, match="champion before"):
        registry.roll_back(uri, by="me", reason="?", now=NOW)
    forced = registry.put_in_force(uri, "2", by="me", reason="why not", now=NOW, act="force")
    assert (forced.previous, registry.load_champion(uri).version) == ("1", "2")
    log(panel, store, ensemble)
    assert registry.load_champion(uri).version == "3"
    with pytest.raises(StateConflict, match="champion"):
        registry.put_in_force(uri, "3", by="me", reason="again", now=NOW)
    with pytest.raises(NotFound, match="vouch-forecaster/9"):
        registry.put_in_force(uri, "9", by="me", reason="?", now=NOW)

    later = NOW + timedelta(hours=1)
    back = [registry.roll_back(uri, by="op", reason="odd", now=later + i * SECOND) for i in (0, 1)]
    assert [(c.previous, c.version) for c in back] == [("3", "2"), ("2", "1")]
    assert registry.load_champion(uri).version == "1"
    registry.roll_back(uri, by="op", reason="well", now=later + 2 * SECOND, to="3")
    assert registry.load_champion(uri).version == "3"
    assert [c.act for c in registry.changes(uri)] == [
        "rollback", "rollback", "rollback", "promote", "force", "promote",
    ]  # fmt: skip
    assert registry.changes(uri)[4] == forced


SLOWLY = """
import sys, time
from datetime import UTC, datetime
from models import registry
known = registry._changes
def slowly(client):
    found = known(client)
    print("read", flush=True)
    time.sleep(2)
    return found
registry._changes = slowly
now = datetime(2024, 3, 1, tzinfo=UTC)
registry.put_in_force(sys.argv[1], "2", by="other", reason="?", now=now)
"""


def test_of_two_promotions_at_once_none_is_lost(store):
    uri, panel = store[0], small_panel()
    ensemble = small_ensemble(panel)
    log(panel, store, ensemble)
    for _ in range(2):
        log(panel, store, ensemble, LOSES)
    with subprocess.Popen(
        [sys.executable, "-c", SLOWLY, uri], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "read\n"
        registry.put_in_force(uri, "3", by="me", reason="?", now=NOW)
    assert other.returncode == 0
    found = [(change.previous, change.version) for change in registry.changes(uri)]
    assert found == [("2", "3"), ("1", "2"), (None, "1")]


def test_a_model_of_another_version_is_said_plainly(store):
    log(small_panel(), store)
    (state,) = store[1].rglob("ensemble.json")
    state.write_text(state.read_text().replace("models.baseline:", "models.bygone:"))
    with pytest.raises(Unavailable, match="train anew"):
        registry.load_champion(store[0])


def test_nothing_registered_is_said_plainly(store):
    with pytest.raises(NotFound, match="vouch-forecaster@champion"):
        registry.load_champion(store[0])


def test_a_store_that_cannot_be_opened_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="VOUCH_MLFLOW_TRACKING_URI"):
        registry.load_champion(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")


def test_a_file_that_is_no_database_is_said_plainly(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database " * 100)
    with pytest.raises(Unavailable, match="cannot be used"):
        registry.load_champion(f"sqlite:///{tmp_path / 'mlflow.db'}")


LOADS = """
import sys
uri, project, table, out = sys.argv[1:]
# What a development install adds must not help.
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f)]
sys.path = [p for p in sys.path if p != project]
import mlflow
mlflow.set_tracking_uri(uri)
model = mlflow.pyfunc.load_model("models:/vouch-forecaster@champion")
import pandas as pd
answer = model.predict(pd.read_parquet(table), params={"horizon": 7})
import models.ensemble
answer.attrs = {}
answer.to_parquet(out)
print(models.ensemble.__file__)
"""


def answer_of(python, store, panel, folder):
    """What the registered champion says to another Python, in another folder, on its own."""
    import models.registered as served

    served.table_of(panel).to_parquet(folder / "table.parquet")
    project = str(Path(served.__file__).parents[1])
    done = subprocess.run(
        [python, "-I", "-c", LOADS, store[0], project, "table.parquet", "answer.parquet"],
        cwd=folder,
        env={"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(store[1]) in done.stdout, "the code that ran came with the model"
    return pl.read_parquet(folder / "answer.parquet")


def assert_same(answer, forecast, **tolerance):
    assert answer["sku"].unique().sort().to_list() == sorted(forecast.skus)
    for level in LEVELS:
        expected = forecast.day_quantiles_units(level).ravel()
        np.testing.assert_allclose(answer[f"q{level:g}"], expected, **tolerance)
    np.testing.assert_allclose(answer["mean"], forecast.mean_units.ravel(), **tolerance)


@pytest.mark.parametrize("planned", [True, False], ids=["with a future", "without"])
def test_the_registered_model_reads_every_column_of_the_panel(planned):
    """Also what is known of the past alone: a category, visits to the shop."""
    import models.registered as served

    panel = small_panel(days=20)
    if not planned:
        panel = Panel(history=panel.history, future=panel.future.head(0).select(KEY))
    again = served.panel_of(served.table_of(panel), period_days=1)
    assert_frame_equal(again.history, panel.history)
    assert again.known_ahead == panel.known_ahead
    assert again.future.select(panel.future.columns).equals(panel.future)


def test_loads_from_the_registry_alone(store, tmp_path):
    """Another process, in another folder, without this project: its code travels with the model."""
    panel = small_panel()
    ensemble = small_ensemble(panel)
    log(panel, store, ensemble)
    answer = answer_of(sys.executable, store, panel, tmp_path)
    assert_same(answer, ensemble.predict(panel, horizon=7, levels=np.array(LEVELS)))


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_loads_in_an_environment_made_from_its_own_requirements(store, tmp_path):
    """All members, in a fresh environment that holds what the model says it needs, and no Vouch."""
    panel = small_panel(days=120)
    ensemble = Ensemble(members_of("full", seed=1, threads=1), windows=2).fit(panel, horizon=7)
    log(panel, store, ensemble)
    (needs,) = store[1].rglob("requirements.txt")
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    python = str(fresh / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", str(needs)], check=True)
    found = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    assert "vouch" not in {line.split("==")[0] for line in found.stdout.splitlines()}
    answer = answer_of(python, store, panel, tmp_path)
    expected = ensemble.predict(panel, horizon=7, levels=np.array(LEVELS))
    assert_same(answer, expected, rtol=1e-4, atol=1e-4)
