"""The daily job judges its forecasts, and trains before its time when they stay wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.store import alerts, database, forecasts
from models.baseline import MovingAverage, SeasonalNaive
from pipelines import predict
from pipelines.daily import daily
from pipelines.demo import load_demo
from pipelines.monitor import monitor
from pipelines.settings import Settings

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Members that need no training, and a schedule that does not ask for one."""
    monkeypatch.setattr(
        predict, "members_of", lambda _preset, **_: [SeasonalNaive(), MovingAverage()]
    )
    return Settings(data_dir=tmp_path, horizon_days=28, threads=1, train_every_days=60)


def test_a_breach_that_stays_starts_a_training(database_url, settings):
    def job(n):
        morning = NOW - timedelta(days=20 - n)
        return daily(database_url, settings, now=morning, as_of=morning.date())

    with database.connect(database_url) as db:
        load_demo(db, now=NOW, skus=8, days=100)
        first = job(0)
        assert "train" in {step.name for step in first.steps}
        # From the next day on three times as much is sold.
        db.execute(
            "update sales_days set units = 3 * units where day >= %s",
            [(NOW - timedelta(days=19)).date()],
        )
        for n in (10, 12):
            morning = NOW - timedelta(days=20 - n)
            monitor(db, now=morning, as_of=morning.date())
        kinds = {alert["kind"] for alert in alerts.list_alerts(db)["alerts"]}
        assert {"forecast_bias", "forecast_coverage"} <= kinds

        again = job(13)
        counts = {step.name: step.counts for step in again.steps}
        assert counts["monitor"]["days compared"] == 1
        assert counts["monitor"]["alerts raised"] == 0
        assert "train" in counts
        noted = forecasts.forecast_runs(db, run_id=again.run_id)[0].note
        assert noted.startswith("trained 2026-06-03: all series: ")
        assert reasons(settings) == [noted.removeprefix("trained 2026-06-03: "), None]


def reasons(settings):
    """Why each training run was started, the newest first, as MLflow has it."""
    import mlflow

    found = mlflow.MlflowClient(settings.tracking_uri).search_runs(["1"])
    return [run.data.params.get("because") for run in found]
