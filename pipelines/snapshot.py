"""Fingerprints: of the data a model saw, and of the code that made it."""

import hashlib
from importlib import metadata
from pathlib import Path

import polars as pl

from features.frame import Panel

CODE = ("features", "models", "inventory/demand.py")
"""What a forecast depends on besides the data and the libraries."""


def panel_digest(panel: Panel) -> str:
    """SHA-256 of everything a model can see in a panel, as 16 hexadecimal digits.

    The same rows give the same digest on every machine and version: columns are hashed in name
    order, by their values alone.
    """
    digest = hashlib.sha256(f"{panel.period_days}".encode())
    for frame in (panel.history, panel.future):
        for name in sorted(frame.columns):
            column = frame.get_column(name)
            digest.update(f"|{name}:{len(column)}|".encode())
            digest.update(_content(column))
    return digest.hexdigest()[:16]


def code_version() -> str:
    """Vouch's version, and a digest of the sources of its models, as in `0.1.0+3f2a91c0`."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for place in CODE:
        files = [root / place] if place.endswith(".py") else sorted((root / place).rglob("*.py"))
        for file in files:
            digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return f"{metadata.version('vouch')}+{digest.hexdigest()[:8]}"


def _content(column: pl.Series) -> bytes:
    """The values as bytes, and where they are null."""
    nulls = column.is_null().to_numpy().tobytes()
    if column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
        values = column.to_physical().cast(pl.Float64).fill_null(0.0)
        return nulls + values.to_numpy().tobytes()
    runs = column.cast(pl.String).rle().struct.unnest()  # keys repeat for hundreds of rows
    text = "\x1f".join(runs["value"].fill_null("").to_list())
    return nulls + text.encode() + runs["len"].to_numpy().tobytes()
