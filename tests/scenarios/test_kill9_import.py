"""A process that is killed while it imports leaves nothing half done, and may simply run again."""

import os
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from inventory.store import database

ROWS = 300_000

IMPORTER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from inventory.store import database
from pipelines.ingest import import_file
with database.connect(sys.argv[1]) as db:
    report = import_file(
        db, kind="sales", path=Path(sys.argv[2]), now=datetime(2026, 6, 1, tzinfo=UTC),
        create_missing=True, progress=lambda line: print(line, flush=True),
    )
print("accepted", report.accepted, flush=True)
"""


@pytest.fixture
def sales_file(tmp_path):
    path = tmp_path / "sales.parquet"
    row = pl.int_range(ROWS)
    pl.select(
        sku=(row % 300).cast(pl.String),
        location=pl.lit("s1"),
        date=pl.date(2020, 1, 1) + pl.duration(days=row // 300),
        units=row % 9,
    ).write_parquet(path)
    return path


def start(database_url, path):
    return subprocess.Popen(
        [sys.executable, "-c", IMPORTER, database_url, str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )


def staged_rows(db):
    """Tuples that some other session has written and not committed, by its own statistics."""
    row = db.execute(
        "select coalesce(max(tuples_processed), 0) from pg_stat_progress_copy"
    ).fetchone()
    return row[0]


def counts(db):
    return db.execute(
        "select (select count(*) from sales_days), (select count(*) from skus), "
        "(select count(*) from imports)"
    ).fetchone()


def test_kill9_in_the_middle_leaves_nothing_and_a_second_run_completes(database_url, sales_file):
    with database.connect(database_url) as db:
        importer = start(database_url, sales_file)
        deadline = time.monotonic() + 60
        while staged_rows(db) < ROWS // 20:
            assert importer.poll() is None, "the import ended before it could be killed"
            assert time.monotonic() < deadline, "the import never got under way"
            time.sleep(0.005)
        os.kill(importer.pid, signal.SIGKILL)
        assert importer.wait() == -signal.SIGKILL
        importer.stdout.close()

        assert counts(db) == (0, 0, 0)

        again = start(database_url, sales_file)
        said, _ = again.communicate(timeout=120)
        assert said.splitlines()[-1] == f"accepted {ROWS}"
        assert counts(db) == (ROWS, 300, 1)
