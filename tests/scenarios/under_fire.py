"""A served shop under load whose processes can be killed: who was promised what is on record here.

Clients send requests with ids of their own and send each again, with the same id, until they get an
answer. What was answered is written down; what was not may have been done or not, but once at most.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import httpx

from inventory.ledger import Fact
from inventory.store import database, keys, ledger, server, verify

STOCK_UNITS = 100_000
START_SECONDS_MAX = 120
CLIENTS = 4

RESTARTED = []
"""Handles of servers that replaced a killed one: let go only when this process ends."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shop:
    """PostgreSQL in a folder, `vouch serve` in front of it, and clients that do not give up."""

    def __init__(self, folder):
        self.folder = folder
        self.answers = {}
        """By id: the first answer; a second one must be the same."""
        self.contradictions = []
        self.failures = []
        self.sent = set()
        self.stop = threading.Event()

    @contextlib.contextmanager
    def open(self):
        """The database and its catalogue."""
        running = server.running(self.folder)
        self.url = running.__enter__()
        self._fill()
        try:
            yield
        finally:
            if RESTARTED:
                RESTARTED.append(running)
                os.kill(self._postmaster(), signal.SIGINT)
            else:
                running.__exit__(None, None, None)

    def _fill(self):
        now = datetime.now(UTC)
        with database.connect(self.url) as db:
            database.migrate(db, now=now)
            db.execute("insert into skus (sku, name) values ('A', 'A'), ('B', 'B')")
            db.execute("insert into locations (location, name, type) values ('L', 'L', 'store')")
            self.key = keys.create_key(db, role="admin", vendor=None, label="test", now=now)
            fact = Fact("A", "L", "available", "delta", STOCK_UNITS, now, "test")
            with db.transaction():
                ledger.record(db, [fact], now=now)

    def _postmaster(self):
        pid_file = self.folder / "postgres" / "cluster" / "postmaster.pid"
        return int(pid_file.read_text().split()[0])

    # Processes ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def serving(self, workers=2):
        """The server in a process group of its own, so that all of it can be killed at once."""
        self.port = free_port()
        try:
            self._start(workers)
            yield
        finally:
            self.stop.set()
            self.kill_server()

    def _start(self, workers=2):
        environment = os.environ | {
            "VOUCH_DATABASE_URL": self.url, "VOUCH_DATA_DIR": str(self.folder),
        }  # fmt: skip
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.cli", "serve", "--port", str(self.port),
                 "--workers", str(workers)],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "serve.log").read_text()[-3000:])

    def kill_server(self):
        """Every worker and their parent, without a word."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart_server(self):
        self.kill_server()
        self._start()

    def kill_postgresql(self):
        """The postmaster: its server processes end as soon as they notice. Then start it again."""
        pid = self._postmaster()
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # A dead child of ours would seem to hold its lock still.
        again = server.running(self.folder)
        again.__enter__()
        RESTARTED.append(again)
        self.wait_until_ready()

    def kill_a_server_process(self, rng):
        """One that serves a client: PostgreSQL then throws all others out and recovers."""
        with database.connect(self.url) as db:
            pids = db.execute(
                "select pid from pg_stat_activity where datname = current_database() "
                "and backend_type = 'client backend' and pid <> pg_backend_pid() order by pid"
            ).fetchall()
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(pids)[0], signal.SIGKILL)
        self.wait_until_ready()

    # Clients --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def load(self, seed):
        """Clients at work until the block ends; each finishes the request it is at."""
        threads = [
            threading.Thread(
                target=self._client, args=(random.Random(f"{seed} {n}"), f"{seed}-{n}")
            )
            for n in range(CLIENTS)
        ]
        self.stop.clear()
        for thread in threads:
            thread.start()
        try:
            yield
            finished = True
        except BaseException:
            finished = False
            raise
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(timeout=START_SECONDS_MAX if finished else 1)
        assert self.failures == []

    def _client(self, rng, name):
        count = 0
        while not self.stop.is_set():
            count += 1
            request = f"{name}-{count}"
            if rng.random() < 0.3:
                self._until_answered(request, self._change)
            else:
                self._until_answered(request, self._reserve)
                if rng.random() < 0.3:
                    self._until_answered(request, self._reserve)

    def _until_answered(self, request, send):
        self.sent.add(request)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                answer = send(request)
                if answer.is_success:
                    self._note(request, answer.json())
                    return
                if answer.status_code < 500:
                    self.failures.append(answer.text)
                    return
            time.sleep(0.02)
        self.failures.append(f"no answer to {request}")

    def _note(self, request, told):
        first = self.answers.setdefault(request, told)
        if "lines" in told and first != told:
            self.contradictions.append((request, first, told))

    def _reserve(self, request):
        body = {"kind": "soft", "channel": "web", "method": "ship", "location": "L",
                "lines": [{"sku": "A", "quantity": 1}]}  # fmt: skip
        return self._post("/reservations", body, {"Idempotency-Key": request})

    def _change(self, request):
        row = {"id": request, "sku": "B", "location": "L", "quantity": 1,
               "effective_at": "2026-01-01T00:00:00Z"}  # fmt: skip
        return self._post("/inventory/sync", {"mode": "delta", "rows": [row]}, {})

    def _post(self, path, body, headers):
        url = f"http://127.0.0.1:{self.port}/api/v2{path}"
        headers = {"Authorization": f"Bearer {self.key}", **headers}
        return httpx.post(url, json=body, headers=headers, timeout=10)

    # What must hold -------------------------------------------------------------------------

    def check(self):
        """Everything that was answered is there exactly once, and nothing that nobody asked for."""
        assert self.contradictions == []
        promises = {r: told for r, told in self.answers.items() if "lines" in told}
        changes = self.answers.keys() - promises.keys()
        assert len({told["id"] for told in promises.values()}) == len(promises)
        with database.connect(self.url) as db:
            kept = db.execute(
                "select reservation_id, count(*), sum(open_units)::int from reservations "
                "join reservation_lines using (reservation_id) group by 1"
            ).fetchall()
            rows = db.execute(
                "select message_id, count(*) from entries where sku = 'B' group by 1"
            ).fetchall()
            units = dict(db.execute("select sku, units from balances").fetchall())
            assert verify.verify(db).drifts == []
        assert {name for name, _, _ in kept} == {told["id"] for told in promises.values()}
        assert {(lines, open_units) for _, lines, open_units in kept} <= {(1, 1)}
        assert dict(rows) == dict.fromkeys(changes, 1)
        assert units["A"] == STOCK_UNITS
        assert units.get("B", 0) == len(changes)
        return len(self.answers)
