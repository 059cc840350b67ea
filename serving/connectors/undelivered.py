"""Alerts on orders that do not reach their vendor: one for each document, until it is delivered."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from inventory.alerts import Alert
from inventory.dispatch_states import of_order
from inventory.order_worth import URGENCIES
from inventory.store import alerts, dispatches
from pipelines.settings import Settings

UNDELIVERED = "undelivered_order"

CRITICAL_ORDER = URGENCIES[0]


def is_due(db: psycopg.Connection, settings: Settings, *, now: datetime) -> bool:
    """Whether `tell` would raise or close an alert."""
    wanted = {alert.kind for alert in _wanted(db, settings, now=now)}
    return wanted != {kind for kind, _ in alerts.open_causes(db, kinds=[UNDELIVERED])}


def tell(db: psycopg.Connection, settings: Settings, *, now: datetime) -> None:
    """Raise an alert for each document that people must know of; close those that are over."""
    found = _wanted(db, settings, now=now)
    if found or alerts.open_causes(db, kinds=[UNDELIVERED]):
        alerts.replace_alerts(db, found, kinds=[UNDELIVERED], now=now)


def _wanted(db: psycopg.Connection, settings: Settings, *, now: datetime) -> list[Alert]:
    found = dispatches.troubled(
        db,
        now=now,
        after=timedelta(minutes=settings.dispatch_alert_minutes),
        after_critical=timedelta(minutes=settings.dispatch_alert_minutes_critical),
    )
    return [_alert(row) for row in found]


def _alert(row: dict[str, Any]) -> Alert:
    """Critical where nothing more happens by itself, or stock will not wait."""
    told = of_order(row)
    tried = row["state"] == "waiting" and row["urgency"] != CRITICAL_ORDER
    return Alert(
        kind=f"{UNDELIVERED}:{row['number']}",
        severity="warning" if tried else "critical",
        message=f"{row['purchase_order']} did not reach {row['vendor']}: {told['summary']}",
        detail={
            "purchase_order": row["purchase_order"],
            "vendor": row["vendor"],
            "dispatch": row["number"],
            "urgency": row["urgency"],
            "failing_since": row["failing_since"].isoformat(),
            "action": f"POST /api/v2/dispatches/{row['number']}/retry",
        },
    )
