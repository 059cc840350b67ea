"""Training leaves a registered model, and everything needed to make it again."""

import shutil
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel
from inventory.demand import LEVELS
from models import registry
from models.baseline import MovingAverage, SeasonalNaive
from models.ensemble import Ensemble
from models.gate import Verdict
from pipelines import predict, train
from pipelines.settings import Settings
from pipelines.snapshot import code_version, panel_digest

START = date(2024, 1, 1)
NOW = datetime(2024, 3, 1, 6, tzinfo=UTC)


def panel_of(units=8, *, days=60, seed=0):
    rng = np.random.default_rng(seed)
    frames = [
        pl.DataFrame(
            {
                "sku": sku,
                "location": "x",
                "date": [START + timedelta(days=i) for i in range(days + 7)],
                "units": rng.poisson(units, days + 7).astype(float),
                "in_stock": 1.0,
                "promotion": (rng.random(days + 7) < 0.2).astype(float),
                "category": "food",
            }
        )
        for sku in ("a", "b")
    ]
    frame = pl.concat(frames)
    last = START + timedelta(days=days - 1)
    return Panel(
        history=frame.filter(pl.col("date") <= last),
        future=frame.filter(pl.col("date") > last).select(*KEY, "promotion"),
    )


def test_the_same_data_has_the_same_digest_and_other_data_another():
    panel = panel_of()
    assert panel_digest(panel) == panel_digest(panel_of())
    one = pl.col("units") + (pl.arange(pl.len()) == 17)
    changes = [
        Panel(panel.history.with_columns(units=one), panel.future),
        Panel(panel.history.with_columns(category=pl.lit("drink")), panel.future),
        Panel(panel.history.with_columns(units=pl.when(one > 8).then("units")), panel.future),
        Panel(panel.history, panel.future.with_columns(promotion=1 - pl.col("promotion"))),
        Panel(panel.history.with_columns(sku=pl.col("sku").replace("b", "c")), panel.future),
        Panel(panel.history, panel.future, period_days=7),
    ]
    assert len({panel_digest(p) for p in [panel, *changes]}) == len(changes) + 1


def test_digest_does_not_depend_on_column_order_or_chunks():
    panel = panel_of()
    half = len(panel.history) // 2
    again = Panel(
        pl.concat([panel.history[:half], panel.history[half:]], rechunk=False).select(
            sorted(panel.history.columns)
        ),
        panel.future,
    )
    assert panel_digest(again) == panel_digest(panel)


def test_code_version_names_the_release_and_the_sources():
    release, sources = code_version().split("+")
    assert release.count(".") == 2
    assert len(sources) == 8


@pytest.fixture
def quick(monkeypatch):
    """Train with two members that need no time; the preset's own are tested by themselves."""
    monkeypatch.setattr(predict, "members_of", lambda *_, **__: [SeasonalNaive(), MovingAverage()])


@pytest.fixture
def settings(tmp_path, empty_mlflow_db):
    shutil.copy(empty_mlflow_db, tmp_path / "mlflow.db")
    return Settings(data_dir=tmp_path, horizon_days=7, seed=5, threads=1)


def test_trains_registers_and_promotes(settings, quick):
    trained = train.train(panel_of(), settings, now=NOW, preset="fast", by="me")
    assert (trained.version, trained.alias) == ("1", "champion")
    assert 0 < trained.metrics["ensemble.sql"] < 1

    found = registry.version_of(settings.tracking_uri, alias="champion")
    params = found.parameters
    assert params["data_sha256"] == panel_digest(panel_of())
    assert params["code_version"] == code_version()
    assert (params["seed"], params["preset"], params["horizon"]) == ("5", "fast", "7")
    assert params["origin"] == "2024-02-29"
    assert params["members"] == "seasonal_naive moving_average"
    assert len(params["windows"].split()) > 1
    assert float(params["seconds"]) > 0
    assert (params["series"], params["rows"]) == ("2", "120")
    (change,) = registry.changes(settings.tracking_uri)
    assert (change.by, change.at, change.previous) == ("me", NOW, None)

    champion = registry.load_champion(settings.tracking_uri)
    levels = np.array(LEVELS)
    np.testing.assert_allclose(
        champion.ensemble.predict(panel_of(), horizon=7, levels=levels).mean_units,
        trained.ensemble.predict(panel_of(), horizon=7, levels=levels).mean_units,
    )


def test_a_history_too_short_to_look_back_on_still_trains(settings):
    panel = panel_of(days=4)
    ensemble = Ensemble([SeasonalNaive(), MovingAverage()]).fit(panel, horizon=3)
    trained = train.register(
        ensemble,
        panel,
        settings,
        verdict=Verdict(True, "first model"),
        parameters={},
        now=NOW,
    )
    assert trained.alias == "champion"
    assert trained.metrics == {}
