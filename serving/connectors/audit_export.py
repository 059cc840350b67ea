"""The audit record as Parquet, a file per day, in a folder or any S3-compatible store.

    TARGET/entries/date=2026-03-01/part-0.parquet
    TARGET/entries/date=2026-03-01/_manifest.json      rows, sums and checksum of the part beside it
    TARGET/reservation_events/date=2026-03-01/...

A day is written whole: to a file on this machine first, then to its place in one step, the manifest
last. So a reader sees the old part or the new one, and exporting a day again gives the same bytes.
Memory holds one batch of rows. What was written is read back and compared before it is reported.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from inventory.errors import InputRejected, Unavailable
from inventory.store import audit, database

ROWS_PER_BATCH = 20_000
CHUNK_BYTES = 4 * 1024 * 1024

CLOSED_AFTER = timedelta(minutes=15)
"""After midnight UTC, until when something that began the day before may still be written."""

PART, MANIFEST = "part-0.parquet", "_manifest.json"

MOMENT = pa.timestamp("us", tz="UTC")
SCHEMAS = {
    "entries": pa.schema(
        [
            ("entry_id", pa.int64()), ("sku", pa.string()), ("location", pa.string()),
            ("status", pa.string()), ("kind", pa.string()), ("units", pa.int64()),
            ("stated_units", pa.int64()), ("outcome", pa.string()), ("effective_at", MOMENT),
            ("recorded_at", MOMENT), ("message_id", pa.string()), ("source", pa.string()),
            ("actor", pa.string()), ("reason", pa.string()), ("reservation_id", pa.string()),
            ("inbound_id", pa.string()), ("sequence", pa.int64()), ("clamped", pa.bool_()),
        ]
    ),
    "reservation_events": pa.schema(
        [
            ("reservation_id", pa.string()), ("act", pa.string()), ("from_state", pa.string()),
            ("to_state", pa.string()), ("at", MOMENT), ("actor", pa.string()),
            ("reason", pa.string()), ("body", pa.string()), ("event_id", pa.int64()),
        ]
    ),
}  # fmt: skip
MEANINGS = {"entries": audit.ENTRY_COLUMNS, "reservation_events": audit.EVENT_COLUMNS}


@dataclass(frozen=True, slots=True)
class Part:
    """One day of one data set, as it was written."""

    dataset: str
    date: str
    path: str
    rows: int
    units: int
    """Sum of what the entries did to balances; 0 for events."""
    bytes: int
    sha256: str


@dataclass(slots=True)
class ExportReport:
    """What an export wrote."""

    target: str
    parts: list[Part] = field(default_factory=list)
    open_days: list[str] = field(default_factory=list)
    """Days left out because they are not over."""

    def as_dict(self) -> dict[str, object]:
        return {
            "target": self.target,
            "rows": sum(part.rows for part in self.parts),
            "parts": [asdict(part) for part in self.parts],
            "open_days": self.open_days,
        }

    def lines(self) -> list[str]:
        told = [
            f"{part.dataset} {part.date}: {part.rows} rows, {part.bytes} bytes, "
            f"sha256 {part.sha256[:12]}, read back and equal"
            for part in self.parts
        ]
        rows = sum(part.rows for part in self.parts)
        told.append(f"{rows} rows in {len(self.parts)} parts at {self.target}")
        told += [f"{day} is not over; --open exports it as it stands" for day in self.open_days]
        return told


def export(
    db: psycopg.Connection,
    *,
    target: str,
    first_day: date | None,
    last_day: date | None,
    now: datetime,
    endpoint_url: str | None = None,
    with_open_days: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Write the days from `first_day` to `last_day` (both included; none: all there is).

    `target` is a folder or `s3://bucket/prefix`; keys for S3 come from the environment, as for any
    S3 client. A day is over some minutes after midnight UTC; one that is not is left out unless
    `with_open_days`. Raises `InputRejected`, and `Unavailable` where the target cannot be written.
    """
    first = first_day or audit.first_day(db) or now.date()
    last = last_day or now.date()
    if first > last:
        raise InputRejected(f"the first day {first} is after the last, {last}", field="from")
    report = ExportReport(target)
    try:
        files, root = filesystem_of(target, endpoint_url=endpoint_url)
        for day in _days(first, min(last, now.date())):
            if not with_open_days and now < _start(day + timedelta(days=1)) + CLOSED_AFTER:
                report.open_days.append(day.isoformat())
                continue
            for dataset in audit.DATASETS:
                report.parts.append(_export_day(db, files, root, dataset, day))
            progress(f"exported {day}")
    except OSError as error:
        raise Unavailable(f"'{target}' cannot be written: {error}") from error
    return report


def filesystem_of(target: str, *, endpoint_url: str | None) -> tuple[pafs.FileSystem, str]:
    """Where a target is, and the path there."""
    if not target.startswith("s3://"):
        if "://" in target:
            raise InputRejected("give a folder or s3://bucket/prefix", field="to")
        folder = Path(target).expanduser().absolute()
        return pafs.LocalFileSystem(), str(folder)
    bucket_and_prefix = target.removeprefix("s3://").strip("/")
    if not bucket_and_prefix:
        raise InputRejected("name the bucket: s3://bucket/prefix", field="to")
    options: dict[str, Any] = {}
    if endpoint_url is not None:
        parts = urlsplit(endpoint_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InputRejected("give a URL like https://host:port", field="endpoint_url")
        options = {"scheme": parts.scheme, "endpoint_override": parts.netloc}
        options["region"] = _region()
    return pafs.S3FileSystem(**options), bucket_and_prefix


def _region() -> str:
    """Stores other than Amazon's know no regions, and are not asked which one it is."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _start(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def _export_day(
    db: psycopg.Connection, files: pafs.FileSystem, root: str, dataset: str, day: date
) -> Part:
    with tempfile.TemporaryDirectory(prefix="vouch-audit-") as folder:
        local = Path(folder) / PART
        rows, units = _write(db, local, dataset, day)
        place = f"{root}/{dataset}/date={day.isoformat()}"
        part = Part(
            dataset,
            day.isoformat(),
            f"{place}/{PART}",
            rows,
            units,
            local.stat().st_size,
            _digest(iter_chunks(pafs.LocalFileSystem(), str(local))),
        )
        files.create_dir(place, recursive=True)
        _put(files, iter_chunks(pafs.LocalFileSystem(), str(local)), part.path)
    _check(files, part)
    manifest = asdict(part) | {"columns": MEANINGS[dataset]}
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    _put(files, iter([text.encode()]), f"{place}/{MANIFEST}")
    return part


def _write(db: psycopg.Connection, path: Path, dataset: str, day: date) -> tuple[int, int]:
    """Rows of one day, a batch at a time; returns how many, and the sum of their units."""
    schema, rows, units = SCHEMAS[dataset], 0, 0
    with database.snapshot(db), pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in audit.rows_of_day(
            db, dataset, start=_start(day), rows_per_batch=ROWS_PER_BATCH
        ):
            table = _table(batch, schema)
            writer.write_table(table)
            rows += table.num_rows
            if "units" in schema.names:
                units += sum(table["units"].to_pylist())
    return rows, units


def _table(batch: Sequence[Sequence[object]], schema: pa.Schema) -> pa.Table:
    columns = zip(*batch, strict=True)
    arrays = [
        pa.array(list(column), type=kind)
        for column, kind in zip(columns, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def iter_chunks(files: pafs.FileSystem, path: str) -> Iterator[bytes]:
    """The bytes of a file, a chunk at a time."""
    with files.open_input_stream(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _put(files: pafs.FileSystem, chunks: Iterator[bytes], path: str) -> None:
    """Bytes to their place in one step: by a rename in a folder, by the upload's end in S3."""
    local = isinstance(files, pafs.LocalFileSystem)
    written = f"{path}.writing" if local else path
    with files.open_output_stream(written) as stream:
        for chunk in chunks:
            stream.write(chunk)
    if local:
        files.move(written, path)


def _digest(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _check(files: pafs.FileSystem, part: Part) -> None:
    """Read back what was written: the same bytes, and as many rows."""
    if _digest(iter_chunks(files, part.path)) != part.sha256:
        raise Unavailable(f"'{part.path}' does not read back as it was written; export it again")
    with files.open_input_file(part.path) as file:
        rows = pq.ParquetFile(file).metadata.num_rows
    if rows != part.rows:
        raise Unavailable(f"'{part.path}' has {rows} rows instead of {part.rows}; export it again")
