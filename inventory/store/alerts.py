"""Open and resolved alerts in PostgreSQL: one open alert per cause, however often it is found."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.alerts import Alert
from inventory.errors import NotFound
from inventory.store.bulk import copy_in
from inventory.store.paging import before_id, page_of

COLUMNS = ("kind", "sku", "location", "severity", "message", "detail")
"""What an alert is made of; the first three name its cause."""

SAME_CAUSE = sql.SQL(
    "a.kind = s.kind and coalesce(a.sku, '') = coalesce(s.sku, '') "
    "and coalesce(a.location, '') = coalesce(s.location, '')"
)


def raise_alerts(db: psycopg.Connection, alerts: Sequence[Alert], *, now: datetime) -> int:
    """Open the alerts whose cause has none open; renew the text of the others. Returns new ones."""
    with db.transaction():
        _stage(db, alerts)
        raised = _raise_staged(db, now)
        db.execute("drop table alerts_staged")
    return raised


def replace_alerts(
    db: psycopg.Connection,
    alerts: Sequence[Alert],
    *,
    kinds: Collection[str],
    now: datetime,
    skus: Sequence[str] | None = None,
) -> tuple[int, int]:
    """Raise these, and resolve every open alert of `kinds` (and `skus`) that is not among them.

    A kind matches by the part before a colon. Returns how many were raised and resolved.
    """
    with db.transaction():
        _stage(db, alerts)
        resolved = db.execute(
            sql.SQL(
                "update alerts a set resolved_at = %(now)s where resolved_at is null "
                "and split_part(kind, ':', 1) = any(%(kinds)s) "
                "and (%(skus)s::text[] is null or sku = any(%(skus)s)) "
                "and not exists (select from alerts_staged s where {})"
            ).format(SAME_CAUSE),
            {"now": now, "kinds": list(kinds), "skus": None if skus is None else list(skus)},
        ).rowcount
        raised = _raise_staged(db, now)
        db.execute("drop table alerts_staged")
    return raised, resolved


def resolve_alert(db: psycopg.Connection, alert_id: int, *, now: datetime, by: str) -> None:
    """Close an alert by hand; closing it twice is no error. Raises `NotFound`."""
    found = db.execute(
        "update alerts set resolved_at = coalesce(resolved_at, %(now)s), "
        "resolved_by = case when resolved_at is null then %(by)s else resolved_by end "
        "where alert_id = %(id)s",
        {"now": now, "by": by, "id": alert_id},
    )
    if found.rowcount == 0:
        raise NotFound("alert", str(alert_id))


def list_alerts(
    db: psycopg.Connection,
    *,
    kind: str | None = None,
    sku: str | None = None,
    location: str | None = None,
    severity: str | None = None,
    open_only: bool = True,
    snoozed: bool | None = None,
    now: datetime | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """Alerts, the newest first: `{"alerts": [...], "next_cursor": text or None}`.

    snoozed : only those that wait at `now`, or only those that do not; None for both.
    """
    given = {
        "kind": kind, "sku": sku, "location": location, "severity": severity,
        "open_only": open_only, "snoozed": snoozed, "now": now, "limit": limit + 1,
        "before": before_id(cursor),
    }  # fmt: skip
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(_LISTED, given).fetchall()
    return page_of(found, name="alerts", limit=limit)


def get_alert(db: psycopg.Connection, alert_id: int, *, now: datetime) -> dict[str, Any]:
    """One alert as `list_alerts` tells it. Raises `NotFound`."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            _ALERTS + sql.SQL("where alert_id = %(id)s"), {"id": alert_id, "now": now}
        ).fetchone()
    if found is None:
        raise NotFound("alert", str(alert_id))
    return found


_ALERTS = sql.SQL("""
    select alert_id as id, split_part(a.kind, ':', 1) as kind, a.sku, a.location, severity,
        message, detail, raised_at, resolved_at, resolved_by, z.until as snoozed_until
    from alerts a left join alert_snoozes z on z.kind = a.kind
        and coalesce(z.sku, '') = coalesce(a.sku, '')
        and coalesce(z.location, '') = coalesce(a.location, '')
        and (%(now)s::timestamptz is null or z.until > %(now)s)
""")

_LISTED = _ALERTS + sql.SQL("""
    where (%(kind)s::text is null or split_part(a.kind, ':', 1) = %(kind)s)
        and (%(sku)s::text is null or a.sku = %(sku)s)
        and (%(location)s::text is null or a.location = %(location)s)
        and (%(snoozed)s::bool is null or (z.until is not null) = %(snoozed)s)
        and (%(severity)s::text is null or severity = %(severity)s)
        and (not %(open_only)s or resolved_at is null)
        and (%(before)s::bigint is null or alert_id < %(before)s)
    order by alert_id desc limit %(limit)s
""")


def _stage(db: psycopg.Connection, alerts: Sequence[Alert]) -> None:
    db.execute(
        "create temp table alerts_staged (kind text, sku text, location text, severity text, "
        "message text, detail jsonb) on commit drop"
    )
    rows = [
        (a.kind, a.sku, a.location, a.severity, a.message, json.dumps(a.detail)) for a in alerts
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
    copy_in(db, frame, table="alerts_staged", columns=COLUMNS)


def _raise_staged(db: psycopg.Connection, now: datetime) -> int:
    db.execute(
        sql.SQL(
            "update alerts a set severity = s.severity, message = s.message, detail = s.detail "
            "from alerts_staged s where resolved_at is null and {} and "
            "(a.severity, a.message, a.detail) is distinct from (s.severity, s.message, s.detail)"
        ).format(SAME_CAUSE)
    )
    return db.execute(
        "insert into alerts (kind, sku, location, severity, message, detail, raised_at) "
        "select kind, sku, location, severity, message, detail, %s from alerts_staged "
        "on conflict (kind, coalesce(sku, ''), coalesce(location, '')) where resolved_at is null "
        "do nothing",
        [now],
    ).rowcount


def open_causes(db: psycopg.Connection, *, kinds: Collection[str]) -> list[tuple[str, datetime]]:
    """Open alerts of these kinds, each with its cause (the whole kind) and when it was raised."""
    return db.execute(
        "select kind, raised_at from alerts "
        "where resolved_at is null and split_part(kind, ':', 1) = any(%s) order by 1, 2",
        [list(kinds)],
    ).fetchall()
