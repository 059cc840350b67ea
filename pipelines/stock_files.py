"""Files that say what lies where, and what is on its way.

Stock goes through the same door as a feed: `inventory.store.feeds`. Each row's message id is made
of the file's digest and the row number, so importing a file again counts nothing twice.
"""

from collections import Counter
from datetime import datetime

import polars as pl
import psycopg

from inventory.errors import InputRejected
from inventory.feeds import ROWS_MAX, Mode
from inventory.ledger import STATUSES
from inventory.store import bulk
from pipelines.catalog_files import refuse_unknown
from pipelines.raw_table import ROW, RawTable
from pipelines.row_checks import Column, Judged, judge

FEED = "import"
"""Ids of rows are unique within it."""

INBOUND_STATES = ("planned", "confirmed", "shipped", "received", "cancelled")

STOCK_COLUMNS = (
    Column("sku", required=True, refers_to="sku"),
    Column("location", required=True, refers_to="location"),
    Column("quantity", "integer", minimum=0),
    Column("delta", "integer"),
    Column("status", choices=STATUSES),
    Column("effective_at", "moment"),
    Column("sequence", "integer", minimum=0),
    Column("reason"),
    Column("id"),
)
INBOUND_COLUMNS = (
    Column("id", required=True),
    Column("sku", required=True, refers_to="sku"),
    Column("location", required=True, refers_to="location"),
    Column("quantity", "integer", required=True, minimum=0),
    Column("expected_at", "moment", required=True),
    Column("state", choices=INBOUND_STATES),
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
    columns = tuple(
        Column(c.name, c.kind, required=True, minimum=c.minimum)
        if c.name in ("quantity", "delta") and c.name in raw.columns
        else c
        for c in KINDS[kind]
    )
    judged = judge(raw, columns, name=name)
    refuse_unknown(db, judged, columns)
    if kind == "inbound":
        judged.reject_repeats(["id"])
    return judged


def write_stock(
    db: psycopg.Connection, sound: pl.DataFrame, *, kind: str, digest: str, now: datetime
) -> dict[str, int]:
    """Write the sound rows; returns how many had each outcome."""
    if kind == "inbound":
        return {"written": _write_inbound(db, sound, now=now)}
    from inventory.store import feeds

    rows = sound.with_columns(
        _or_default(sound, "id", pl.format(f"{digest[:24]}:{{}}", ROW)),
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
    for piece in rows.select(names).iter_slices(ROWS_MAX):
        result = feeds.sync(
            db, mode=mode, rows=piece.to_dicts(), now=now, source="file", feed=FEED,
        )  # fmt: skip
        outcomes.update({k: n for k, n in result.counts.items() if n})
    return dict(outcomes)


def _or_default(frame: pl.DataFrame, column: str, default: pl.Expr) -> pl.Expr:
    """The column where it says something, else the default."""
    if column not in frame.columns:
        return default.alias(column)
    return pl.coalesce(column, default).alias(column)


def _write_inbound(db: psycopg.Connection, sound: pl.DataFrame, *, now: datetime) -> int:
    frame = sound.select(
        pl.col("id").alias("inbound_id"),
        "sku",
        "location",
        pl.col("quantity").cast(pl.Int64),
        pl.col("expected_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        _or_default(sound, "state", pl.lit("confirmed")),
        pl.lit("file").alias("source"),
        pl.lit(now.isoformat()).alias("updated_at"),
    )
    return bulk.upsert(db, frame, table="inbound", key=["inbound_id"])
