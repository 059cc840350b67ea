"""Deadlocks and serialisation failures are the database's way to say: once more, please."""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

ATTEMPTS_MAX = 12
"""Locks go in key order, so that even two attempts are rare; twelve in a row mean a bug."""

FIRST_PAUSE_SECONDS = 0.002

Result = TypeVar("Result")


def retrying(db: psycopg.Connection, act: Callable[[], Result]) -> Result:
    """Run a whole transaction, again when the database gave it up for another one's sake.

    Inside an open transaction the act runs once: only its owner can start that one again.
    """
    if is_inside(db):
        return act()
    for attempt in range(ATTEMPTS_MAX - 1):
        try:
            return act()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            time.sleep(FIRST_PAUSE_SECONDS * 2 ** min(attempt, 5))
    return act()


def is_inside(db: psycopg.Connection) -> bool:
    """Whether the caller has a transaction open."""
    return db.info.transaction_status != TransactionStatus.IDLE
