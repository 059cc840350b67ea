"""The embedded server: shared by its users, stopped by the last, back after a crash."""

import os
import signal
import time

import psycopg
import pytest

from inventory.errors import Unavailable
from inventory.store import server


def postmaster_pid(folder):
    file = folder / "postgres" / "cluster" / "postmaster.pid"
    return int(file.read_text().split()[0]) if file.exists() else None


def test_the_last_user_stops_the_server(tmp_path):
    with server.running(tmp_path) as first_url:
        with server.running(tmp_path) as second_url:
            assert first_url == second_url
        with psycopg.connect(first_url) as db:
            assert db.execute("select 1").fetchone() == (1,)
    assert postmaster_pid(tmp_path) is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first_url)


def test_what_was_committed_survives_kill_9(tmp_path):
    with server.running(tmp_path) as url:
        with psycopg.connect(url) as db:
            db.execute("create table kept (n int)")
            db.execute("insert into kept values (42)")
        os.kill(postmaster_pid(tmp_path), signal.SIGKILL)
        time.sleep(0.2)
    with server.running(tmp_path) as url, psycopg.connect(url) as db:
        assert db.execute("select n from kept").fetchone() == (42,)


def test_durability_is_on(tmp_path):
    with server.running(tmp_path) as url, psycopg.connect(url) as db:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert db.execute(f"show {setting}").fetchone() == ("on",)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    message = r"data folder .*file cannot be written .*VOUCH_DATA_DIR"
    with pytest.raises(Unavailable, match=message), server.running(blocked):
        pass
