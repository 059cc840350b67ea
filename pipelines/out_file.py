"""The file that a command writes: checked before hours are spent, written whole or not at all."""

import json
import os
from pathlib import Path

import polars as pl

from inventory.errors import InputRejected

CSV = ".csv"


def check_writable(path: Path) -> None:
    """Raise `InputRejected` where no file of that name could be written."""
    if not path.parent.is_dir():
        raise InputRejected(f"there is no folder {path.parent}; create it first", field="out")
    if path.is_dir():
        raise InputRejected(f"{path} is a folder; name a file in it", field="out")
    if not os.access(path.parent, os.W_OK):
        raise InputRejected(f"no right to write in {path.parent}; choose another", field="out")


def write_whole(frame: pl.DataFrame, path: Path) -> None:
    """Write beside the target, then move: a reader never meets half a file.

    CSV where the name ends so, lists and structures in it as JSON; else Parquet.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if path.suffix.lower() == CSV:
            _flat(frame).write_csv(part)
        else:
            frame.write_parquet(part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputRejected(
            f"{path} cannot be written ({error}); choose another", field="out"
        ) from error


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        pl.Series(name, [json.dumps(value) for value in frame[name].to_list()], dtype=pl.String)
        for name in nested
    )
