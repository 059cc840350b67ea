"""Databases for tests: a server in memory where that fits, and copies of its migrated one."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import psycopg

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 2**30
"""A run takes some hundred MB; with less to spare, the disk serves too, at ten times the cost."""

PREFIX = "vouch-tests-"


@contextlib.contextmanager
def folder_in_memory(otherwise):
    """A folder in memory that is gone afterwards, or `otherwise` where there is no room for one.

    What survives a killed process survives here as on a disk: both outlive the process.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES_MIN:
        yield otherwise
        return
    for left in MEMORY.glob(f"{PREFIX}*"):  # By a run that was killed.
        if not Path("/proc", left.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY) as folder:
        yield Path(folder)


@contextlib.contextmanager
def copied(postgres_url, name):
    """URL of a fresh database with all tables, for as long as the block."""
    with psycopg.connect(postgres_url.replace("/vouch?", "/postgres?"), autocommit=True) as admin:
        admin.execute(f"create database {name} template vouch")
        yield postgres_url.replace("/vouch?", f"/{name}?")
        admin.execute(f"drop database {name} with (force)")
