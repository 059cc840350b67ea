"""The daily job runs once for each of its moments, and is tried again if it fails."""

from datetime import UTC, datetime, time, timedelta

import pytest

from inventory.errors import StateConflict
from inventory.store import alerts, database, jobs
from pipelines import schedule
from pipelines.schedule import JobFailed, run_daily_asked, run_daily_if_due, training_due

AT = time(5, 30)
DUE = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)  # a Sunday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Job:
    """Counts its runs; fails while `broken` says so."""

    def __init__(self):
        self.runs, self.broken = 0, ""

    def __call__(self):
        self.runs += 1
        if self.broken:
            raise JobFailed(self.broken)
        return {"run": self.runs}


@pytest.fixture
def job():
    return Job()


def look(db, job, moment):
    return run_daily_if_due(db, at=AT, now=lambda: moment, run=job)


def open_alerts(db):
    return [a["message"] for a in alerts.list_alerts(db, kind=schedule.FAILED)["alerts"]]


def test_once_a_day_and_what_was_missed_is_caught_up(db, job):
    assert look(db, job, DUE - MINUTE) == "daily-20261121-0530-1", "yesterday's was missed"
    assert look(db, job, DUE - MINUTE / 2) is None
    assert look(db, job, DUE) == "daily-20261122-0530-1"
    for minutes in range(1, 5):
        assert look(db, job, DUE + minutes * HOUR) is None
    assert look(db, job, DUE + 3 * DAY + 2 * HOUR) == "daily-20261125-0530-1", "one, not three"
    assert job.runs == 3
    found = jobs.get(db, "daily-20261122-0530-1")
    assert (found["state"], found["result"]) == ("succeeded", {"run": 2})


def test_of_two_servers_one_runs_it(db, database_url, job):
    def meanwhile():
        with database.connect(database_url) as other:
            assert look(other, job, DUE) is None
        return "done"

    assert run_daily_if_due(db, at=AT, now=lambda: DUE, run=meanwhile) is not None
    with database.connect(database_url) as other:
        assert look(other, job, DUE + MINUTE) is None
    assert job.runs == 0


def ask(db, job, moment, **how):
    return run_daily_asked(db, moment.date(), now=lambda: moment, run=job, **how)


def test_who_asks_and_who_finds_it_due_run_it_once_a_day(db, job):
    first = ask(db, job, DUE - HOUR)
    assert (first["job_id"], first["result"]) == ("daily-20261122-asked-1", {"run": 1})
    assert look(db, job, DUE + HOUR) is None, "somebody's own scheduler did it"
    assert ask(db, job, DUE + HOUR)["result"] == {"run": 1}
    assert ask(db, job, DUE + HOUR, again=True)["result"] == {"run": 2}
    assert look(db, job, DUE + DAY) == "daily-20261123-0530-1"
    assert ask(db, job, DUE + DAY + HOUR)["job_id"] == "daily-20261123-0530-1"
    earlier = run_daily_asked(db, DUE.date() - DAY, now=lambda: DUE + DAY, run=job)
    assert earlier["job_id"] == "daily-20261121-asked-1", "as of another day"
    assert job.runs == 4


def test_nobody_runs_it_beside_another(db, database_url, job):
    def meanwhile():
        with database.connect(database_url) as other:
            with pytest.raises(StateConflict, match="running already"):
                ask(other, job, DUE, again=True)
            assert look(other, job, DUE) is None
        return "done"

    assert ask(db, meanwhile, DUE)["state"] == "succeeded"
    assert run_daily_if_due(db, at=AT, now=lambda: DUE + DAY, run=meanwhile) is not None
    assert job.runs == 0


def test_what_failed_by_hand_is_still_due(db, job):
    job.broken = "no sales are on record"
    for _ in range(3):
        with pytest.raises(JobFailed):
            ask(db, job, DUE - HOUR)
    job.broken = ""
    assert look(db, job, DUE) == "daily-20261122-0530-1"


def test_a_failure_is_told_and_tried_again_three_times_at_most(db, job):
    job.broken = "no sales are on record"
    assert look(db, job, DUE) == "daily-20261122-0530-1"
    assert jobs.get(db, "daily-20261122-0530-1")["problem"] == job.broken
    assert open_alerts(db) == ["the daily job failed (1 of 3 tries): no sales are on record"]
    assert look(db, job, DUE + 29 * MINUTE) is None
    assert look(db, job, DUE + 31 * MINUTE) == "daily-20261122-0530-2"
    assert look(db, job, DUE + 2 * HOUR) == "daily-20261122-0530-3"
    assert look(db, job, DUE + 4 * HOUR) is None, "that is for a person now"
    assert len(open_alerts(db)) == 1, "one cause, one alert"
    job.broken = ""
    assert look(db, job, DUE + DAY) == "daily-20261123-0530-1"
    assert open_alerts(db) == []


def test_a_job_that_died_with_its_server_is_taken_up_at_once(database_url, db, job):
    class Killed(BaseException):
        pass

    def die():
        raise Killed

    with database.connect(database_url) as doomed, pytest.raises(Killed):
        run_daily_if_due(doomed, at=AT, now=lambda: DUE, run=die)
    assert jobs.get(db, "daily-20261122-0530-1")["state"] == "running"
    assert look(db, job, DUE + MINUTE) == "daily-20261122-0530-2"
    assert jobs.get(db, "daily-20261122-0530-1")["problem"] == jobs.lost("daily")
    assert job.runs == 1


@pytest.mark.parametrize(
    ("days", "every_days", "weekday", "due"),
    [
        (6, 7, None, False),
        (7, 7, None, True),
        (1, 1, None, True),
        (7, 7, "sunday", True),
        (7, 7, "monday", False),
        (8, 7, "monday", True),
        (10, 7, "monday", True),  # the machine slept on Monday
        (3, 1, "wednesday", True),
        (2, 1, "wednesday", False),
    ],
)
def test_when_training_is_due(days, every_days, weekday, due):
    late = DUE + 40 * MINUTE  # the run of a week later may start some minutes earlier
    now = DUE + days * DAY
    assert training_due(late, now=now, every_days=every_days, weekday=weekday) is due
    assert training_due(None, now=now, every_days=every_days, weekday=weekday)
