"""Reaching PostgreSQL while it recovers, and not waiting for one that is not there."""

import psycopg
import pytest

from inventory.errors import Unavailable
from inventory.store import database


def test_a_database_that_recovers_is_waited_for(database_url, monkeypatch):
    connect = psycopg.connect
    answers = ["the database system is starting up", "the database system is in recovery mode"]

    def recovering(url, **options):
        if answers:
            raise psycopg.OperationalError(f"connection failed: FATAL:  {answers.pop(0)}")
        return connect(url, **options)

    monkeypatch.setattr(psycopg, "connect", recovering)
    with database.connect_after_recovery(database_url) as db:
        assert db.execute("select 1").fetchone() == (1,)
    assert answers == []


@pytest.mark.timeout(20)
def test_a_database_that_is_not_there_is_said_at_once(tmp_path):
    with pytest.raises(Unavailable, match="VOUCH_DATABASE_URL"):
        database.connect_after_recovery(f"postgresql:///vouch?host={tmp_path}")


def test_waiting_has_an_end(monkeypatch):
    def recovering(_url, **_options):
        raise psycopg.OperationalError("FATAL:  the database system is starting up")

    monkeypatch.setattr(psycopg, "connect", recovering)
    with pytest.raises(Unavailable, match="starting up"):
        database.connect_after_recovery("postgresql:///vouch", seconds_max=0)
