"""`vouch` as a process of its own: what it loads, and what it leaves when it is stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest


def test_help_loads_nothing_heavy():
    heavy = ("torch", "xgboost", "mlflow", "bentoml", "statsmodels", "dash", "pandas", "sklearn")
    code = "import sys; from serving.cli import cli; print([m for m in %r if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_promise_path_loads_no_models():
    heavy = ("torch", "xgboost", "mlflow", "bentoml", "statsmodels", "sklearn")
    code = (
        "import sys; from serving.app import create_app; from pipelines.settings import Settings;"
        "create_app(Settings()); print([m for m in %r if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code % (heavy,)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [1, 2])
def test_stopping_leaves_nothing_behind(tmp_path, how, workers):
    """`vouch serve` over its own embedded server: Ctrl-C and a polite kill both stop all of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path / "data"
    environment = {n: v for n, v in os.environ.items() if n != "VOUCH_DATABASE_URL"}
    child = subprocess.Popen(
        [sys.executable, "-m", "serving.cli", "serve", f"--port={port}", f"--workers={workers}"],
        env=environment | {"VOUCH_DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until_ready(port, child)
        pid_file = data / "postgres" / "cluster" / "postmaster.pid"
        postmaster = int(pid_file.read_text().split()[0])
        os.kill(child.pid, how)
        told, _ = child.communicate(timeout=30)
    finally:
        child.kill()
    assert child.returncode == 0, told
    assert "Traceback" not in told
    assert "vouch keys create" in told
    assert not pid_file.exists()
    assert not Path(f"/proc/{postmaster}").exists()
    assert gone(child.pid)


def gone(process_group):
    """Whether the last process of the group ends within a moment."""
    for _ in range(100):
        try:
            os.killpg(process_group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def wait_until_ready(port, child):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        time.sleep(0.1)
    child.kill()
    pytest.fail(f"the server did not start: {child.communicate()[0]}")
