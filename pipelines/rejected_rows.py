"""Catalogue rows that an import left out, as exceptions that stay until a good row comes."""

from datetime import datetime

import polars as pl
import psycopg

from inventory.store import bulk
from inventory.store.planning_exceptions import (
    FOUND_SCHEMA,
    REJECTED_ROW,
    RejectedFile,
    keep_rejected,
)
from pipelines.catalog_files import REFERENCES
from pipelines.phrases import phrase
from pipelines.raw_table import ROW
from pipelines.row_checks import Judged

ABOUT = {"skus": "sku", "price-tables": "sku", "vendors": "vendor"}
"""Kinds of files whose rejected rows planners are told of, and the column that says what of."""

ROWS_MAX = 1_000
"""Of one file; the others are told of together."""


def tell(db: psycopg.Connection, judged: Judged, *, kind: str, name: str, now: datetime) -> None:
    """Open an exception for each rejected row, and resolve those of things that came in whole.

    Runs in the transaction of the import. Nothing is done for kinds that are not in `ABOUT`.
    """
    if kind not in ABOUT:
        return
    key = ABOUT[kind]
    wrong = _rows(judged, key)
    left_out = set(wrong["key"].drop_nulls())
    taken = set(judged.sound.get_column(key)) - left_out
    known = bulk.known(db, table=REFERENCES[key], column=key)
    found = _exceptions(wrong.head(ROWS_MAX), known, kind=kind, name=name)
    if len(wrong) > ROWS_MAX:
        found = pl.concat([found, _others(len(wrong) - ROWS_MAX, kind=kind, name=name)])
    file = RejectedFile(kind, name)
    keep_rejected(db, found, file=file, settled=sorted(taken | left_out), now=now)


def _rows(judged: Judged, key: str) -> pl.DataFrame:
    """Rejected rows with columns row, key, problems, remedies."""
    said = phrase("{} ('{}')", "problem", "value")
    told = judged.rejected.group_by(ROW, maintain_order=True).agg(
        pl.when(pl.col("value") == "").then("problem").otherwise(said).unique(maintain_order=True)
        .alias("problems"),
        pl.col("remedy").unique(maintain_order=True).alias("remedies"),
    )  # fmt: skip
    keys = judged.frame.select(ROW, pl.col(key).cast(pl.String).alias("key"))
    return told.with_columns(pl.col("problems", "remedies").list.join("; ")).join(
        keys, on=ROW, how="left", maintain_order="left"
    )


def _exceptions(wrong: pl.DataFrame, known: set[str], *, kind: str, name: str) -> pl.DataFrame:
    key = ABOUT[kind]
    there = pl.col("key").is_in(sorted(known)).fill_null(value=False)
    kept = "; {} stays as it was" if kind != "price-tables" else "; {} has the rest of its table"
    follows = (
        pl.when(there).then(phrase(kept, "key"))
        .when(pl.col("key").is_null()).then(pl.lit(""))
        .otherwise(phrase("; {} is not in the catalogue", "key"))
    )  # fmt: skip
    none = pl.lit(None, dtype=pl.String)
    return wrong.select(
        pl.lit(REJECTED_ROW).alias("kind"),
        (pl.col("key") if key == "sku" else none).alias("sku"), none.alias("location"),
        (pl.col("key") if key == "vendor" else none).alias("vendor"),
        phrase(f"{_plain(kind)} {_plain(name)} row {{}}", ROW).alias("subject"),
        (phrase(f"row {{}} of {_plain(name)} was left out: {{}}", ROW, "problems") + follows)
        .alias("message"),
        phrase(f"{{}}, and bring it again with `vouch import {kind}`", "remedies").alias("remedy"),
        (~there).alias("blocks"),
    ).select(*FOUND_SCHEMA)  # fmt: skip


def _others(count: int, *, kind: str, name: str) -> pl.DataFrame:
    told = {
        "kind": REJECTED_ROW, "sku": None, "location": None, "vendor": None,
        "subject": f"{kind} {name} other rows",
        "message": f"{count:,} more rows of {name} were left out",
        "remedy": f"see the file of rejected rows, and bring it again with `vouch import {kind}`",
        "blocks": True,
    }  # fmt: skip
    return pl.DataFrame([told], schema=FOUND_SCHEMA, orient="row")


def _plain(text: str) -> str:
    """A name without braces, which a sentence would fill."""
    return text.replace("{}", "()")
