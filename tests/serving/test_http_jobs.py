"""A feed as a job whose server is killed: it is in whole and says so, or not at all and says so."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from inventory.catalog import Location, Sku
from inventory.errors import StateConflict
from inventory.store import catalog, database, jobs, keys, verify
from serving.api import inventory
from serving.messages_stock import Sync

ROWS = 4_000
NOW = datetime.now(UTC)


@pytest.fixture
def db(http_database_url):
    with database.connect(http_database_url) as connection:
        yield connection


@pytest.fixture
def doomed(http_database_url, db, tmp_path):
    """A server that may be killed: its process, and a client for it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free_port = probe.getsockname()[1]
    key = keys.create_key(db, role="admin", vendor=None, label="doomed", now=NOW)
    environment = os.environ | {
        "VOUCH_DATABASE_URL": http_database_url,
        "VOUCH_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "serving.cli", "serve", "--port", str(free_port)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{free_port}"
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{base}/api/v2", headers=headers, timeout=30) as client:
        wait_until(lambda: is_ready(base))
        yield process, client
    process.kill()
    process.wait()


def is_ready(base):
    try:
        return httpx.get(f"{base}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(done):
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rows_of(place):
    return [
        {"id": f"{place}-{i}", "sku": f"{place}-{i % 50}", "location": place, "quantity": 1,
         "effective_at": "2026-07-01T06:00:00Z"}
        for i in range(ROWS)
    ]  # fmt: skip


def send(client, place):
    body = {"mode": "delta", "source": place, "rows": rows_of(place)}
    answer = client.post("/inventory/sync", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def units_at(db, place):
    query = "select coalesce(sum(units), 0)::bigint from balances where location = %s"
    return db.execute(query, [place]).fetchone()[0]


@pytest.mark.parametrize("pause_seconds", [0.0, 0.03, 0.3])
def test_killed_while_it_runs(admin, doomed, db, pause_seconds):
    """Another server answers for the job at once, without waiting for a word that cannot come."""
    process, client = doomed
    place = f"K{random.Random(pause_seconds).randrange(10**9)}"
    catalog.put(db, Location(place, place, "store"))
    catalog.put_many(db, [Sku(f"{place}-{i}", "x") for i in range(50)])
    job = send(client, place)
    wait_until(lambda: jobs.get(db, job)["state"] != "queued")
    time.sleep(pause_seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: admin.get(f"/jobs/{job}").json()["state"] not in ("queued", "running"))
    told = admin.get(f"/jobs/{job}").json()
    if told["state"] == "failed":
        assert "send the request again" in told["problem"]
        assert units_at(db, place) == 0
        again = admin.post(
            "/inventory/sync", json={"mode": "delta", "source": place, "rows": rows_of(place)}
        )
        assert again.json()["counts"]["applied"] == ROWS
    else:
        assert (told["state"], told["done"], told["phase"]) == ("succeeded", ROWS, "done")
        assert told["result"]["counts"]["applied"] == ROWS
    assert units_at(db, place) == ROWS
    assert verify.verify(db).drifts == []


def test_the_rows_and_the_word_that_they_are_in_are_one(db):
    """A job that was given up meanwhile cannot say that its rows are in: then they are not."""
    place = f"G{random.Random(1).randrange(10**9)}"
    catalog.put(db, Location(place, place, "store"))
    catalog.put_many(db, [Sku(f"{place}-{i}", "x") for i in range(50)])
    body = Sync(mode="delta", source=place, rows=rows_of(place)[:100])
    call = SimpleNamespace(now=NOW, actor="admin:test", server=SimpleNamespace(clock=lambda: NOW))
    jobs.create(db, job_id=place, kind="sync", total=100, now=NOW)
    jobs.fail(db, place, problem="given up", now=NOW)
    with pytest.raises(StateConflict):
        inventory._in_one(db, place, body, call, lambda _: None)
    assert units_at(db, place) == 0


def test_a_job_says_what_it_does(db, http_database_url):
    """Its rows go in together: until then none is done, and it says what is under way."""
    jobs.create(db, job_id="told", kind="sync", total=7, now=NOW)
    with jobs.held(db, "told"):
        jobs.progress(db, "told", phase="writing", now=NOW)
        with database.connect(http_database_url) as other:
            found = jobs.look(other, "told", now=NOW)
    assert (found["state"], found["phase"], found["done"], found["total"]) == (
        "running", "writing", 0, 7,
    )  # fmt: skip
    assert jobs.look(db, "told", now=NOW)["state"] == "failed"


def test_a_lost_job_says_whether_to_send_the_request_again(db):
    """An override is stated before its job begins: sent again, its factor would count twice."""
    for kind, word in [("sync", "send the request again"), ("replan", "do not send it again")]:
        jobs.create(db, job_id=kind, kind=kind, total=7, now=NOW)
        found = jobs.look(db, kind, now=NOW + timedelta(minutes=5))
        assert found["state"] == "failed"
        assert word in str(found["problem"])
