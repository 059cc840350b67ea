"""A database for stories: one for all of a file, emptied before each."""

import pytest

from inventory.store import database
from tests.databases import copied
from tests.inventory.story import TABLES


@pytest.fixture(scope="module")
def shop_url(postgres_url):
    """One database for all stories of a file: each starts by emptying it."""
    with copied(postgres_url, "stories") as url:
        yield url


@pytest.fixture
def shop(shop_url):
    with database.connect(shop_url) as db:
        db.execute(f"truncate {TABLES} cascade")
        yield db
