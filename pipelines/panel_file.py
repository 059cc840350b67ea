"""Reading plain files into a `Panel`: what is broken is named, and what is sound goes in.

Rows that cannot be right (no number, negative, a date that is none, a second row for the same day)
are rejected one by one with their row number and reason; their period then counts as unrecorded.
A file that cannot be a history at all is refused as a whole.
"""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from features.frame import DATE, IN_STOCK, KEY, LOCATION, SERIES, SKU, UNITS, Panel, check
from inventory.errors import InputRejected
from pipelines.panel_checks import (
    ROW,
    FileReport,
    note_lost_series,
    reject,
    reject_misdated,
    reject_outliers,
)
from pipelines.raw_table import SEPARATORS, read_raw

WEEKLY_SHARE_MIN = 0.9
"""Share of steps between rows that must be whole weeks for a file to count as weekly."""

ROWS_AFTER_FILLING_MAX = 400_000_000
"""Dates decades apart would otherwise fill the memory with empty days."""


def read_panel(
    history_path: Path, future_path: Path | None = None, *, today: date | None = None
) -> tuple[Panel, FileReport]:
    """The panel in two files, and what happened while reading them.

    Dates after `today`, where given, are rejected, unless most are later. Raises `InputRejected`
    when a file cannot be read, lacks a column, or has no sound row.
    """
    future = None if future_path is None else (read_table(future_path), future_path.name)
    return panel_of((read_table(history_path), history_path.name), future, today=today)


def panel_of(
    named_history: tuple[pl.DataFrame, str],
    named_future: tuple[pl.DataFrame, str] | None = None,
    *,
    today: date | None = None,
    rows_max: int = ROWS_AFTER_FILLING_MAX,
) -> tuple[Panel, FileReport]:
    """The panel in two tables, each with its name for messages; otherwise as `read_panel`.

    rows_max : rows that there may be once every series has all its periods.
    """
    report = FileReport()
    raw, name = named_history
    report.rows_read = len(raw)
    history = _sound_rows(raw, report, needs=(*KEY, UNITS), name=name)
    report.key_types = key_types(raw)
    history = reject_misdated(history, report, today=today)
    if history.is_empty():
        first = report.rejected.row(0) if len(report.rejected) else (None, "the file has no rows")
        raise InputRejected(f"{name} has no usable row; {first[1]}", row=first[0])
    period_days = period_of(history)
    history = reject_outliers(_on_grid(history, period_days, report), report)
    note_lost_series(raw, history, report)
    history = _filled(history, period_days, report, rows_max=rows_max)
    future = history.head(0).select(KEY)
    if named_future is not None:
        future = _known_future(*named_future, history, period_days, report)
    panel = Panel(history=check(history, period_days=period_days), future=future,
                  period_days=period_days)  # fmt: skip
    return panel, report


def read_table(path: Path) -> pl.DataFrame:
    """A parquet or CSV file, told apart by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(1024)
        if start.startswith(b"PAR1"):
            return pl.read_parquet(path)
        if b"\0" in start:
            raise InputRejected(f"{path} is neither parquet nor text; write it as one of the two")
        return _read_csv(path)
    except FileNotFoundError as error:
        raise InputRejected(f"there is no file {path}; check the path") from error
    except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        _refuse_broken_line(path)
        raise InputRejected(
            f"{path} cannot be read as parquet or CSV ({type(error).__name__}); "
            "write it as parquet, or as UTF-8 CSV with a header line"
        ) from error


def _refuse_broken_line(path: Path) -> None:
    """Name the line that breaks a file of text, where one does: `read_raw` looks at each."""
    raw = read_raw(path)
    if len(raw.ragged):
        row, fields = raw.ragged.row(0)
        raise InputRejected(
            f"the row has {fields} fields, the header {len(raw.columns)}; put values that hold a "
            "separator in double quotes",
            row=row,
        )


def _read_csv(path: Path) -> pl.DataFrame:
    """Text with a header line. Ids are numbers only where no zero in front of one would be lost."""
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    separator = max(SEPARATORS, key=header.count)
    names = pl.read_csv(path, n_rows=0, separator=separator).columns
    texts = {name: pl.String for name in names if name in SERIES}
    table = pl.read_csv(
        path, try_parse_dates=True, infer_schema_length=10_000, schema_overrides=texts,
        separator=separator,
    )  # fmt: skip
    whole = [
        column
        for column in texts
        if table[column]
        .cast(pl.Int64, strict=False)
        .cast(pl.String)
        .eq(table[column])
        .all(ignore_nulls=False)
    ]
    return table.with_columns(pl.col(whole).cast(pl.Int64))


def key_types(table: pl.DataFrame) -> dict[str, pl.DataType]:
    """The types of the key columns that a table has."""
    return {column: table.schema[column] for column in KEY if column in table.columns}


def typed_like(frame: pl.DataFrame, types: dict[str, pl.DataType]) -> pl.DataFrame:
    """Key columns in the types of the file they came from: ids as numbers, dates as times, ...

    A date that came as text goes back as ISO text, and one with a time zone as its local midnight.
    """
    return frame.with_columns(
        _back(column, kind, frame.schema[column])
        for column, kind in types.items()
        if column in frame.columns
    )


def _back(column: str, kind: pl.DataType, now: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if isinstance(kind, pl.Datetime):
        return value.cast(pl.Datetime(kind.time_unit)).dt.replace_time_zone(
            kind.time_zone, ambiguous="earliest", non_existent="null"
        )
    return value if kind == now else value.cast(kind)


def period_of(history: pl.DataFrame) -> int:
    """1 for daily rows, 7 for weekly ones, told from the steps between a series' rows."""
    steps = (
        history.sort(KEY)
        .select(pl.col(DATE).diff().over(SERIES).dt.total_days().alias("step"))
        .drop_nulls()
        .get_column("step")
    )
    if steps.is_empty():
        return 1
    typical = steps.median()
    assert isinstance(typical, float)
    if typical > 27:  # noqa: PLR2004  the shortest month is 28 days
        raise InputRejected("rows are about a month apart; give daily or weekly rows", field=DATE)
    whole_weeks = int((steps % 7 == 0).sum()) / len(steps)
    return 7 if whole_weeks >= WEEKLY_SHARE_MIN else 1


def _sound_rows(
    raw: pl.DataFrame, report: FileReport, *, needs: tuple[str, ...], name: str
) -> pl.DataFrame:
    """Typed rows that can be right, sorted, one per series and date; still numbered by `ROW`."""
    missing = [column for column in needs if column not in raw.columns]
    if missing:
        raise InputRejected(
            f"{name} has no column '{missing[0]}'; it needs {', '.join(needs)}, "
            f"and has {', '.join(raw.columns)}",
            field=missing[0],
        )
    frame = (
        raw.drop(ROW, strict=False)
        .with_row_index(ROW, offset=1)
        .with_columns(
            pl.col(ROW).cast(pl.Int64),
            pl.col(SKU).cast(pl.String),
            pl.col(LOCATION).cast(pl.String),
            _as_date(raw.schema[DATE]),
        )
    )
    for column in SERIES:
        frame = reject(frame, pl.col(column).is_null(), f"{column} is empty", report)
    frame = reject(frame, pl.col(DATE).is_null(), "date is not a date like 2024-05-31", report)
    if UNITS in needs:
        frame = _checked_units(frame, report)
        frame = _checked_share(frame, report)
    frame = _plain_covariates(frame, report)
    frame = frame.sort(*KEY, ROW)
    repeated = pl.all_horizontal(pl.col(column) == pl.col(column).shift() for column in KEY)
    return reject(
        frame, repeated.fill_null(value=False),
        "a row for this sku, location and date came before", report,
    )  # fmt: skip


def _checked_units(frame: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    frame = frame.with_columns(pl.col(UNITS).cast(pl.Float64, strict=False))
    unreadable = pl.col(UNITS).is_null() | ~pl.col(UNITS).is_finite().fill_null(value=False)
    frame = reject(frame, unreadable, "units is not a number", report)
    return reject(frame, pl.col(UNITS) < 0, "units is negative; leave returns out", report)


def _checked_share(frame: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    if IN_STOCK not in frame.columns:
        return frame.with_columns(pl.lit(1.0).alias(IN_STOCK))
    share = pl.col(IN_STOCK).cast(pl.Float64, strict=False).fill_nan(None).fill_null(1.0)
    frame = frame.with_columns(share.alias(IN_STOCK))
    wrong = (pl.col(IN_STOCK) < 0) | (pl.col(IN_STOCK) > 1)
    return reject(frame, wrong, "in_stock must be a share from 0 to 1", report)


def _plain_covariates(frame: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    """Further columns as numbers or text; what is neither is left out, with a note."""
    changes: list[pl.Expr] = []
    for column, kind in frame.schema.items():
        if column in (*KEY, UNITS, IN_STOCK, ROW):
            continue
        if kind.is_numeric() or kind == pl.Boolean:
            number = pl.col(column).cast(pl.Float64)
            changes.append(pl.when(number.is_finite()).then(number).alias(column))
        elif kind in (pl.String, pl.Categorical) or isinstance(kind, pl.Enum):
            changes.append(pl.col(column).cast(pl.String))
        else:
            report.notes.append(f"column '{column}' ({kind}) is neither number nor text: not used")
            frame = frame.drop(column)
    return frame.with_columns(changes)


def _as_date(kind: pl.DataType) -> pl.Expr:
    """Dates from dates, times, or ISO text; null where it is none."""
    if kind == pl.String:
        return pl.col(DATE).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if kind == pl.Date:
        return pl.col(DATE)
    if isinstance(kind, pl.Datetime):
        return pl.col(DATE).dt.date()  # The day where it was, whatever it was in UTC by then.
    raise InputRejected(f"must hold dates like 2024-05-31, not {kind}", field=DATE)


def _on_grid(history: pl.DataFrame, period_days: int, report: FileReport) -> pl.DataFrame:
    """Weekly rows must fall on one weekday: that of most rows."""
    if period_days == 1:
        return history
    weekday = pl.col(DATE).dt.weekday()
    usual = history.select(weekday.mode().first()).item()
    reason = "not on the weekday of the other weekly rows"
    return reject(history, weekday != usual, reason, report)


def _filled(
    history: pl.DataFrame, period_days: int, report: FileReport, *, rows_max: int
) -> pl.DataFrame:
    """Every period of every series from its first row to the origin.

    In a file that writes zeros, a missing period is unrecorded. A file without a single zero
    records only sales, so there a missing period sold nothing.
    """
    origin = history.get_column(DATE).max()
    assert isinstance(origin, date)
    spans = history.group_by(SERIES, maintain_order=True).agg(pl.col(DATE).min().alias("first"))
    wanted = int(spans.select(((origin - pl.col("first")).dt.total_days() + 1).sum()).item())
    if wanted // period_days > rows_max:
        raise InputRejected("the dates span too long a time; remove misdated rows", field=DATE)
    grid = spans.select(
        *SERIES, pl.date_ranges("first", origin, interval=f"{period_days}d").alias(DATE)
    ).explode(DATE)
    missing = len(grid) - len(history)
    frame = grid.join(history.drop(ROW), on=KEY, how="left").sort(KEY)
    frame = frame.with_columns(pl.col(IN_STOCK).fill_null(1.0))
    if missing and not bool((history.get_column(UNITS) == 0).any()):
        report.notes.append(f"{missing} missing periods taken as no sales: no row says zero")
        frame = frame.with_columns(pl.col(UNITS).fill_null(0.0))
    elif missing:
        report.notes.append(f"{missing} missing periods taken as unrecorded")
    return _covariates_filled(frame)


def _covariates_filled(frame: pl.DataFrame) -> pl.DataFrame:
    """What never changes within a series also holds in its missing periods."""
    extra = [c for c in frame.columns if c not in (*KEY, UNITS, IN_STOCK)]
    constant = [
        pl.when(pl.col(c).drop_nulls().n_unique().over(SERIES) == 1)
        .then(pl.col(c).fill_null(pl.col(c).drop_nulls().first().over(SERIES)))
        .otherwise(pl.col(c))
        .alias(c)
        for c in extra
        if frame.get_column(c).has_nulls()
    ]
    return frame.with_columns(constant) if constant else frame


def _note_unknown(
    future: pl.DataFrame, history: pl.DataFrame, covariates: list[str], report: FileReport, *,
    name: str,
) -> None:  # fmt: skip
    """Say what of the future file no model can read: new values, absent series."""
    for column in covariates:
        if history.schema[column] == pl.String:
            known = history.get_column(column).drop_nulls().unique()
            values = future.get_column(column).drop_nulls().unique(maintain_order=True)
            new = values.filter(~values.is_in(known.implode()))
            if len(new):
                report.notes.append(
                    f"column '{column}' of {name} has '{new[0]}', which the history never had: "
                    "read as unknown"
                )
    absent = history.select(SERIES).unique().join(future, on=SERIES, how="anti")
    if len(absent):
        report.notes.append(f"{len(absent)} series have no row in {name}: forecast without it")


def _typed_like(future: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers and flags as text where the history has text: a CSV of codes may look so."""
    return future.with_columns(
        pl.col(c).cast(pl.String)
        for c, kind in future.schema.items()
        if c in history.columns
        and history.schema[c] == pl.String
        and (kind.is_integer() or kind == pl.Boolean)
    )


def _known_future(
    raw: pl.DataFrame, name: str, history: pl.DataFrame, period_days: int, report: FileReport
) -> pl.DataFrame:
    """Covariates known ahead, for series that have a history, after the origin."""
    raw = _typed_like(raw, history)
    broken = FileReport()
    future = _sound_rows(raw, broken, needs=KEY, name=name).drop(ROW)
    report.notes += [
        f"{name} row {row}: {reason}" for row, reason in broken.rejected.iter_rows()
    ] + broken.notes
    covariates = [
        c for c in future.columns if c in history.columns and c not in (*KEY, UNITS, IN_STOCK)
    ]
    for column in covariates:
        if future.schema[column] != history.schema[column]:
            raise InputRejected(
                f"is {history.schema[column]} in the history but {future.schema[column]} in "
                f"{name}; write both alike",
                field=column,
            )
    absent = [c for c in history.columns if c not in (*KEY, UNITS, IN_STOCK, *covariates)]
    if absent:
        report.notes.append(f"not in {name}, so used for the past only: {', '.join(absent)}")
    known = history.select(SERIES).unique()
    _note_unknown(future, history, covariates, report, name=name)
    strangers = future.select(SERIES).unique().join(known, on=SERIES, how="anti")
    if len(strangers):
        report.notes.append(f"{len(strangers)} series of {name} have no history: no forecast")
    origin = history.get_column(DATE).max()
    assert isinstance(origin, date)
    if len(future) and future.select((pl.col(DATE) <= origin).all()).item():
        report.notes.append(f"no row of {name} is after {origin}, where the history ends")
    aligned = (pl.col(DATE) - (origin + timedelta(days=period_days))).dt.total_days() % period_days
    return (
        future.join(known, on=SERIES, how="semi")
        .filter(pl.col(DATE) > origin, aligned == 0)
        .select(*KEY, *covariates)
        .sort(KEY)
    )
