"""Work that runs behind a request: its progress, and what came of it."""

from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import NotFound, StateConflict


def create(db: psycopg.Connection, *, job_id: str, kind: str, total: int, now: datetime) -> None:
    """Announce a job of `total` steps, before anybody is told its id."""
    db.execute(
        "insert into jobs (job_id, kind, state, total, created_at, updated_at) "
        "values (%s, %s, 'queued', %s, %s, %s)",
        [job_id, kind, total, now, now],
    )


def progress(db: psycopg.Connection, job_id: str, *, done: int, now: datetime) -> None:
    """So many steps are done. The job is running from the first such word on."""
    _change(db, job_id, "state = 'running', done = %s", [done], now=now, act="continue")


def succeed(db: psycopg.Connection, job_id: str, *, result: object, now: datetime) -> None:
    """The job is done, and this is what came of it (JSON values)."""
    change = "state = 'succeeded', done = total, result = %s"
    _change(db, job_id, change, [Jsonb(result)], now=now, act="finish")


def fail(db: psycopg.Connection, job_id: str, *, problem: str, now: datetime) -> None:
    """The job gave up, and this is why: a sentence for the person who started it."""
    _change(db, job_id, "state = 'failed', problem = %s", [problem], now=now, act="fail")


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
    """The job as it stands, or `NotFound`."""
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("select * from jobs where job_id = %s", [job_id]).fetchone()
    if found is None:
        raise NotFound("job", job_id)
    return found


def fail_abandoned(db: psycopg.Connection, *, before: datetime, now: datetime) -> int:
    """Fail jobs without a word since `before`: the server that ran them is gone."""
    done = db.execute(
        "update jobs set state = 'failed', updated_at = %s, "
        "problem = 'the server stopped while it ran; send the request again' "
        "where state in ('queued', 'running') and updated_at < %s",
        [now, before],
    )
    return done.rowcount
