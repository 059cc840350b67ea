"""Work that runs behind a request: its progress, and what came of it.

Whoever runs a job holds a lock of its name, which the database lets go when that process dies. So
who asks for a job whose server was killed is told at once, rather than to wait for ever.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import NotFound, StateConflict

START_SECONDS_MAX = 60
"""A job that nobody has begun for so long has lost its server before it began."""

_LOST = {
    "daily": "the server stopped while it ran; a server that looks runs it again",
    "replan": "the server stopped while it ran. What was stated or withdrawn acts on the forecast, "
    "so do not send it again; buffers and policies follow with the next `vouch daily`",
}
_LOST_OTHERS = (
    "the server stopped while it ran, and nothing of it went in; "
    "send the request again, with another Idempotency-Key if it had one"
)


def lost(kind: str) -> str:
    """What is said of a job of this kind whose server is gone, and what to do about it."""
    return _LOST.get(kind, _LOST_OTHERS)


@contextlib.contextmanager
def held(db: psycopg.Connection, job_id: str) -> Iterator[None]:
    """Run a job inside: as long as this connection lives, it is not taken for abandoned."""
    db.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [f"job {job_id}"])
    try:
        yield
    finally:
        if not db.closed:
            db.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [f"job {job_id}"])


def create(db: psycopg.Connection, *, job_id: str, kind: str, total: int, now: datetime) -> None:
    """Announce a job of `total` steps, before anybody is told its id."""
    db.execute(
        "insert into jobs (job_id, kind, state, total, created_at, updated_at) "
        "values (%s, %s, 'queued', %s, %s, %s)",
        [job_id, kind, total, now, now],
    )


def progress(
    db: psycopg.Connection, job_id: str, *, phase: str, done: int = 0, now: datetime
) -> None:
    """What it does now, and how many steps are done for good. It runs from the first word on."""
    change = "state = 'running', phase = %s, done = %s"
    _change(db, job_id, change, [phase, done], now=now, act="continue")


def succeed(db: psycopg.Connection, job_id: str, *, result: object, now: datetime) -> None:
    """The job is done, and this is what came of it (JSON values)."""
    change = "state = 'succeeded', phase = 'done', done = total, result = %s"
    _change(db, job_id, change, [Jsonb(result)], now=now, act="finish")


def fail(db: psycopg.Connection, job_id: str, *, problem: str, now: datetime) -> None:
    """The job gave up, and this is why: a sentence for the person who started it."""
    _change(
        db, job_id, "state = 'failed', phase = 'done', problem = %s", [problem], now=now, act="fail"
    )


def _change(
    db: psycopg.Connection,
    job_id: str,
    assignments: LiteralString,
    values: list[object],
    *,
    now: datetime,
    act: str,
) -> None:
    done = db.execute(
        f"update jobs set {assignments}, updated_at = %s "  # noqa: S608
        "where job_id = %s and state in ('queued', 'running')",
        [*values, now, job_id],
    )
    if done.rowcount == 0:
        raise StateConflict("job", job_id, state=str(get(db, job_id)["state"]), act=act)


def get(db: psycopg.Connection, job_id: str) -> dict[str, object]:
    """The job as it was written down, or `NotFound`."""
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("select * from jobs where job_id = %s", [job_id]).fetchone()
    if found is None:
        raise NotFound("job", job_id)
    return found


def of_kind(db: psycopg.Connection, kind: str, *, since: datetime) -> list[dict[str, object]]:
    """The jobs of a kind that were announced at that moment or later, the oldest first."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from jobs where kind = %s and created_at >= %s order by created_at, job_id",
            [kind, since],
        ).fetchall()


@contextlib.contextmanager
def alone(db: psycopg.Connection, what: str) -> Iterator[bool]:
    """Whether nobody else is at `what` now; if so, nobody else will be until the block ends."""
    name = f"alone {what}"
    found = db.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
    try:
        yield found == (True,)
    finally:
        if found == (True,) and not db.closed:
            db.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def look(db: psycopg.Connection, job_id: str, *, now: datetime) -> dict[str, object]:
    """The job as it stands, or `NotFound`. One whose server is gone is failed here and now."""
    found = get(db, job_id)
    if found["state"] in ("queued", "running"):
        _fail_lost(db, job_id, kind=str(found["kind"]), now=now)
        found = get(db, job_id)
    return found


def _fail_lost(db: psycopg.Connection, job_id: str, *, kind: str, now: datetime) -> None:
    """Fail the job if nobody holds it."""
    with db.transaction():
        free = db.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"job {job_id}"]
        ).fetchone()
        if free == (True,):
            db.execute(
                "update jobs set state = 'failed', phase = 'done', updated_at = %s, problem = %s "
                "where job_id = %s and (state = 'running' "
                "or state = 'queued' and updated_at < %s)",
                [now, lost(kind), job_id, now - timedelta(seconds=START_SECONDS_MAX)],
            )


def fail_abandoned(db: psycopg.Connection, *, before: datetime, now: datetime) -> int:
    """Fail jobs without a word since `before` that nobody holds; returns how many."""
    silent = db.execute(
        "select job_id from jobs where state in ('queued', 'running') and updated_at < %s", [before]
    ).fetchall()
    return sum(look(db, job_id, now=now)["state"] == "failed" for (job_id,) in silent)
