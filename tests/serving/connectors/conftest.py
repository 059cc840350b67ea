"""What goes to vendors and comes from them: settings, and a database a file that tests empty."""

import os

import pytest

from inventory.store import database
from pipelines.settings import Settings
from serving.connectors import intake
from tests.databases import copied
from tests.inventory.ordering import open_centre, sent
from tests.serving.connectors.dispatching import SECRET, Clock
from tests.serving.connectors.replies import LATER


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


@pytest.fixture
def shop(centre):
    return centre


@pytest.fixture
def settings(tmp_path):
    return Settings(
        data_dir=tmp_path / "data", company_name="Our Shop", company_address="Quay 1; Amsterdam",
        mail_from="orders@shop.example", edi_id="VOUCH", webhook_secret=SECRET,
    )  # fmt: skip


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def takes(shop, settings):
    """`takes(text)`: what became of the documents of a file."""

    def take(text, *, name="file", came_from=None, source="test", now=LATER):
        content = text if isinstance(text, bytes) else text.encode()
        _, found = intake.take(
            shop, content, source=source, name=name, came_from=came_from, actor="test",
            settings=settings, now=now,
        )  # fmt: skip
        return found

    return take


@pytest.fixture
def order(shop):
    """The id of a sent order: 40 cups (line 1) and 100 teas (line 2) for 9 March."""
    return sent(shop)
