"""Taking turns at planning: who plans reads what was stated, and writes what follows much later.

Of two at once, the last to write may have read first. What a planner stated in between would then
be missing from buffers and policies until the next day.
"""

import contextlib
from collections.abc import Iterator

import psycopg

PLANNING_LOCK = 5_119_204
"""Advisory lock of whoever plans."""


@contextlib.contextmanager
def turn(db: psycopg.Connection) -> Iterator[None]:
    """Wait until nobody else plans, and plan inside; not within a transaction."""
    db.execute("select pg_advisory_lock(%s)", [PLANNING_LOCK])
    try:
        yield
    finally:
        if not db.closed:
            db.execute("select pg_advisory_unlock(%s)", [PLANNING_LOCK])


def keep_turn(db: psycopg.Connection) -> None:
    """Wait until nobody else plans; others wait until this transaction ends."""
    db.execute("select pg_advisory_xact_lock(%s)", [PLANNING_LOCK])


def kept_turn(db: psycopg.Connection) -> bool:
    """`keep_turn` without waiting: False where somebody plans."""
    row = db.execute("select pg_try_advisory_xact_lock(%s)", [PLANNING_LOCK]).fetchone()
    return row == (True,)
