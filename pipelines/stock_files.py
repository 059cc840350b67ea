"""Files that say what lies where, and what is on its way.

Stock goes through the same door as a feed: `inventory.store.feeds`. Each row's message id is made
of the file's digest and the row number, so importing a file again counts nothing twice.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime

import polars as pl
import psycopg

from inventory.errors import InputRejected, StateConflict
from inventory.feeds import ROWS_MAX, Mode
from inventory.ledger import STATUSES
from inventory.store import feeds, inbound
from pipelines.catalog_files import refuse_unknown
from pipelines.phrases import phrase
from pipelines.raw_table import ROW, RawTable
from pipelines.row_checks import Column, Judged, judge

FEED = "import"
"""Ids of rows are unique within it."""

STOCK_COLUMNS = (
    Column("sku", required=True, refers_to="sku"),
    Column("location", required=True, refers_to="location"),
    Column("quantity", "integer", minimum=0),
    Column("delta", "integer"),
    Column("status", choices=STATUSES),
    Column("effective_at", "moment"),
    Column("sequence", "integer", minimum=0, maximum=2**53),  # It may be a clock's ticks.
    Column("reason"),
    Column("id"),
)
INBOUND_COLUMNS = (
    Column("id", required=True),
    Column("sku", required=True, refers_to="sku"),
    Column("location", required=True, refers_to="location"),
    Column("quantity", "integer", required=True, minimum=0),
    Column("expected_at", "moment", required=True),
    Column("state", choices=inbound.STATES),
)
KINDS = {"stock": STOCK_COLUMNS, "inbound": INBOUND_COLUMNS}


def judge_stock(db: psycopg.Connection, raw: RawTable, *, kind: str, name: str) -> Judged:
    """Type and check the rows of a stock or inbound file.

    A stock file counts (`quantity`) or tells changes (`delta`), not both.
    """
    if kind == "stock" and ("quantity" in raw.columns) == ("delta" in raw.columns):
        raise InputRejected(
            f"{name} needs either a column 'quantity' (units counted) or a column 'delta' "
            f"(units added or taken); it has {', '.join(raw.columns)}",
            field="quantity",
        )
    # A change without its moment could not be told from the same change a second time.
    needed = {"quantity", "delta"} & set(raw.columns)
    needed |= {"effective_at"} if "delta" in raw.columns else set()
    columns = tuple(replace(c, required=c.required or c.name in needed) for c in KINDS[kind])
    judged = judge(raw, columns, name=name)
    refuse_unknown(db, judged, columns)
    if kind == "inbound":
        judged.reject_repeats(["id"])
    return judged


def write_stock(
    db: psycopg.Connection, judged: Judged, *, kind: str, digest: str, actor: str, now: datetime
) -> dict[str, int]:
    """Write the sound rows; returns how many had each outcome. `actor`: who brought the file."""
    if kind == "inbound":
        return {"written": _write_inbound(db, judged, now=now)}
    sound = judged.sound
    rows = sound.with_columns(
        _or_default(sound, "id", _message_id(sound, digest, now)),
        _or_default(sound, "status", pl.lit("available")),
        _or_default(sound, "effective_at", pl.lit(now)),
        _or_default(sound, "sequence", pl.lit(None, dtype=pl.Int64)).cast(pl.Int64),
        _or_default(sound, "reason", pl.lit(None, dtype=pl.String)),
        pl.col("delta" if "delta" in sound.columns else "quantity")
        .cast(pl.Int64)
        .alias("quantity"),
    ).with_columns(pl.col("effective_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"))
    mode: Mode = "delta" if "delta" in sound.columns else "snapshot"
    outcomes: Counter[str] = Counter()
    names = ("id", "sku", "location", "quantity", "status", "effective_at", "sequence", "reason")
    for piece in rows.select(ROW, *names).iter_slices(ROWS_MAX):
        told = piece.select(names).to_dicts()
        result = feeds.sync(
            db, mode=mode, rows=told, now=now, source="file", feed=FEED, actor=actor
        )
        outcomes.update({k: n for k, n in result.counts.items() if n})
        for row, became in zip(piece.get_column(ROW), result.results, strict=True):
            if became.outcome == "quarantined" and became.problem is not None:
                judged.reject(
                    pl.col(ROW) == row, column=became.problem.field or "sku",
                    problem=became.problem.problem, remedy="mend the row and send it again",
                )  # fmt: skip
    return dict(outcomes)


def _message_id(sound: pl.DataFrame, digest: str, now: datetime) -> pl.Expr:
    """The file's digest and the row; a count that gives no moment is a new count each time."""
    own = phrase(f"{digest[:24]}:{{}}", ROW)
    timed = pl.col("effective_at").is_not_null() if "effective_at" in sound.columns else False
    return pl.when(timed).then(own).otherwise(own + f"@{now.isoformat()}")


def _or_default(frame: pl.DataFrame, column: str, default: pl.Expr) -> pl.Expr:
    """The column where it says something, else the default."""
    if column not in frame.columns:
        return default.alias(column)
    return pl.coalesce(column, default).alias(column)


def _write_inbound(db: psycopg.Connection, judged: Judged, *, now: datetime) -> int:
    """Announce each row's supply; what contradicts goods received already is noted."""
    rows = judged.sound.with_columns(_or_default(judged.sound, "state", pl.lit("confirmed")))
    written = 0
    for row in rows.iter_rows(named=True):
        try:
            inbound.put(
                db, inbound_id=row["id"], sku=row["sku"], location=row["location"],
                quantity=int(row["quantity"]), expected_at=row["expected_at"],
                state=row["state"], now=now, source="file",
            )  # fmt: skip
        except (InputRejected, StateConflict) as error:
            judged.reject(
                pl.col(ROW) == row[ROW], column="id", problem=str(error),
                remedy="units count from the first announcement, those received included",
            )  # fmt: skip
        else:
            written += 1
    return written
