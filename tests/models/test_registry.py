"""The registry keeps what it is given, and a challenger must earn its place."""

import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from math import inf
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel
from inventory.demand import LEVELS
from inventory.errors import NotFound, Unavailable
from models import registry
from models.baseline import MovingAverage, SeasonalNaive
from models.ensemble import Ensemble
from models.intermittent import IntermittentForecaster

START = date(2024, 1, 1)


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


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """An MLflow store with its tables, made once: that takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    with registry._store(f"sqlite:///{folder / 'mlflow.db'}"):
        pass
    return folder / "mlflow.db"


@pytest.fixture
def store(empty_store, tmp_path):
    """A fresh store: its URI and the folder for artifacts."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts"


def log(panel, store, ensemble=None):
    uri, root = store
    return registry.log_model(
        ensemble or small_ensemble(panel),
        panel,
        horizon=7,
        parameters={"seed": 3, "data_sha256": "abc"},
        tracking_uri=uri,
        artifact_root=root,
    )


@pytest.mark.parametrize(
    ("loss", "champion_loss", "series_known", "wins"),
    [
        (0.7, None, None, True),
        (0.7, 0.8, 1.0, True),
        (0.7, 0.7, 1.0, True),
        (0.71, 0.7, 1.0, True),  # within two percent
        (0.72, 0.7, 1.0, False),
        (0.72, 0.7, 0.4, True),  # the champion was trained on other series
        (inf, 0.7, 1.0, False),
        (0.7, inf, 1.0, True),
    ],
)
def test_promotion_rule(loss, champion_loss, series_known, wins):
    won, reason = registry.verdict(
        loss=loss, champion_loss=champion_loss, series_known=series_known
    )
    assert won is wins
    assert reason


def test_scores_are_averaged_by_what_was_observed():
    backtest = pl.DataFrame(
        {
            "member": ["arima"] * 3 + ["ensemble", "seasonal_naive"],
            "sql": [0.1, 0.3, float("nan"), 0.18, 0.36],
            "wape": 0.5,
            "bias": 0.0,
            "coverage95": 0.9,
            "coverage99": 0.99,
            "periods": [30, 10, 500, 1, 1],
        }
    )
    assert registry.metrics_of(backtest)["arima.sql"] == pytest.approx((3 + 3) / 40)
    assert registry.loss_of(backtest) == pytest.approx(0.5)
    assert registry.loss_of(backtest.head(0)) == inf


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


def test_a_run_tells_what_it_was_made_from(store):
    import mlflow

    panel = small_panel()
    logged = log(panel, store)
    client = mlflow.MlflowClient(tracking_uri=store[0])
    run = client.get_run(logged.run_id)
    assert run.data.params == {"seed": "3", "data_sha256": "abc"}
    assert {"ensemble.sql", "seasonal_naive.wape", "intermittent.coverage95"} <= set(
        run.data.metrics
    )
    assert {f.path for f in client.list_artifacts(logged.run_id)} == {
        "weights.json",
        "backtest.json",
    }
    assert run.data.tags["promotion"] == "first model"


def test_a_worse_challenger_waits_and_can_be_promoted_by_hand(store):
    panel = small_panel()
    log(panel, store)
    worse = small_ensemble(panel)
    worse.backtest = worse.backtest.with_columns(
        sql=pl.when(pl.col("member") == "ensemble").then(pl.col("sql") * 2).otherwise("sql")
    )
    logged = log(panel, store, worse)
    assert (logged.alias, logged.version) == ("challenger", "2")
    assert "worse" in logged.reason
    assert registry.load_champion(store[0]).version == "1"
    assert registry.load_champion(store[0], alias="challenger").version == "2"
    registry.promote("2", store[0])
    assert registry.load_champion(store[0]).version == "2"
    with pytest.raises(NotFound, match="version 9"):
        registry.promote("9", store[0])


def test_other_series_replace_a_champion_that_does_not_know_them(store):
    log(small_panel(), store)
    others = small_panel(skus=("a", "p", "q", "r"))
    worse = small_ensemble(others)
    worse.backtest = worse.backtest.with_columns(
        sql=pl.when(pl.col("member") == "ensemble").then(pl.col("sql") * 2).otherwise("sql")
    )
    logged = log(others, store, worse)
    assert logged.alias == "champion"
    assert "25%" in logged.reason


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
import json, sys, mlflow
uri, table, out = sys.argv[1:]
mlflow.set_tracking_uri(uri)
model = mlflow.pyfunc.load_model("models:/vouch-forecaster@champion")
import pandas as pd
answer = model.predict(pd.read_parquet(table), params={"horizon": 7})
import models.ensemble
answer.attrs = {}
answer.to_parquet(out)
print(models.ensemble.__file__)
"""


def test_loads_from_the_registry_alone(store, tmp_path):
    """Another process, in another folder, without this project: its code travels with the model."""
    import models.registered as served

    panel = small_panel()
    ensemble = small_ensemble(panel)
    log(panel, store, ensemble)
    served.table_of(panel).to_parquet(tmp_path / "table.parquet")
    hide_project = tmp_path / "hidden"
    hide_project.mkdir()
    (hide_project / "sitecustomize.py").write_text(
        "import sys\n"
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]\n"
        f"sys.path = [p for p in sys.path if p != {str(Path(served.__file__).parents[1])!r}]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", LOADS, store[0], "table.parquet", "answer.parquet"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(hide_project), "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(store[1]) in done.stdout, "the code that ran came with the model"
    answer = pl.read_parquet(tmp_path / "answer.parquet")
    expected = ensemble.predict(panel, horizon=7, levels=np.array(LEVELS))
    np.testing.assert_allclose(answer["q0.95"], expected.day_quantiles_units(0.95).ravel())
    assert answer["sku"].unique().sort().to_list() == ["a", "b", "c"]
