"""The server's own daily job is a real process, whose refusal a person can read."""

from datetime import UTC, datetime, time
from types import SimpleNamespace

from inventory.store import alerts, database, jobs
from pipelines.settings import Settings
from serving.cli import REFUSED
from serving.nightly import Nightly

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def test_what_stopped_the_job_is_told(database_url, tmp_path):
    settings = Settings(database_url=database_url, data_dir=tmp_path)
    Nightly(time(5, 30)).daily(SimpleNamespace(settings=settings, clock=lambda: NOW))
    with database.connect(database_url) as db:
        job = jobs.get(db, "daily-20261122-0530-1")
        (alert,) = alerts.list_alerts(db)["alerts"]
    assert job["state"] == "failed"
    assert str(job["problem"]).startswith("no sales are on record; import some")
    assert (alert["kind"], alert["severity"]) == ("daily_job_failed", "critical")


def test_a_job_that_ends_with_its_server_is_no_failure(database_url, tmp_path):
    settings = Settings(database_url=database_url, data_dir=tmp_path)
    nightly = Nightly(time(5, 30))
    nightly.stop()
    nightly.daily(SimpleNamespace(settings=settings, clock=lambda: NOW))
    assert nightly._child.returncode != REFUSED, "it was ended, rather than come to its end"
    with database.connect(database_url) as db:
        assert jobs.get(db, "daily-20261122-0530-1")["state"] == "running"
        assert jobs.look(db, "daily-20261122-0530-1", now=NOW)["problem"] == jobs.lost("daily")
        assert alerts.list_alerts(db)["alerts"] == []
