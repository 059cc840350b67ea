"""When jobs are due, and seeing to it: once for all servers, and again after a failure.

Who asks for the daily job and who finds it due share one lock and one record: it runs alone, and
once for a day. A moment that was missed, as by a machine that was off, is caught up as soon as
somebody looks.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, get_args

import psycopg

from inventory.alerts import Alert
from inventory.errors import StateConflict, VouchError
from inventory.store import alerts, jobs
from pipelines.settings import Weekday

DAY = timedelta(days=1)
DAILY = "daily"
"""Kind of the jobs that run the daily job."""

ATTEMPTS_MAX = 3
"""Tries for one day: what fails three times needs a person, who is told by the alert."""

RETRY_AFTER = timedelta(minutes=30)
"""Between two tries: time for a database or a disk to come back."""

FAILED = "daily_job_failed"
"""Kind of the alert; it closes when a later run succeeds."""

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def training_due(
    last: datetime | None, *, now: datetime, every_days: int, weekday: Weekday | None
) -> bool:
    """Whether it is time to train anew: `every_days` have passed, and the weekday is there.

    A weekday that was missed, as by a machine that slept, is caught up on the next day.

    >>> sunday = datetime(2026, 11, 22, 5, tzinfo=UTC)
    >>> training_due(sunday, now=sunday + 6 * DAY, every_days=7, weekday=None)
    False
    >>> training_due(sunday + 3 * DAY, now=sunday + 7 * DAY, every_days=4, weekday="sunday")
    True
    >>> training_due(sunday + 3 * DAY, now=sunday + 5 * DAY, every_days=1, weekday="sunday")
    False
    """
    if last is None:
        return True
    first_day = last.astimezone(UTC).date() + every_days * DAY
    if weekday is not None:
        first_day += ((WEEKDAYS.index(weekday) - first_day.weekday()) % 7) * DAY
    return now.astimezone(UTC).date() >= first_day


def last_due(now: datetime, *, at: time) -> datetime:
    """The latest moment, not after now, at which the daily job was due: every day at that UTC time.

    >>> last_due(datetime(2026, 11, 22, 5, 29, tzinfo=UTC), at=time(5, 30)).isoformat()
    '2026-11-21T05:30:00+00:00'
    """
    today = datetime.combine(now.astimezone(UTC).date(), at, tzinfo=UTC)
    return today if today <= now else today - DAY


class JobFailed(VouchError):
    """The daily job ended badly; the message is what it said."""


def run_daily_if_due(
    db: psycopg.Connection, *, at: time, now: Callable[[], datetime], run: Callable[[], object]
) -> str | None:
    """Run the daily job if its last moment has not been seen to; returns its id, or None.

    Each run is a job (`GET /api/v2/jobs/{id}`). A failure raises an alert, is tried again after
    `RETRY_AFTER`, and three times at most until the next day.

    db : a connection of its own, held until the job ends: a server that dies lets go of it.
    run : does the work and returns what came of it as JSON values; raises `JobFailed`.
    """
    with jobs.alone(db, DAILY) as alone:
        started = now()
        due = last_due(started, at=at)
        if not alone or not _is_open(db, due, now=started):
            return None
        tried = _of_day(db, due.date(), now=started)
        attempt = 1 + sum(str(job["job_id"]).startswith(_prefix(due)) for job in tried)
        job_id = f"{_prefix(due)}{attempt}"
        jobs.create(db, job_id=job_id, kind=DAILY, total=1, now=started)
        with jobs.held(db, job_id):
            jobs.progress(db, job_id, phase="running", now=started)
            found: list[Alert] = []
            try:
                jobs.succeed(db, job_id, result=run(), now=now())
            except JobFailed as failure:
                jobs.fail(db, job_id, problem=str(failure), now=now())
                found = [_alert(job_id, str(failure), attempt)]
            alerts.replace_alerts(db, found, kinds=[FAILED], now=now())
        return job_id


def run_daily_asked(
    db: psycopg.Connection,
    day: date,
    *,
    now: Callable[[], datetime],
    run: Callable[[], object],
    again: bool = False,
) -> dict[str, Any]:
    """Run the daily job of a day for somebody who asks; returns it as a job, with its result.

    Where it succeeded for that day before, whoever ran it, that job is returned instead.

    db : a connection of its own, held until the job ends.
    again : run it whatever was done for that day.

    Raises
    ------
    StateConflict
        It is running, for whatever day.
    """
    with jobs.alone(db, DAILY) as alone:
        if not alone:
            raise StateConflict("daily job", str(day), state="running already", act="start")
        done = _of_day(db, day, now=now())
        for job in done if not again else []:
            if job["state"] == "succeeded":
                return job
        job_id = f"{DAILY}-{day:%Y%m%d}-asked-{len(done) + 1}"
        jobs.create(db, job_id=job_id, kind=DAILY, total=1, now=now())
        with jobs.held(db, job_id):
            jobs.progress(db, job_id, phase="running", now=now())
            try:
                jobs.succeed(db, job_id, result=run(), now=now())
            except VouchError as refusal:
                jobs.fail(db, job_id, problem=str(refusal), now=now())
                raise
            alerts.replace_alerts(db, [], kinds=[FAILED], now=now())
        return jobs.get(db, job_id)


def _of_day(db: psycopg.Connection, day: date, *, now: datetime) -> list[dict[str, Any]]:
    """The daily jobs of a day, the oldest first."""
    since = datetime.combine(day, time(), tzinfo=UTC)
    found = [str(job["job_id"]) for job in jobs.of_kind(db, DAILY, since=since)]
    ours = [job_id for job_id in found if job_id.startswith(f"{DAILY}-{day:%Y%m%d}-")]
    return [jobs.look(db, job_id, now=now) for job_id in ours]


def _is_open(db: psycopg.Connection, due: datetime, *, now: datetime) -> bool:
    """Whether the moment waits for a run: none succeeded, and the last try is long enough ago."""
    of_day = _of_day(db, due.date(), now=now)
    if any(job["state"] == "succeeded" for job in of_day):
        return False
    tried = [job for job in of_day if str(job["job_id"]).startswith(_prefix(due))]
    if any(job["state"] != "failed" for job in tried) or len(tried) >= ATTEMPTS_MAX:
        return False
    # A run that was lost with its server is taken up by the next one at once.
    last = [job["updated_at"] for job in tried if job["problem"] != jobs.lost(DAILY)]
    return all(isinstance(moment, datetime) and moment + RETRY_AFTER <= now for moment in last)


def _prefix(due: datetime) -> str:
    """How the ids of the jobs for a moment begin."""
    return f"{DAILY}-{due:%Y%m%d-%H%M}-"


def _alert(job_id: str, problem: str, attempt: int) -> Alert:
    return Alert(
        kind=FAILED,
        severity="critical",
        message=f"the daily job failed ({attempt} of {ATTEMPTS_MAX} tries): {problem}",
        detail={"job": job_id},
    )
