"""A real `vouch serve` process per run, over a database of its own, and clients with keys."""

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from inventory.store import database, keys
from serving.cli import run as run_command
from tests.databases import copied

START_SECONDS_MAX = 60


@pytest.fixture(scope="session")
def http_database_url(postgres_url):
    """The database behind `server_url`."""
    with copied(postgres_url, f"http_{os.getpid()}") as url:
        yield url


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(*, database_url, data_dir, workers=1):
    """`vouch serve` as a process; yields its URL once it is ready."""
    port = free_port()
    environment = os.environ | {"VOUCH_DATABASE_URL": database_url, "VOUCH_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "serving.cli", "serve", "--port", str(port)]
    log = (data_dir / "serve.log").open("w+")
    child = subprocess.Popen(
        [*command, "--workers", str(workers)], env=environment, stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            if child.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                pytest.fail(f"the server did not start:\n{log.read()}")
            time.sleep(0.05)
        yield url
    finally:
        child.terminate()
        child.wait(timeout=20)
        log.close()


@pytest.fixture(scope="session")
def start_server():
    """`with start_server(database_url=..., data_dir=..., workers=...) as url`."""
    return serving


@pytest.fixture(scope="session")
def server_url(http_database_url, tmp_path_factory):
    """URL of a running server."""
    data_dir = tmp_path_factory.mktemp("served")
    with serving(database_url=http_database_url, data_dir=data_dir) as url:
        yield url


@pytest.fixture(scope="session")
def key_of(http_database_url):
    """`key_of(role, vendor=None)`: a key of that role, made once."""
    made = {}

    def key(role, vendor=None):
        if (role, vendor) not in made:
            with database.connect(http_database_url) as db:
                made[role, vendor] = keys.create_key(
                    db, role=role, vendor=vendor, label="test", now=datetime.now(UTC)
                )
        return made[role, vendor]

    return key


@pytest.fixture(scope="session")
def admin_key(key_of):
    """A key that may do everything."""
    return key_of("admin")


@pytest.fixture(scope="session")
def client_of(server_url, key_of):
    """`client_of(role, vendor=None)`: an HTTP client that calls as that role."""
    with contextlib.ExitStack() as opened:

        def client(role, vendor=None):
            headers = {"Authorization": f"Bearer {key_of(role, vendor)}"}
            return opened.enter_context(
                httpx.Client(base_url=f"{server_url}/api/v2", headers=headers, timeout=30)
            )

        yield client


@pytest.fixture(scope="session")
def stranger(server_url):
    """An HTTP client without a key."""
    with httpx.Client(base_url=server_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def admin(client_of):
    """An HTTP client that may do everything."""
    return client_of("admin")


@pytest.fixture
def shop(admin):
    """A shop of its own for one test: names that no other test uses."""
    return Shop(admin)


class Shop:
    """A small catalogue made through the API: one channel, and stock where a test puts it."""

    def __init__(self, client):
        self.client = client
        self.mark = uuid.uuid4().hex[:8]
        self.channel = f"web-{self.mark}"
        self.ok(client.put(f"/channels/{self.channel}", json={"name": "Web"}))

    def ok(self, answer, status=None):
        assert answer.is_success, answer.text
        assert status is None or answer.status_code == status
        return answer.json()

    def location(self, name="DC", *, kind="warehouse", **more):
        location = f"{name}-{self.mark}"
        body = {"name": name, "type": kind, "methods": ["ship", "sfs", "bopis"], **more}
        self.ok(self.client.put(f"/locations/{location}", json=body))
        return location

    def sku(self, name="S", **more):
        sku = f"{name}-{self.mark}"
        self.ok(self.client.put(f"/skus/{sku}", json={"name": name, **more}))
        return sku

    def stock(self, sku, location, quantity, *, status="available", at=None):
        row = {
            "id": uuid.uuid4().hex,
            "sku": sku,
            "location": location,
            "quantity": quantity,
            "status": status,
            "effective_at": (at or datetime.now(UTC)).isoformat(),
        }
        answer = self.ok(self.sync([row]))
        assert answer["results"][0]["outcome"] == "applied", answer

    def sync(self, rows, **more):
        body = {"mode": "snapshot", "basis": "physical", "scope": "partial", "rows": rows, **more}
        return self.client.post("/inventory/sync", json=body)

    def reserve(self, lines, *, place, kind="soft", method="ship", headers=None, **more):
        body = {"kind": kind, "channel": self.channel, "method": method, "lines": lines}
        return self.client.post("/reservations", json=body | place | more, headers=headers or {})

    def atp(self, sku, **query):
        query = {"channel": self.channel, "method": "ship"} | query
        return self.ok(self.client.get(f"/availability/{sku}", params=query))


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """A folder without a database, and `here(line)` to run `vouch LINE` there, in this process."""
    monkeypatch.delenv("VOUCH_DATABASE_URL", raising=False)
    monkeypatch.setenv("VOUCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(line):
        capsys.readouterr()
        code = run_command(shlex.split(line))
        return Done(code, *capsys.readouterr())

    run.folder = tmp_path
    return run


@pytest.fixture
def desk(here, database_url, monkeypatch):
    """A folder and an empty database, and `vouch` to run there, in this process."""
    monkeypatch.setenv("VOUCH_DATABASE_URL", database_url)
    return here


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str
