"""What was known at a moment: a fact can be corrected later, and a backtest must not see that.

Each row carries the period it is about (`features.frame.DATE`) and the moment it became known
(`KNOWN_AT`). Standing at a moment means: rows known by then, the latest version of each.
"""

from datetime import datetime

import polars as pl

from features.frame import KEY, BadFrame

KNOWN_AT = "known_at"
"""Moment at which this version of the row became known; times with a zone, UTC."""


def as_of(rows: pl.DataFrame, moment: datetime, *, key: tuple[str, ...] = KEY) -> pl.DataFrame:
    """The latest version of each key among rows with `known_at <= moment`, sorted by key.

    Of two versions known at the same moment the one further down the table counts.
    """
    if moment.tzinfo is None:
        raise BadFrame(f"the moment {moment} has no time zone; give one, such as UTC")
    kind = rows.schema[KNOWN_AT]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise BadFrame(f"column '{KNOWN_AT}' must hold times with a zone, not {kind}")
    return (
        rows.filter(pl.col(KNOWN_AT) <= moment)
        .sort(KNOWN_AT, maintain_order=True)
        .unique(subset=list(key), keep="last", maintain_order=True)
        .sort(key)
    )
