"""Forecasts on demand: the champion's own word, whoever else asks; refusals name the row."""

import itertools
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

from features.frame import KEY, Panel
from inventory.errors import Unavailable
from inventory.store import database, keys
from models import registry, runs
from models.baseline import MovingAverage, SeasonalNaive
from models.ensemble import Ensemble
from models.gate import Verdict
from pipelines.settings import Settings
from serving import on_demand
from serving.app import create_app

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
START, DAYS, AHEAD = date(2026, 1, 1), 60, 10
PATH = "/inference/series"


def frame_of(seed, *, days=DAYS, skus=("a", "b", "c")):
    rng = np.random.default_rng(seed)
    return pl.concat(
        pl.DataFrame({
            "sku": sku, "location": "x", "units": rng.poisson(8, days).astype(float),
            "date": [START + timedelta(days=t) for t in range(days)],
            "promotion": (rng.random(days) < 0.2).astype(float),
        })
        for sku in skus
    )  # fmt: skip


def panel_of(frame):
    frame = frame.with_columns(in_stock=pl.lit(1.0))
    return Panel(history=frame, future=frame.head(0).select(KEY))


def rows_of(frame):
    return [row | {"date": row["date"].isoformat()} for row in frame.to_dicts()]


def fitted(*members):
    return Ensemble(list(members), windows=2).fit(panel_of(frame_of(1)), horizon=AHEAD)


@pytest.fixture(scope="module")
def champion():
    return fitted(SeasonalNaive(), MovingAverage())


@pytest.fixture(scope="module")
def served(champion, empty_mlflow_db, http_database_url, tmp_path_factory):
    """A client of an app over a folder whose registry holds a champion."""
    folder = tmp_path_factory.mktemp("inference")
    shutil.copy(empty_mlflow_db, folder / "mlflow.db")
    settings = Settings(database_url=http_database_url, data_dir=folder)
    runs.log_model(
        champion, panel_of(frame_of(1)), horizon=AHEAD,
        parameters={"seed": 3, "data_sha256": "abc", "origin": START, "horizon": AHEAD},
        verdict=Verdict(True, "it is the first"), by="tests", now=NOW,
        tracking_uri=settings.tracking_uri, artifact_root=settings.artifact_root,
    )  # fmt: skip
    with database.connect(http_database_url) as db:
        key = keys.create_key(db, role="scientist", label="inference", now=NOW)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


def question(seed, **changed):
    return {"history": rows_of(frame_of(seed)), "horizon": 5, "levels": [0.9, 0.5]} | changed


def expected(champion, frame, *, horizon=5):
    """Mean and quantiles (N, H, 3) straight from the model."""
    found = champion.predict(panel_of(frame), horizon=horizon, levels=np.array([0.5, 0.9]))
    return np.concatenate([found.mean_units[..., None], found.quantiles_units], axis=2)


def told(answer):
    assert answer.status_code == 200, answer.text
    return np.array([
        [[day["mean"], day["q50"], day["q90"]] for day in series["days"]]
        for series in answer.json()["series"]
    ])  # fmt: skip


def test_given_series_are_forecast_as_the_model_does(served, champion):
    answer = served.post(PATH, json=question(2))
    np.testing.assert_allclose(told(answer), expected(champion, frame_of(2)), atol=1e-4)
    assert answer.json()["model_version"] == f"{registry.MODEL}/1"
    last = START + timedelta(days=DAYS - 1)
    assert answer.json()["origin"] == last.isoformat()
    assert answer.json()["series"][0]["days"][0]["date"] == (last + timedelta(days=1)).isoformat()


def test_who_else_asks_at_once_changes_nothing(served, champion):
    """Questions share batches; a bad one among them is refused alone."""
    bad = question(0)
    bad["history"][4]["units"] = -1
    asked = [bad, *(question(seed) for seed in range(10, 18))]
    with ThreadPoolExecutor(len(asked)) as pool:
        refused, *answers = pool.map(lambda body: served.post(PATH, json=body), asked)
    assert refused.status_code == 422
    for seed, answer in zip(range(10, 18), answers, strict=True):
        np.testing.assert_allclose(told(answer), expected(champion, frame_of(seed)), atol=1e-4)


def changed_row(**cells):
    body = question(2)
    body["history"][3] |= cells
    return body


@pytest.mark.parametrize(
    ("body", "field", "row", "words"),
    [
        (changed_row(units=-2), "history", 3, "negative"),
        (changed_row(units=None), "history", 3, "not a number"),
        (changed_row(date="2026-02-31"), "history", 3, "not a date"),
        (changed_row(date="2026-01-03"), "history", 3, "came before"),
        (changed_row(in_stock=1.5), "history", 3, "share"),
        (changed_row(units="many"), "history.units", None, "numbers"),
        (changed_row(weather={"rain": 1}), "history.weather", None, "numbers, or texts"),
        ({"history": [{"sku": "a", "date": "2026-01-01"}]}, "location", None, "no column"),
        (question(2, history=[]), "history", None, "at least 1"),
        (question(2, levels=[1.0]), "levels.0", None, "less than 1"),
        (question(2, hist=[]), "hist", None, "not permitted"),
        ([], None, None, "object"),
    ],
)
def test_what_is_wrong_is_named(served, body, field, row, words):
    answer = served.post(PATH, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem.get("field"), problem.get("row")) == (field, row)
    assert words in problem["detail"]


@pytest.mark.parametrize("path", [PATH, "/inference/forecast"])
def test_further_ahead_than_the_model_sees_is_refused(served, monkeypatch, path):
    monkeypatch.setattr(Ensemble, "horizon_max", AHEAD)
    body = question(2) if path == PATH else {"skus": ["a"]}
    answer = served.post(path, json=body | {"horizon": AHEAD + 1})
    assert (answer.status_code, answer.json()["field"]) == (422, "horizon")
    assert f"{AHEAD} days ahead" in answer.json()["detail"]


def test_a_body_that_is_no_json_is_the_callers_fault(served):
    answer = served.post(PATH, content=b"{no", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "JSON" in answer.json()["detail"]


def test_weekly_rows_are_no_matter_for_a_daily_model(served):
    rows = question(2)["history"]
    weekly = [row | {"date": (START + timedelta(weeks=n % DAYS)).isoformat()}
              for n, row in enumerate(rows)]  # fmt: skip
    answer = served.post(PATH, json=question(2, history=weekly))
    assert answer.status_code == 422
    assert "7 days apart" in answer.json()["detail"]


def test_too_many_series_are_refused(served):
    rows = [{"sku": f"s{n}", "location": "x", "date": f"2026-01-0{d}", "units": 1}
            for n in range(101) for d in (1, 2)]  # fmt: skip
    answer = served.post(PATH, json={"history": rows})
    assert answer.status_code == 422
    assert "101 series" in answer.json()["detail"]


def test_a_defect_is_told_without_its_traceback(served, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(on_demand, "answer", broken)
    answer = served.post(PATH, json=question(2))
    assert answer.status_code == 500
    assert answer.json()["type"].endswith("/inference-failed")
    assert "secret" not in answer.text


def test_only_those_may_ask_who_plan(served, key_of):
    for headers, status in (({"Authorization": "Bearer wrong"}, 401),
                            ({"Authorization": f"Bearer {key_of('oms')}"}, 403)):  # fmt: skip
        assert served.post(PATH, json=question(2), headers=headers).status_code == status


class Registry:
    """Stands for the registry: what is champion there, and how often it was loaded."""

    def __init__(self, monkeypatch):
        self.version, self.away, self.loaded = "1", False, []
        monkeypatch.setattr(registry, "load_champion", self.load)
        monkeypatch.setattr(registry, "version_of", self.look)

    def load(self, _uri):
        self.loaded.append(self.version)
        return registry.Champion(ensemble=None, version=self.version, run_id="r")

    def look(self, _uri, *, alias):
        assert alias == registry.CHAMPION
        if self.away:
            raise Unavailable("gone")
        return registry.Champion(ensemble=None, version=self.version, run_id="r")


def test_another_champion_takes_over_soon_and_is_loaded_once(monkeypatch):
    there = Registry(monkeypatch)
    seconds = itertools.count(0, on_demand.LOOK_SECONDS / 4)
    in_use = on_demand.InUse("uri", clock=lambda: float(next(seconds)))
    assert [in_use.get().version for _ in range(6)] == ["1"] * 6
    assert there.loaded == ["1"]
    there.version = "2"
    said = [in_use.get().version for _ in range(8)]
    assert said[-1] == "2"
    assert there.loaded == ["1", "2"]
    there.away, there.version = True, "3"
    assert {in_use.get().version for _ in range(8)} == {"2"}, "it forecasts without the registry"


ASKS = """
import sys
from starlette.testclient import TestClient
from pipelines.settings import Settings
from serving.app import create_app
with TestClient(create_app(Settings())) as client:
    client.headers["Authorization"] = "Bearer " + sys.argv[1]
    assert client.get("/api/v2/availability/A?location=S1").json()["atp"] == 0
    assert client.get("/api/v2/forecasts/A/S1").status_code == 404
    assert client.get("/api/v2/forecasts/A/S1/explanation").status_code == 404
print([m for m in ("torch", "xgboost", "mlflow", "bentoml", "statsmodels") if m in sys.modules])
"""


def test_promises_and_stored_forecasts_are_read_without_a_model(database_url, db, tmp_path):
    db.execute("insert into skus (sku, name) values ('A', 'A')")
    db.execute("insert into locations (location, name, type) values ('S1', 'S1', 'store')")
    key = keys.create_key(db, role="admin", label="test", now=NOW)
    environment = {"VOUCH_DATABASE_URL": database_url, "VOUCH_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASKS, key], env=os.environ | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
