"""What monitoring found, kept as it was told, so that whoever asks need not work it out again."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg


def keep_report(
    db: psycopg.Connection, report: Mapping[str, Any], *, last_day: date, now: datetime
) -> bool:
    """Keep the report of a day, in place of the one it had; False where that said the same."""
    written = db.execute(
        "insert into monitoring_reports as r (last_day, report, made_at) values (%s, %s, %s) "
        "on conflict (last_day) do update set report = excluded.report, made_at = excluded.made_at "
        "where r.report is distinct from excluded.report",
        [last_day, json.dumps(report), now],
    )
    return written.rowcount == 1


def newest_report(db: psycopg.Connection) -> dict[str, Any] | None:
    """The report about the latest day, with `made_at`; None before the first."""
    row = db.execute(
        "select report, made_at from monitoring_reports order by last_day desc limit 1"
    ).fetchone()
    return None if row is None else {**row[0], "made_at": row[1]}
