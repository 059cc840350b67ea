"""Any CSV or Parquet file as a table of text or typed columns, its rows numbered from 1.

CSV arrives as text only, so that one broken value spoils one row and never the type of a column.
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from inventory.errors import InputRejected

ROW = "row"
"""1 is the first row of data: line 2 of a CSV file, under its header."""

SEPARATORS = (",", ";", "\t", "|")


NONE_RAGGED = pl.DataFrame(schema={ROW: pl.Int64, "fields": pl.Int64})


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """What a file says, before anybody judged it.

    frame : column `ROW`, then the file's columns, their names trimmed.
    ragged : columns `ROW` and `fields`: rows with another number of fields than the header.
    digest : SHA-256 of the file.
    """

    frame: pl.DataFrame
    ragged: pl.DataFrame
    digest: str

    @property
    def columns(self) -> list[str]:
        return self.frame.columns[1:]

    @property
    def rows(self) -> int:
        return len(self.frame) + len(self.ragged)


def read_raw(path: Path) -> RawTable:
    """Read a file, told apart by its first bytes. Raises `InputRejected` when it is neither."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputRejected(
            f"{path} cannot be read ({error.strerror}); check the path and the rights to it"
        ) from error
    if not content.strip():
        raise InputRejected(f"{path} is empty; write a header line, and rows below it")
    try:
        frame, ragged = _parse(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputRejected(
            f"{path} is neither Parquet nor UTF-8 text: line {line} holds byte "
            f"0x{content[error.start]:02x}; save it as UTF-8, or as Parquet"
        ) from error
    except (pl.exceptions.PolarsError, csv.Error, OSError) as error:
        raise InputRejected(
            f"{path} cannot be read as Parquet or CSV ({type(error).__name__}); "
            "write it as Parquet, or as UTF-8 CSV with a header line"
        ) from error
    return RawTable(_named(frame, path), ragged, hashlib.sha256(content).hexdigest())


def _parse(content: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that match the header, and those that do not."""
    if content.startswith(b"PAR1"):
        return _numbered(pl.read_parquet(content)), NONE_RAGGED
    text = content.decode("utf-8-sig")  # Other encodings are refused rather than mangled.
    separator = max(SEPARATORS, key=text.split("\n", 1)[0].count)
    if _is_regular(text, separator):
        frame = pl.read_csv(text.encode(), infer_schema=False, separator=separator)
        return _numbered(frame), NONE_RAGGED
    return _parse_with_care(text, separator)


def _is_regular(text: str, separator: str) -> bool:
    """Whether every line has as many separators as the header: then the fast reader is right.

    It would give two columns of one name other names, so such a header is not regular.
    """
    header = text.split("\n", 1)[0].strip().split(separator)
    if len(set(header)) < len(header):
        return False
    lines = pl.Series(text.rstrip("\r\n").split("\n"))
    counts = lines.str.count_matches(separator, literal=True)
    return counts.n_unique() == 1 and '"' not in text[:100_000]


def _parse_with_care(text: str, separator: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Row by row: some have values in quotes, or another number of fields than the header."""
    header, *body = csv.reader(io.StringIO(text), delimiter=separator)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InputRejected(f"column '{twice}' is in the header twice; keep one", field=twice)
    numbered = [(i, row) for i, row in enumerate(body, start=1) if row]
    frame = pl.DataFrame(
        [[i, *(value or None for value in row)] for i, row in numbered if len(row) == len(header)],
        schema=[(ROW, pl.Int64), *((name, pl.String) for name in header)],
        orient="row",
    )
    ragged = [(i, len(row)) for i, row in numbered if len(row) != len(header)]
    return frame, pl.DataFrame(ragged, schema=NONE_RAGGED.schema, orient="row")


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    if ROW in frame.columns:
        frame = frame.drop(ROW)
    return frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))


def _named(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Column names without the blanks around them; two of one name are refused."""
    names = [name.strip().removeprefix("\ufeff") for name in frame.columns]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputRejected(f"{path.name} has column '{twice}' twice; keep one", field=twice)
    if len(names) < 2:  # noqa: PLR2004  the row number alone
        raise InputRejected(f"{path.name} has no columns; write a header line")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))
