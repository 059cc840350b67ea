"""Whole tables between PostgreSQL and polars, by COPY: fastest without another driver."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import LiteralString

import polars as pl
import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

ROWS_PER_WRITE = 200_000
"""Rows turned into text at once: some 10 MB."""

EPOCH = "date '1970-01-01'"
"""Days travel as numbers from here: polars reads those many times faster than dates."""


def copy_in(
    db: psycopg.Connection, frame: pl.DataFrame, *, table: str, columns: Sequence[str]
) -> int:
    """Append `columns` of the frame to a table. Text may hold anything; null stays null."""
    names = _names(columns)
    # Empty text is quoted and null is not, so that both come back as they were.
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(sql.Identifier(table), names)
    with db.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in pieces(frame.select(columns)):
            copy.write(piece.write_csv(include_header=False, quote_style="necessary").encode())
    return len(frame)


def copy_out(
    db: psycopg.Connection,
    query: sql.Composed | sql.SQL,
    *,
    schema: Mapping[str, pl.DataType | type[pl.DataType]],
) -> pl.DataFrame:
    """The rows of a query without parameters (compose literals in), typed by `schema`."""
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(query)
    text = _copied(db, statement.as_bytes(db))
    if not text:
        return pl.DataFrame(schema=dict(schema))
    wire = {name: pl.Int32 if kind == pl.Date else kind for name, kind in schema.items()}
    frame = pl.read_csv(text, has_header=False, schema=wire)
    dates = [name for name, kind in schema.items() if kind == pl.Date]
    return frame.with_columns(pl.col(dates).cast(pl.Date))


def _copied(db: psycopg.Connection, statement: bytes) -> bytes:
    """Everything a COPY sends, straight from libpq: the driver's own loop takes six times as long.

    Like that loop it holds the connection, and no other thread may use it meanwhile.
    """
    connection = db.pgconn
    begun = connection.exec_(statement)
    if begun.status != ExecStatus.COPY_OUT:
        raise error_from_result(begun)
    lines = []
    while True:
        size, line = connection.get_copy_data(0)
        if size < 0:
            break
        lines.append(bytes(line))
    ended = connection.get_result()
    while connection.get_result() is not None:
        pass
    if ended is not None and ended.status != ExecStatus.COMMAND_OK:
        raise error_from_result(ended)
    return b"".join(lines)


def pieces(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The frame in slices small enough to be held as text."""
    yield from frame.iter_slices(ROWS_PER_WRITE)


def upsert(db: psycopg.Connection, frame: pl.DataFrame, *, table: str, key: Sequence[str]) -> int:
    """Write every column of the frame: new keys are added, rows that differ are changed.

    Columns of the table that the frame lacks keep their values, or get their defaults. Returns the
    rows added or changed. Runs in the caller's transaction, or its own.
    """
    others = [c for c in frame.columns if c not in key]
    parts = {
        "table": sql.Identifier(table),
        "names": _names(frame.columns),
        "same": _both("t.{0} = s.{0}", key, " and "),
        "changes": _both("{0} = s.{0}", others, ", "),
        "old": _both("t.{0}", others, ", "),
        "new": _both("s.{0}", others, ", "),
    }
    change = sql.SQL(
        "update {table} t set {changes} from bulk_staged s "
        "where {same} and ({old}) is distinct from ({new})"
    )
    # Not one statement with `on conflict`: that wants every required column of a row to be
    # updated too, and a file may well leave some out.
    add = sql.SQL(
        "insert into {table} ({names}) select {names} from bulk_staged s "
        "where not exists (select from {table} t where {same}) on conflict do nothing"
    )
    return _staged(db, frame, *([change] if others else []), add, **parts)


def add_missing(db: psycopg.Connection, frame: pl.DataFrame, *, table: str) -> int:
    """Add the rows whose key is not there; what is there stays as it is. Returns rows added."""
    add = sql.SQL(
        "insert into {table} ({names}) select {names} from bulk_staged on conflict do nothing"
    )
    return _staged(db, frame, add, table=sql.Identifier(table), names=_names(frame.columns))


def _staged(
    db: psycopg.Connection, frame: pl.DataFrame, *statements: sql.SQL, **parts: sql.Composable
) -> int:
    """Copy the frame beside the table, types as there, and run what takes it over."""
    make = sql.SQL(
        "create temp table bulk_staged on commit drop as select {names} from {table} with no data"
    )
    with db.transaction():
        db.execute(make.format(names=parts["names"], table=parts["table"]))
        copy_in(db, frame, table="bulk_staged", columns=frame.columns)
        changed = sum(db.execute(s.format(**parts)).rowcount for s in statements)
        db.execute("drop table bulk_staged")
    return changed


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _both(pattern: LiteralString, columns: Sequence[str], separator: LiteralString) -> sql.Composed:
    """The pattern filled with each column."""
    parts = [sql.SQL(pattern).format(sql.Identifier(column)) for column in columns]
    return sql.SQL(separator).join(parts)


def known(db: psycopg.Connection, *, table: str, column: str) -> set[str]:
    """Every value of a text column: which SKUs, locations, … there are."""
    query = sql.SQL("select {} from {}").format(sql.Identifier(column), sql.Identifier(table))
    return {str(row[0]) for row in db.execute(query)}


def replace_members(db: psycopg.Connection, frame: pl.DataFrame, *, table: str, parent: str) -> int:
    """Write the members of each parent in the frame, in place of those that it had."""
    query = sql.SQL("delete from {} where {} = any(%s)").format(
        sql.Identifier(table), sql.Identifier(parent)
    )
    with db.transaction():
        db.execute(query, [frame.get_column(parent).unique().to_list()])
        return add_missing(db, frame, table=table)


def note_import(
    db: psycopg.Connection,
    *,
    kind: str,
    name: str,
    digest: str,
    rows_read: int,
    accepted: int,
    now: datetime,
) -> None:
    """Keep on record that a file went in; in the transaction that brought its rows."""
    db.execute(
        "insert into imports (kind, name, digest, rows_read, accepted, rejected, imported_at) "
        "values (%s, %s, %s, %s, %s, %s, %s)",
        [kind, name, digest, rows_read, accepted, rows_read - accepted, now],
    )


def was_imported(db: psycopg.Connection, *, kind: str, digest: str) -> bool:
    """Whether a file (or generated data) with this digest went in before."""
    query = "select exists (select from imports where kind = %s and digest = %s)"
    row = db.execute(query, [kind, digest]).fetchone()
    return bool(row and row[0])


def analyse(db: psycopg.Connection) -> None:
    """Tell the planner about tables that were just filled, rather than wait for it to notice."""
    db.execute("analyze skus, locations, sales_days, location_days, balances, entries, inbound")


def sizes(db: psycopg.Connection) -> tuple[int, int, int, int, int]:
    """How much is held: SKUs, locations, positions, days of sales, ledger entries."""
    row = db.execute(
        "select (select count(*) from skus), (select count(*) from locations), "
        "(select count(*) from balances where status = 'available'), "
        "(select count(*) from sales_days), (select count(*) from entries)"
    ).fetchone()
    assert row is not None
    skus, locations, positions, sales, entries = row
    return skus, locations, positions, sales, entries
