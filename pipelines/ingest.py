"""Files into the database: every broken row is named with its remedy, and the sound rows go in.

One file is one transaction. A process that is killed leaves nothing of its file behind, and the
same file may be imported again at any time: what is there already is not changed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import psycopg

from features.frame import DATE, IN_STOCK, LOCATION, PRICE, PROMOTION, SKU, UNITS
from inventory.errors import InputRejected
from inventory.store import bulk, history
from pipelines import catalog_files, override_files, rejected_rows, stock_files
from pipelines.defaults import add_missing_catalog
from pipelines.phrases import phrase
from pipelines.profiles import PROFILES as SALES_PROFILES
from pipelines.profiles import SalesRows
from pipelines.raw_table import RawTable, read_raw
from pipelines.row_checks import Column, Judged, judge

PROFILES = tuple(SALES_PROFILES)
KINDS = (
    "sales", *catalog_files.KINDS, "promotions", "location-days", *stock_files.KINDS, "overrides",
)  # fmt: skip

SHOWN = 5
"""Problems listed on the screen; the file of rejected rows has them all."""
VALUE_SHOWN = 60
"""Characters of a wrong value on the screen."""


@dataclass(slots=True, eq=False)
class ImportReport:
    """What became of a file.

    problems : columns row, field, value, problem, remedy; a row may have several.
    rejected_path : where the problems were written, if there were any.
    created : catalogue entries that the file brought along, by table.
    outcomes : for stock, rows by what the ledger made of them.
    """

    kind: str
    path: Path
    rows_read: int = 0
    accepted: int = 0
    problems: pl.DataFrame = field(default_factory=pl.DataFrame)
    rejected_path: Path | None = None
    created: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rejected(self) -> int:
        """Rows that did not go in."""
        return self.rows_read - self.accepted

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "rows_read": self.rows_read,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "problems": self.problems.head(1000).to_dicts(),
            "rejected_path": str(self.rejected_path) if self.rejected_path else None,
            "created": self.created,
            "outcomes": self.outcomes,
            "notes": self.notes,
            "seconds": round(self.seconds, 2),
        }

    def lines(self) -> list[str]:
        """What to tell the person at the screen."""
        told = [f"{self.accepted:,} of {self.rows_read:,} rows in, {self.seconds:.1f} s"]
        told += [f"created {count:,} {table}" for table, count in self.created.items()]
        told += [f"{count:,} {outcome}" for outcome, count in self.outcomes.items()]
        told += self.notes
        if not self.rejected:
            return told
        told += [f"{self.rejected:,} rows rejected:"]
        told += [
            f"  row {row}, {column}: {problem} ({_short(value)!r}); {remedy}"
            for row, column, value, problem, remedy in self.problems.head(SHOWN).iter_rows()
        ]
        if len(self.problems) > SHOWN:
            told += [f"  and {len(self.problems) - SHOWN:,} more problems"]
        return [*told, f"all of them are in {self.rejected_path}"]


def _short(value: str) -> str:
    return value if len(value) <= VALUE_SHOWN else value[:VALUE_SHOWN] + "…"


def import_file(
    db: psycopg.Connection,
    *,
    kind: str,
    path: Path,
    now: datetime,
    profile: str = "generic",
    series: int | None = None,
    create_missing: bool = False,
    rejected_dir: Path | None = None,
    actor: str = "import",
    progress: Callable[[str], None] = lambda _: None,
) -> ImportReport:
    """Bring one file in, whole or not at all; broken rows stay out and are reported.

    Parameters
    ----------
    kind : one of `KINDS`. profile, series, create_missing : for sales only.
    series : take the first so many series of the file.
    create_missing : add SKUs and locations that are not in the catalogue, rather than reject.
    rejected_dir : folder for the CSV of rejected rows; None: beside the file.
    actor : who brings it, for the ledger.

    Raises
    ------
    InputRejected
        No such kind or profile; the file cannot be read, lacks a column, or has no sound row.
    """
    started = time.perf_counter()
    _refuse_unknown_kind(kind, profile)
    progress(f"reading {path.name}")
    raw = read_raw(path)
    report = ImportReport(kind, path)
    with db.transaction():
        if kind == "sales":
            rows = SALES_PROFILES[profile](raw, name=path.name, series=series, today=now.date())
            rows.creates_missing |= create_missing
            judged = rows.judged
            _import_sales(db, rows, report, now=now, progress=progress)
        else:
            judged = _import_other(db, raw, report, now=now, actor=actor, progress=progress)
        report.rows_read = len(judged.frame) + len(raw.ragged)
        report.problems = judged.rejected
        report.accepted = len(judged.sound)
        bulk.note_import(
            db, kind=kind, name=path.name, digest=raw.digest, rows_read=report.rows_read,
            accepted=report.accepted, now=now,
        )  # fmt: skip
    _write_rejected(report, rejected_dir)
    report.seconds = time.perf_counter() - started
    return report


def _refuse_unknown_kind(kind: str, profile: str) -> None:
    if kind not in KINDS:
        raise InputRejected(f"no kind '{kind}'; choose one of {', '.join(KINDS)}", field="kind")
    if profile not in PROFILES:
        raise InputRejected(
            f"no profile '{profile}'; choose one of {', '.join(PROFILES)}", field="profile"
        )


def _import_sales(
    db: psycopg.Connection,
    rows: SalesRows,
    report: ImportReport,
    *,
    now: datetime,
    progress: Callable[[str], None],
) -> None:
    judged = rows.judged
    if not rows.creates_missing:
        _refuse_strangers(db, judged)
    sound = judged.sound
    if rows.creates_missing:
        skus = rows.categories.join(sound.select(SKU).unique(), on=SKU, how="semi").sort(SKU)
        locations = sound.get_column(LOCATION).unique().sort().to_list()
        report.created = add_missing_catalog(db, skus=skus, locations=locations)
    report.notes += rows.notes
    progress(f"writing {len(sound):,} days of sales")
    kept = [c for c in (UNITS, IN_STOCK, PRICE, PROMOTION) if c in sound.columns]
    history.upsert_sales_days(
        db,
        sound.select(SKU, LOCATION, pl.col(DATE).alias("day"), *kept, packed(rows.covariates)),
        now=now,
    )
    if rows.place_covariates:
        places = sound.select(
            LOCATION, pl.col(DATE).alias("day"), packed(rows.place_covariates)
        ).unique([LOCATION, "day"], keep="first", maintain_order=True)
        history.upsert_location_days(db, places, now=now)


def packed(columns: list[str]) -> pl.Expr:
    """Columns as one JSON text `covariates`, leaving out what is null."""
    if not columns:
        return pl.lit(None, dtype=pl.String).alias("covariates")
    members = [
        pl.when(pl.col(c).is_not_null()).then(
            pl.struct(c).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
        )
        for c in columns
    ]
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    return ("{" + joined + "}").alias("covariates")


def _refuse_strangers(db: psycopg.Connection, judged: Judged) -> None:
    for column, table in ((SKU, "skus"), (LOCATION, "locations")):
        judged.reject_unknown(
            column,
            bulk.known(db, table=table, column=column),
            kind="SKU" if column == SKU else column,
            remedy=f"add it with `vouch import {table} FILE`, or import with --create-missing",
        )


def _import_other(
    db: psycopg.Connection,
    raw: RawTable,
    report: ImportReport,
    *,
    now: datetime,
    actor: str,
    progress: Callable[[str], None],
) -> Judged:
    kind, name = report.kind, report.path.name
    if kind in catalog_files.KINDS:
        judged = catalog_files.judge_catalog(db, raw, kind=kind, name=name)
        progress(f"writing {len(judged.sound):,} rows")
        catalog_files.write_catalog(db, judged.sound, kind=kind)
        rejected_rows.tell(db, judged, kind=kind, name=name, now=now)
    elif kind in stock_files.KINDS:
        judged = stock_files.judge_stock(db, raw, kind=kind, name=name)
        progress(f"writing {len(judged.sound):,} rows")
        report.outcomes = stock_files.write_stock(
            db, judged, kind=kind, digest=raw.digest, actor=actor, now=now
        )
    elif kind == "overrides":
        judged, report.outcomes = override_files.state_file(
            db, raw, name=name, actor=actor, now=now
        )
        report.notes.append(override_files.FOLLOWS)
    elif kind == "promotions":
        judged = _judge_promotions(db, raw, name=name)
        history.upsert_promotions(db, promotions_of(judged.sound), now=now)
    else:
        judged = _judge_location_days(db, raw, name=name)
        extra = [c for c in judged.sound.columns if c not in ("row", LOCATION, "day")]
        days = judged.sound.select(LOCATION, "day", packed(extra))
        history.upsert_location_days(db, days, now=now)
    return judged


PROMOTION_COLUMNS = (
    Column("promotion"),
    Column(SKU, required=True, refers_to="sku"),
    Column(LOCATION, refers_to="location"),
    Column("starts_on", "date", required=True),
    Column("ends_on", "date", required=True),
    Column("discount", "number", required=True, minimum=0, maximum=1),
)


def _judge_promotions(db: psycopg.Connection, raw: RawTable, *, name: str) -> Judged:
    judged = judge(raw, PROMOTION_COLUMNS, name=name)
    for column in ("promotion", LOCATION):
        if column not in judged.frame.columns:
            judged.frame = judged.frame.with_columns(pl.lit(None, dtype=pl.String).alias(column))
    catalog_files.refuse_unknown(db, judged, PROMOTION_COLUMNS)
    judged.reject(
        pl.col("ends_on") < pl.col("starts_on"), column="ends_on",
        problem="ends before it starts", remedy="give the last day of the promotion",
    )  # fmt: skip
    return judged


def promotions_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Promotions as they are stored; one without a name is named after what it is."""
    named = phrase("{}@{}:{}..{}", SKU, pl.col(LOCATION).fill_null("*"), "starts_on", "ends_on")
    frame = rows.with_columns(pl.coalesce("promotion", named).alias("promotion_id"))
    frame = frame.unique("promotion_id", keep="last", maintain_order=True)
    return frame.select(history.PROMOTION_SCHEMA.keys())


def _judge_location_days(db: psycopg.Connection, raw: RawTable, *, name: str) -> Judged:
    """`location, date` and whatever is known of that place and day: weather, holidays."""
    columns = (
        Column(LOCATION, required=True, refers_to="location"),
        Column(DATE, "date", required=True),
        *(Column(c, "number") for c in raw.columns if c not in (LOCATION, DATE)),
    )
    judged = judge(raw, columns, name=name)
    catalog_files.refuse_unknown(db, judged, columns)
    judged.reject_repeats((LOCATION, DATE))
    judged.frame = judged.frame.rename({DATE: "day"})
    return judged


def _write_rejected(report: ImportReport, rejected_dir: Path | None) -> None:
    """All problems as CSV, so that a planner can filter, correct and send the rows again."""
    if report.problems.is_empty():
        return
    folder = rejected_dir or report.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{report.path.stem}.rejected.csv"
        report.problems.write_csv(target)
    except OSError as error:
        report.notes.append(f"the rejected rows could not be written to {folder}: {error.strerror}")
        return
    report.rejected_path = target
