"""Transactions that the database gave up for another one's sake are run again, unseen."""

import threading

import psycopg
import pytest

from inventory.store import database
from inventory.store.retry import retrying
from tests.scenarios.racing import race


def test_two_that_wait_for_each_other_both_come_through(database_url):
    """Each holds what the other one wants: PostgreSQL gives up one of them, and it runs again."""
    both_hold = threading.Barrier(2)
    attempts = []

    def crossing(first, second):
        def act(db):
            def attempt():
                attempts.append(first)
                with db.transaction():
                    db.execute("select pg_advisory_xact_lock(%s)", [first])
                    if attempts.count(first) == 1:
                        both_hold.wait(timeout=30)
                    db.execute("select pg_advisory_xact_lock(%s)", [second])

            retrying(db, attempt)

        return act

    assert race(database_url, crossing(1, 2), crossing(2, 1)) == [None, None]
    assert len(attempts) == 3


def test_inside_a_transaction_only_its_owner_can_run_it_again(database_url):
    attempts = []

    def act():
        attempts.append(1)
        raise psycopg.errors.DeadlockDetected

    with (
        database.connect(database_url) as db,
        pytest.raises(psycopg.errors.DeadlockDetected),
        db.transaction(),
    ):
        retrying(db, act)
    assert len(attempts) == 1
