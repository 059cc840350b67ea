"""Servers beside the usual one: several workers, the bench, and BentoML's own."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from inventory.store import keys
from serving.bench.load import Measured
from serving.cli import cli
from serving.cli import run as run_command


@pytest.fixture
def key(db):
    return keys.create_key(db, role="admin", label="test", now=datetime.now(UTC))


def test_counters_add_up_over_workers(start_server, database_url, tmp_path, key):
    headers = {"Authorization": f"Bearer {key}"}
    with start_server(database_url=database_url, data_dir=tmp_path, workers=2) as url:
        for _ in range(30):  # A new connection each time, so that both workers get some.
            assert httpx.get(f"{url}/api/v2/alerts", headers=headers).status_code == 200
        text = httpx.get(f"{url}/metrics").text
        counted = re.search(
            r'http_requests_total\{method="GET",route="/api/v2/alerts",status="200"\} (\S+)', text
        )
        assert float(counted[1]) == 30


def test_a_database_that_is_gone_is_said_soon_and_found_again(
    start_server, database_url, postgres_url, tmp_path, key
):
    headers = {"Authorization": f"Bearer {key}"}
    name = urlsplit(database_url).path.removeprefix("/")
    with (
        start_server(database_url=database_url, data_dir=tmp_path) as url,
        psycopg.connect(
            postgres_url.replace("/vouch?", "/postgres?"), autocommit=True
        ) as elsewhere,
    ):
        elsewhere.execute(f"alter database {name} allow_connections false")
        elsewhere.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        for path in ("/readyz", "/api/v2/inventory"):
            # A caller of a promise does not wait for half a minute.
            answer = httpx.get(f"{url}{path}", headers=headers, timeout=10)
            assert answer.status_code == 503
            assert answer.json()["type"].endswith("/unavailable")
        assert httpx.get(f"{url}/healthz").status_code == 200
        elsewhere.execute(f"alter database {name} allow_connections true")
        deadline = time.monotonic() + 30
        while httpx.get(f"{url}/readyz", timeout=10).status_code != 200:
            assert time.monotonic() < deadline
        assert httpx.get(f"{url}/api/v2/inventory", headers=headers).status_code == 200


def test_bench_measures_what_it_says():
    shown = CliRunner().invoke(cli, ["bench", "http", "--seconds", "0.5"])
    assert shown.exit_code == 0, shown.output
    availability, reservation = re.findall(
        r"^(?:availability|reservation): .*$", shown.output, re.MULTILINE
    )
    assert availability.startswith("availability: 100/s p50 ")
    assert "{'200': 50}" in availability
    assert "{'201': 25}" in reservation


def test_bench_of_the_engine_sells_exactly_the_stock_and_keeps_the_books():
    asked = "--positions 1000 --seconds 0.1 --only one-line --only hot --only sync --only group"
    shown = CliRunner().invoke(cli, ["bench", "availability", *asked.split(), "--json"])
    assert shown.exit_code == 0, shown.output
    report = json.loads(shown.stdout)
    rows = {row["operation"]: row for row in report["rows"]}
    hot = rows["hot SKU: everyone wants the same one"]
    assert hot["sold_units"] == hot["acknowledged_units"] == hot["units"]
    assert report["server"]["fsync"] == report["server"]["synchronous_commit"] == "on"
    assert (report["positions"], report["drifts"]) == (1000, 0)
    assert report["verified"] == ["0 of 1001 balances drift from their ledger entries"]


def test_bench_says_which_measurements_there_are():
    assert run_command(["bench", "availability", "--only", "nothing"]) == 2


def test_percentiles_of_a_known_run():
    measured = Measured(10.0, 1.0, tuple(float(n) for n in range(101)), {"200": 101}).as_dict()
    assert (measured["p50_ms"], measured["p95_ms"], measured["p99_ms"]) == (50, 95, 99)
    assert measured["max_ms"] == 100


@pytest.mark.slow
def test_bentoml_serves_the_same_api(database_url, tmp_path, key):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"VOUCH_DATABASE_URL": database_url, "VOUCH_DATA_DIR": str(tmp_path / "data")}
    child = subprocess.Popen(
        [sys.executable, "-m", "bentoml", "serve", "serving.service:Vouch", f"--port={port}"],
        env=os.environ | settings | {"BENTOML_DO_NOT_TRACK": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        try:
            wait_until(lambda: client.get("/readyz").status_code == 200)
            client.headers = {}
            assert client.get("/api/v2/alerts").status_code == 401
            assert client.post("/inference/forecast", json={"skus": ["S"]}).status_code == 401
            client.headers = headers
            assert client.get("/api/v2/alerts").json()["alerts"] == []
            wrong = client.post("/inference/forecast", json={})
            assert wrong.status_code == 422
            assert wrong.headers["content-type"] == "application/problem+json"
            assert wrong.json()["field"] == "skus"
        finally:
            os.killpg(child.pid, signal.SIGINT)
            child.wait(timeout=60)


def wait_until(true):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if true():
                return
        time.sleep(0.2)
    pytest.fail("the server did not become ready")


def test_inference_without_a_champion_says_so(stranger, admin_key):
    """BentoML's app starts at this request, inside the usual server."""
    headers = {"Authorization": f"Bearer {admin_key}"}
    path = "/inference/forecast"
    wrong = stranger.post(path, json={"skus": []}, headers=headers, timeout=120)
    assert wrong.status_code == 422
    assert wrong.json()["field"] == "skus"
    answer = stranger.post(path, json={"skus": ["S"]}, headers=headers, timeout=120)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("/not-found")


def test_a_question_survives_the_death_of_every_connection(
    start_server, database_url, tmp_path, key, db
):
    db.execute("insert into skus (sku, name) values ('A', 'A')")
    db.execute("insert into locations (location, name, type) values ('S1', 'S1', 'store')")
    headers = {"Authorization": f"Bearer {key}"}
    running = start_server(database_url=database_url, data_dir=tmp_path)
    with running as url, httpx.Client(headers=headers) as client:
        asked = f"{url}/api/v2/availability/A?location=S1"
        assert client.get(asked).status_code == 200
        for _ in range(3):
            killed = db.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            ).fetchone()
            assert killed[0] >= 1
            assert client.get(asked).status_code == 200
