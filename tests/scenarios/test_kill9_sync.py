"""A process that takes feeds is killed with SIGKILL: nothing is half done, and again is safe."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory.catalog import Location, Sku
from inventory.store import catalog, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
MESSAGES, ROWS = 12, 300
KILLED_IN = (1, 3, 5, 8)
"""Messages that are under way when the process dies; the ones before are repeats by then."""

SENDER = """
import sys
from datetime import UTC, datetime
from inventory.store import database, feeds
from tests_rows import NOW, messages

with database.connect(sys.argv[1]) as db:
    for n, (mode, rows) in enumerate(messages()):
        feeds.sync(db, mode=mode, rows=rows, now=NOW, source="file", feed="kill")
        print(n, flush=True)
"""


def messages():
    """Counts, then changes after them: each message touches every SKU, some rows are broken."""
    for n in range(MESSAGES):
        mode = "snapshot" if n % 4 == 0 else "delta"
        yield (
            mode,
            [
                {
                    "id": f"{n}-{i}",
                    "sku": f"s{i}" if i % 50 else "nobody",
                    "location": "S1",
                    "quantity": 100 + n if mode == "snapshot" else 1,
                    "effective_at": f"2026-07-01T06:{n:02}:00Z",
                }
                for i in range(ROWS)
            ],
        )


def expected_units():
    """The count of message 8 is the last; messages 9, 10 and 11 each add one."""
    return 108 + 3


@pytest.fixture
def sender(database_url, db, tmp_path):
    catalog.put(db, Location("S1", "S1", "store"))
    catalog.put_many(db, [Sku(f"s{i}", "x") for i in range(ROWS)])
    (tmp_path / "sender.py").write_text(SENDER)
    (tmp_path / "tests_rows.py").write_text(Path(__file__).read_text())
    command = [sys.executable, str(tmp_path / "sender.py"), database_url]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    return lambda: subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


def acknowledged(process):
    """Messages whose answer the sender saw before it died."""
    return [int(line) for line in process.stdout if line.endswith("\n")]


def rows_taken(db):
    """How many rows of each message are in the ledger."""
    found = db.execute(
        "select split_part(message_id, '-', 1)::int, count(*) from entries group by 1"
    )
    return dict(found.fetchall())


def wait_for_the_dead(db):
    """A killed client's server process may still be finishing its last statement."""
    deadline = time.monotonic() + 20
    query = (
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    while db.execute(query).fetchone() != (0,):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_inside_message(process, number, *, pause_seconds):
    """Wait for the answers before `number`, kill a moment later; return what was answered."""
    with process:
        for _ in range(number):
            process.stdout.readline()
        time.sleep(pause_seconds)
        process.send_signal(signal.SIGKILL)
        return [*range(number), *acknowledged(process)]


def test_killed_in_the_middle_and_sent_again(db, sender):
    broken = len([i for i in range(ROWS) if i % 50 == 0])
    rng = random.Random(9)
    for number in KILLED_IN:
        seen = kill_inside_message(sender(), number, pause_seconds=rng.uniform(0, 0.02))
        wait_for_the_dead(db)
        taken = rows_taken(db)
        assert len(seen) < MESSAGES, "killed before the end"
        assert set(taken.values()) <= {ROWS - broken}, "a message is in whole or not at all"
        assert set(seen) <= set(taken), "what was acknowledged is there"
        assert verify.verify(db).drifts == []

    with sender() as process:
        assert len(acknowledged(process)) == MESSAGES
    assert rows_taken(db) == dict.fromkeys(range(MESSAGES), ROWS - broken)
    units = db.execute("select distinct units from balances").fetchall()
    assert units == [(expected_units(),)]
    assert verify.verify(db).drifts == []
