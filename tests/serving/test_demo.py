"""The demo from outside: one command, three requests that work, and a second run that is quick."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

VOUCH = [sys.executable, "-m", "serving.cli"]
SMALL = ["--skus", "12", "--days", "200"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_demo_twice(tmp_path):
    environment = {n: v for n, v in os.environ.items() if n != "VOUCH_DATABASE_URL"}
    environment |= {"VOUCH_DATA_DIR": str(tmp_path / "data")}
    first = subprocess.run(
        [*VOUCH, "demo", "--no-serve", *SMALL],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout.strip() == "the demo is ready: start it with `vouch serve`"
    assert "fitting" in first.stderr

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "out").open("w+") as out:
        second = subprocess.Popen(
            [*VOUCH, "demo", *SMALL, "--port", str(port)], env=environment, stdout=out, stderr=out
        )
        try:
            wait_until_ready(port, second)
            out.seek(0)
            told = out.read()
            assert "fitting" not in told
            answers = [json.loads(subprocess.check_output(line, shell=True))
                       for line in told.splitlines() if line.startswith("curl ")]  # fmt: skip
            availability, hold, policy = answers
            assert sum(t["quantity"] for t in availability["terms"]) == availability["raw"]
            assert hold["state"] == "active"
            assert policy["reorder_point"] > policy["safety_stock"] > 0
        finally:
            second.send_signal(signal.SIGINT)
            second.wait(timeout=30)
    assert second.returncode == 0
    assert not (tmp_path / "data" / "postgres" / "cluster" / "postmaster.pid").exists()


def wait_until_ready(port, child):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail("the demo did not start serving")
