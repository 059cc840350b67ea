"""Registered models over HTTP: what is in use and why, promotions that are earned, the way back."""

import shutil
from datetime import UTC, date, datetime, timedelta

import httpx
import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel
from models import gate, runs
from models.baseline import MovingAverage, SeasonalNaive
from models.ensemble import Ensemble
from models.gate import Criterion, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def refused(difference, *, against="1"):
    criteria = tuple(
        Criterion(name, 1.0, 1.0 + difference, difference, difference, difference, tolerance)
        for name, tolerance in gate.TOLERANCES.items()
    )
    return Verdict(False, gate.reason_of(criteria), against=against, criteria=criteria)


@pytest.fixture(scope="module")
def models_url(start_server, http_database_url, empty_mlflow_db, tmp_path_factory):
    """A server whose registry holds a champion (1), one that lost to it (2), one unjudged (3)."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copy(empty_mlflow_db, folder / "mlflow.db")
    day = [date(2026, 1, 1) + timedelta(days=i) for i in range(40)]
    units = np.random.default_rng(0).poisson(5, 40).astype(float)
    history = pl.DataFrame({"sku": "a", "location": "x", "date": day, "units": units,
                            "in_stock": 1.0})  # fmt: skip
    panel = Panel(history, history.select(KEY).clear())
    ensemble = Ensemble([SeasonalNaive(), MovingAverage()], windows=2).fit(panel, horizon=7)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runs, "_log_tables", lambda *_: None)
        for found in (Verdict(True, "first model"), refused(0.2), refused(0.0, against="9")):
            runs.log_model(
                ensemble, panel, horizon=7, parameters={"origin": panel.origin, "horizon": 7},
                verdict=found, by="tests", now=NOW, artifact_root=folder / "mlartifacts",
                tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
            )  # fmt: skip
    with start_server(database_url=http_database_url, data_dir=folder) as url:
        yield url


@pytest.fixture
def as_role(models_url, key_of):
    def client(role):
        headers = {"Authorization": f"Bearer {key_of(role)}"}
        return httpx.Client(base_url=f"{models_url}/api/v2", headers=headers, timeout=60)

    return client


def champion(client):
    listed = client.get("/models").json()["models"]
    return next(m["version"] for m in listed if "champion" in m["aliases"])


def test_models_are_listed_judged_promoted_and_taken_back(as_role):
    with as_role("viewer") as viewer:
        page = viewer.get("/models", params={"limit": 2}).json()
        assert [m["version"] for m in page["models"]] == ["3", "2"]
        rest = viewer.get("/models", params={"cursor": page["next_cursor"]}).json()
        assert [m["version"] for m in rest["models"]] == ["1"]
        assert rest["next_cursor"] is None
        one = viewer.get("/models/2").json()
        assert one["origin"] == "2026-02-09"
        assert one["metrics"]["ensemble.sql"] > 0
        assert [c["passed"] for c in one["verdict"]["criteria"]] == [False] * 3
        assert viewer.get("/models/99").status_code == 404
        assert viewer.get("/models/x").status_code == 422
        assert viewer.post("/models/2/promote", json={}).status_code == 403

    with as_role("scientist") as scientist:
        lost = scientist.post("/models/2/promote", json={})
        assert lost.status_code == 409
        assert lost.json()["type"].endswith("/promotion-refused")
        assert "accuracy is worse by 20.0 %" in lost.json()["detail"]
        assert lost.json()["verdict"]["against"] == "1"
        unjudged = scientist.post("/models/3/promote", json={})
        assert unjudged.status_code == 409
        assert "never compared with version 1" in unjudged.json()["detail"]
        for body in ({"force": True}, {"reason": "no force"}, {"force": True, "reason": " "}):
            assert scientist.post("/models/2/promote", json=body).status_code == 422
        assert champion(scientist) == "1"

        key = {"Idempotency-Key": "promote-2"}
        body = {"force": True, "reason": "the till was broken"}
        forced = scientist.post("/models/2/promote", json=body, headers=key)
        assert forced.status_code == 200
        assert forced.json()["change"]["previous"] == "1"
        again = scientist.post("/models/2/promote", json=body, headers=key)
        assert again.json() == forced.json()
        assert champion(scientist) == "2"
        assert scientist.post("/models/2/promote", json=body).status_code == 409

        assert scientist.post("/models/rollback", json={}).status_code == 422
        back = scientist.post("/models/rollback", json={"reason": "it was not"})
        assert (back.json()["version"], back.json()["previous"]) == ("1", "2")
        assert champion(scientist) == "1"
        changes = scientist.get("/models").json()["changes"]
        assert [c["act"] for c in changes] == ["rollback", "force", "promote"]
        assert changes[0]["by"].startswith("scientist:")


def test_a_registry_that_was_never_made_is_empty(client_of):
    assert client_of("viewer").get("/models").json() == {
        "models": [], "changes": [], "next_cursor": None,
    }  # fmt: skip
    assert client_of("scientist").post(
        "/models/rollback", json={"reason": "why not"}
    ).status_code == 404  # fmt: skip
