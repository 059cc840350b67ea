"""A database for what goes to vendors and comes from them: one a file, emptied for each test."""

import os

import pytest

from inventory.store import database
from tests.databases import copied
from tests.inventory.ordering import open_centre


@pytest.fixture(scope="module")
def shop_url(postgres_url, request):
    """One database for all tests of a file."""
    name = f"{request.module.__name__.rpartition('.')[2]}_{os.getpid()}"
    with copied(postgres_url, name) as url:
        yield url


@pytest.fixture(scope="module")
def emptying(shop_url):
    """A statement that takes away every place, vendor and thing with all that hangs on it.

    Rows one by one: to truncate as many tables takes many times as long.
    """
    with database.connect(shop_url) as db:
        tables = db.execute(HANGING).fetchall()
    deletes = "; ".join(f"delete from {table}" for (table,) in tables)
    return f"set session_replication_role = replica; {deletes}; reset session_replication_role"


HANGING = """
    with recursive hanging (id) as (
        select unnest('{locations, vendors, skus, alerts, idempotency}'::regclass[])
        union select conrelid from pg_constraint join hanging on confrelid = id where contype = 'f'
    )
    select id::regclass::text from hanging
"""


@pytest.fixture
def centre(shop_url, emptying):
    """An open connection to it, with a centre that buys from two vendors and nothing else."""
    with database.connect(shop_url) as db:
        db.execute(emptying)
        yield open_centre(db)
