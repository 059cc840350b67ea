"""How to reach PostgreSQL, and how its tables come to be."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import ConnectionPool

from inventory.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"

MIGRATION_LOCK = 8_462_117
"""Advisory lock: two processes that start at once migrate one after the other."""

CHECKED_SECONDS = 1.0
"""A pooled connection that worked so lately is handed out as it is."""

RECOVERY_SECONDS_MAX, RECOVERY_PAUSE_SECONDS = 60.0, 0.1

RECOVERING = ("is starting up", "in recovery mode", "not yet accepting connections")
"""What PostgreSQL answers while it reads its log after a crash."""

Connection = psycopg.Connection[tuple[object, ...]]


def connect(url: str) -> psycopg.Connection:
    """An autocommit connection: a transaction is exactly a `with db.transaction():` block."""
    try:
        return psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"PostgreSQL does not answer ({error}); check VOUCH_DATABASE_URL or unset it "
            "to use the embedded server"
        ) from error


def connect_after_recovery(url: str, *, seconds_max: float = RECOVERY_SECONDS_MAX) -> Connection:
    """Connect, waiting while the database recovers from a crash: it will answer soon.

    For processes that start: one that is restarted because of the crash must not give up.
    """
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            return connect(url)
        except Unavailable as error:
            recovering = any(words in str(error) for words in RECOVERING)
            if not recovering or time.monotonic() > deadline:
                raise
        time.sleep(RECOVERY_PAUSE_SECONDS)


def pool(url: str, *, size_max: int) -> ConnectionPool:
    """A pool of autocommit connections, opened by the caller's `with`."""
    return ConnectionPool(
        url,
        kwargs={"autocommit": True},
        min_size=min(2, size_max),
        max_size=size_max,
        open=False,
        check=_NowAndThen(),
    )


class _NowAndThen:
    """Checks a pooled connection that was not checked lately: a check is a trip to the server.

    Who gets a connection that died since finds out by using it.
    """

    def __init__(self, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock_seconds = clock_seconds
        self._good_until: WeakKeyDictionary[psycopg.Connection, float] = WeakKeyDictionary()

    def __call__(self, connection: psycopg.Connection) -> None:
        """Raise unless the connection works, or did a moment ago."""
        now = self._clock_seconds()
        if self._good_until.get(connection, 0.0) <= now:
            ConnectionPool.check_connection(connection)
            self._good_until[connection] = now + CHECKED_SECONDS


@contextlib.contextmanager
def snapshot(
    db: psycopg.Connection, *, statement_seconds_max: float | None = None
) -> Iterator[None]:
    """One read-only moment: everything read inside agrees, whatever is written meanwhile.

    statement_seconds_max : a statement that takes longer ends as `psycopg.errors.QueryCanceled`.
    """
    with db.transaction():
        db.execute("set transaction isolation level repeatable read, read only")
        if statement_seconds_max is not None:
            milliseconds = f"{1000 * statement_seconds_max:.0f}"
            db.execute("select set_config('statement_timeout', %s, true)", [milliseconds])
        yield


def migrate(
    db: psycopg.Connection, *, now: datetime, report: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Apply the numbered SQL files that have not run yet, each in a transaction with its record.

    Returns the names applied. Raises `Unavailable` when a file that ran was changed since.
    """
    db.execute(
        "create table if not exists migrations "
        "(name text primary key, digest text not null, applied_at timestamptz not null)"
    )
    applied = []
    for file in sorted(MIGRATIONS.glob("*.sql")):
        if _apply(db, file, now):
            report(f"migrated {file.stem}")
            applied.append(file.stem)
    return applied


def _apply(db: psycopg.Connection, file: Path, now: datetime) -> bool:
    sql = file.read_bytes()
    digest = hashlib.sha256(sql).hexdigest()
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        found = db.execute("select digest from migrations where name = %s", [file.stem]).fetchone()
        if found is None:
            db.execute(sql)
            db.execute("insert into migrations values (%s, %s, %s)", [file.stem, digest, now])
            return True
    if found[0] != digest:
        raise Unavailable(
            f"migration {file.stem} changed after it ran; they are forward-only: add a new one"
        )
    return False
