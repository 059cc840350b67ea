"""What tests stand on: a real PostgreSQL, one fresh database per test."""

import itertools
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory.store import database, server
from tests.databases import copied, folder_in_memory

MIGRATED_AT = datetime(2026, 1, 1, tzinfo=UTC)
counter = itertools.count()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    """URL of one PostgreSQL for the whole run, with a migrated template database."""
    disk = tmp_path_factory.mktemp("pg")
    with folder_in_memory(otherwise=disk) as folder, server.running(folder) as url:
        with database.connect(url) as db:
            database.migrate(db, now=MIGRATED_AT)
        yield url


@pytest.fixture
def database_url(postgres_url):
    """A fresh database with all tables, as a URL that other processes can use too."""
    with copied(postgres_url, f"test_{os.getpid()}_{next(counter)}") as url:
        yield url


@pytest.fixture
def db(database_url):
    """An open autocommit connection to a fresh database."""
    with database.connect(database_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def empty_mlflow_db(tmp_path_factory):
    """A file with MLflow's tables, to copy: making them takes seconds."""
    from models import tracking

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with tracking.store(f"sqlite:///{file}"):
        pass
    return file


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the benchmark data, which is not part of the project."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("VOUCH_SHARED_DATA", default))
    if not folder.exists():
        pytest.skip(f"benchmark data not found in {folder}; set VOUCH_SHARED_DATA to its folder")
    return folder
