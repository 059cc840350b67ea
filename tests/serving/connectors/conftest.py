"""A database for what goes to vendors and comes from them: one a file, emptied for each test."""

import os

import psycopg
import pytest

from inventory.store import database
from tests.inventory.ordering import open_centre


@pytest.fixture(scope="module")
def shop_url(postgres_url, request):
    """One database for all tests of a file."""
    name = f"{request.module.__name__.rpartition('.')[2]}_{os.getpid()}"
    with psycopg.connect(postgres_url.replace("/vouch?", "/postgres?"), autocommit=True) as admin:
        admin.execute(f"create database {name} template vouch")
        yield postgres_url.replace("/vouch?", f"/{name}?")
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def centre(shop_url):
    """An open connection to it, with a centre that buys from two vendors and nothing else."""
    with database.connect(shop_url) as db:
        db.execute(
            "truncate locations, vendors, skus, alerts, idempotency restart identity cascade"
        )
        yield open_centre(db)
