"""A database for stories: one for all of a file, emptied before each."""

import pytest

from inventory.store import database
from tests.inventory.story import TABLES


@pytest.fixture(scope="module")
def shop_url(postgres_url):
    """One database for all stories of a file: each starts by emptying it."""
    with database.connect(postgres_url.replace("/vouch?", "/postgres?")) as admin:
        admin.execute("create database stories template vouch")
        yield postgres_url.replace("/vouch?", "/stories?")
        admin.execute("drop database stories with (force)")


@pytest.fixture
def shop(shop_url):
    with database.connect(shop_url) as db:
        db.execute(f"truncate {TABLES} cascade")
        yield db
