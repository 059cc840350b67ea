"""What tests of files share: a way to import them, a catalogue, a database left as it was."""

from contextlib import contextmanager
from datetime import UTC, datetime

import polars as pl

from inventory.store import database
from pipelines.ingest import import_file

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)


@contextmanager
def undone(postgres_url):
    """All of a test in one transaction that is undone: faster than a database each."""
    with database.connect(postgres_url) as connection, connection.transaction(force_rollback=True):
        yield connection


def importer(db, folder, *, now=NOW):
    """`bring(kind, content)`: import text or a frame as a file of some kind."""

    def bring(kind, content, name="file", **options):
        if isinstance(content, pl.DataFrame):
            path = folder / f"{name}.parquet"
            content.write_parquet(path)
        else:
            path = folder / f"{name}.csv"
            path.write_text(content)
        return import_file(db, kind=kind, path=path, now=now, **options)

    return bring


def put_catalogue(bring):
    """A vendor, two things, two places and a channel."""
    bring("vendors", "vendor,lead_time_days\nv1,5\n", "vendors")
    bring("skus", "sku,vendor,unit_cost,price\nA,v1,2,3\nB,v1,4,6\n", "skus")
    bring("locations", "location,type,methods\ns1,store,bopis sfs\nw1,warehouse,ship\n", "places")
    bring("channels", "channel\nweb\n", "channels")


def rows(db, query):
    return db.execute(query).fetchall()


def problems(report):
    return [tuple(r) for r in report.problems.select("row", "field", "problem").iter_rows()]
