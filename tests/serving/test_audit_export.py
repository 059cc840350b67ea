"""The audit record as Parquet by the day: in a folder, and in an S3 server on this machine."""

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import polars as pl
import pytest
from moto.server import ThreadedMotoServer
from pyarrow.fs import FileSelector, S3FileSystem

from inventory.catalog import Location, Sku
from inventory.errors import InputRejected, Unavailable
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, feeds, reservations
from serving.cli import run
from serving.connectors import audit_export

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


def deltas(db, day, quantities):
    """One row per quantity, alternating over two SKUs and two places."""
    now = START + timedelta(days=day)
    rows = [
        {"id": f"{day}-{n}", "sku": "AB"[n % 2], "location": ("S1", "S2")[n // 2 % 2],
         "quantity": quantity, "effective_at": (now - timedelta(minutes=1)).isoformat()}
        for n, quantity in enumerate(quantities)
    ]  # fmt: skip
    feeds.sync(db, mode="delta", rows=rows, now=now, source="wms", actor="oms:k1")


@pytest.fixture
def books(db):
    """Three days of changes, one of them today, with a promise on the second."""
    catalog.put_many(db, [Location("S1", "S1", "store"), Location("S2", "S2", "store")])
    catalog.put_many(db, [Sku("A", "A"), Sku("B", "B")])
    deltas(db, 0, [10, 20, 30, 40, 5])
    deltas(db, 1, [-1, -2, -3])
    deltas(db, 3, [7, 7])
    basket = Basket("soft", "web", "ship", (AskedLine("A", 2),), location="S1", ttl_seconds=60)
    reservations.place(db, basket, reservation_id="r1", now=START + timedelta(days=1), actor="oms")
    reservations.release(db, "r1", now=START + timedelta(days=1, seconds=9), actor="oms")
    return db


def export(db, target, **more):
    days = {"first_day": None, "last_day": None, "now": NOW} | more
    return audit_export.export(db, target=str(target), **days)


def test_exported_units_sum_to_the_balances(books, tmp_path):
    report = export(books, tmp_path, with_open_days=True)
    assert report.open_days == []
    found = pl.read_parquet(tmp_path / "entries/**/*.parquet")
    sums = {
        (row["sku"], row["location"], row["status"]): row["units"]
        for row in found.group_by("sku", "location", "status").agg(pl.col("units").sum()).to_dicts()
    }
    balances = books.execute("select sku, location, status, units from balances where units <> 0")
    assert sums == {tuple(key): units for *key, units in balances}
    # By hand: A at S1 10 + 5 - 1 + 7; B at S1 20 - 2 + 7; A at S2 30 - 3; B at S2 40.
    assert sums["A", "S1", "available"] == 21
    assert sums["B", "S2", "available"] == 40


def test_midnight_belongs_to_the_day_that_begins(books, tmp_path):
    row = {"id": "m", "sku": "A", "location": "S1", "quantity": 1, "effective_at": START}
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    feeds.sync(books, mode="delta", rows=[row], now=midnight, source="wms")
    report = export(books, tmp_path)
    rows = {part.date: part.rows for part in report.parts if part.dataset == "entries"}
    assert rows == {"2026-03-01": 5, "2026-03-02": 3, "2026-03-03": 1}


def test_a_day_that_is_not_over_waits(books, tmp_path):
    report = export(books, tmp_path)
    days = sorted(path.name for path in (tmp_path / "entries").iterdir())
    assert days == ["date=2026-03-01", "date=2026-03-02", "date=2026-03-03"]
    assert report.open_days == ["2026-03-04"]
    # Ten minutes after midnight something may still be under way.
    early = export(books, tmp_path, now=datetime(2026, 3, 5, 0, 10, tzinfo=UTC))
    assert early.open_days == ["2026-03-04", "2026-03-05"]


def test_the_manifest_tells_rows_and_checksum(books, tmp_path):
    export(books, tmp_path, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1))
    day = tmp_path / "entries" / "date=2026-03-01"
    manifest = json.loads((day / "_manifest.json").read_text())
    part = (day / "part-0.parquet").read_bytes()
    assert (manifest["rows"], manifest["units"]) == (5, 105)
    assert manifest["sha256"] == sha256(part).hexdigest()
    assert set(manifest["columns"]) == set(pl.read_parquet(day / "part-0.parquet").columns) - {
        "date"
    }
    assert all(manifest["columns"].values())


def test_exporting_a_day_again_gives_the_same_bytes(books, tmp_path):
    first = export(books, tmp_path)
    assert export(books, tmp_path).parts == first.parts
    assert not list(tmp_path.rglob("*.writing"))


def test_events_say_who_and_when(books, tmp_path):
    export(books, tmp_path)
    found = pl.read_parquet(tmp_path / "reservation_events/**/*.parquet").sort("at")
    assert found.select("reservation_id", "act", "actor").rows() == [
        ("r1", "place", "oms"), ("r1", "release", "oms"),
    ]  # fmt: skip


def test_many_batches_are_one_part(books, tmp_path, monkeypatch):
    monkeypatch.setattr(audit_export, "ROWS_PER_BATCH", 2)
    export(books, tmp_path)
    part = pl.read_parquet(tmp_path / "entries/date=2026-03-01/part-0.parquet")
    assert sorted(part["units"].to_list()) == [5, 10, 20, 30, 40]
    assert part.height == 5


@pytest.fixture
def s3(monkeypatch):
    """An S3 server with a bucket `books`, its URL, and a client of it."""
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = S3FileSystem(
        endpoint_override=f"{host}:{port}", scheme="http", region="us-east-1",
        allow_bucket_creation=True,
    )  # fmt: skip
    client.create_dir("books")
    yield f"http://{host}:{port}", client
    server.stop()


def test_the_same_record_goes_to_an_s3_store(books, tmp_path, s3):
    url, client = s3
    export(books, tmp_path / "local")
    for _ in range(2):
        report = export(books, "s3://books/audit/2026", endpoint_url=url)
    listed = client.get_file_info(FileSelector("books/audit/2026", recursive=True))
    parts = [info.path for info in listed if info.path.endswith(".parquet")]
    assert sorted(part.path for part in report.parts) == sorted(parts)
    for part in report.parts:
        with client.open_input_stream(part.path) as stream:
            remote = stream.read()
        name = part.path.removeprefix("books/audit/2026/")
        assert remote == (tmp_path / "local" / name).read_bytes()
        assert part.sha256 == sha256(remote).hexdigest()
        assert json.loads(
            client.open_input_stream(part.path.replace("part-0.parquet", "_manifest.json")).read()
        )["rows"] == part.rows  # fmt: skip


def test_a_bucket_that_is_not_there_is_told(books, s3):
    url, _ = s3
    with pytest.raises(Unavailable, match="nowhere"):
        export(books, "s3://nowhere/audit", endpoint_url=url)


@pytest.mark.parametrize("target", ["ftp://host/x", "s3://"])
def test_a_target_that_makes_no_sense_is_refused(books, target):
    with pytest.raises(InputRejected, match="to"):
        export(books, target)


def test_the_command_says_what_it_wrote(books, database_url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VOUCH_DATABASE_URL", database_url)
    command = ["audit", "export", "--to", str(tmp_path), "--from", "2026-03-01"]
    assert run([*command, "--until", "2026-03-02", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 10
    assert [(p["dataset"], p["date"], p["rows"]) for p in told["parts"]] == [
        ("entries", "2026-03-01", 5), ("reservation_events", "2026-03-01", 0),
        ("entries", "2026-03-02", 3), ("reservation_events", "2026-03-02", 2),
    ]  # fmt: skip
