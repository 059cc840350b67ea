"""What people say about alerts in PostgreSQL: later, not so soon for this SKU, and tell me."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.alert_messages import Subscription
from inventory.alerts import Thresholds
from inventory.errors import InputRejected, NotFound, UnknownSku
from inventory.store import catalog

EVERY_SKU = "*"
"""The row of thresholds that holds where a SKU has none of its own."""

THRESHOLDS = tuple(f.name for f in fields(Thresholds))


def snooze(
    db: psycopg.Connection,
    alert_id: int,
    *,
    until: datetime,
    now: datetime,
    by: str,
    reason: str | None = None,
) -> dict[str, Any]:
    """Hear of the cause of an alert again from `until` on, also where it comes back before.

    Raises `NotFound`, and `InputRejected` unless `until` is ahead. Returns the snooze.
    """
    if until <= now:
        raise InputRejected("must be later than now", field="until")
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "insert into alert_snoozes (kind, sku, location, until, reason, snoozed_by, "
            "snoozed_at) select kind, sku, location, %(until)s, %(reason)s, %(by)s, %(now)s "
            "from alerts where alert_id = %(id)s "
            "on conflict (kind, coalesce(sku, ''), coalesce(location, '')) do update set "
            "until = excluded.until, reason = excluded.reason, snoozed_by = excluded.snoozed_by, "
            "snoozed_at = excluded.snoozed_at returning kind, sku, location, until, reason",
            {"id": alert_id, "until": until, "reason": reason, "by": by, "now": now},
        ).fetchone()
    if found is None:
        raise NotFound("alert", str(alert_id))
    return {"id": alert_id, **found}


def wake(db: psycopg.Connection, alert_id: int) -> None:
    """Take a snooze back; without one nothing changes. Raises `NotFound`."""
    if db.execute("select 1 from alerts where alert_id = %s", [alert_id]).fetchone() is None:
        raise NotFound("alert", str(alert_id))
    db.execute(
        "delete from alert_snoozes s using alerts a where a.alert_id = %s and a.kind = s.kind "
        "and coalesce(a.sku, '') = coalesce(s.sku, '') "
        "and coalesce(a.location, '') = coalesce(s.location, '')",
        [alert_id],
    )


def put_thresholds(
    db: psycopg.Connection,
    sku: str,
    values: Mapping[str, float | None],
    *,
    now: datetime,
    by: str,
) -> dict[str, Any]:
    """Say from when on a SKU (or `EVERY_SKU`) is worth an alert; None for what is usual.

    Raises `UnknownSku`.
    """
    if sku != EVERY_SKU and catalog.unknown(db, skus=[sku], locations=[])[0]:
        raise UnknownSku(sku)
    db.execute(
        "insert into alert_thresholds (sku, low_cover_days, over_cover_days, slow_cover_days, "
        "expiring_days, updated_at, updated_by) values (%(sku)s, %(low_cover_days)s, "
        "%(over_cover_days)s, %(slow_cover_days)s, %(expiring_days)s, %(now)s, %(by)s) "
        "on conflict (sku) do update set low_cover_days = excluded.low_cover_days, "
        "over_cover_days = excluded.over_cover_days, slow_cover_days = excluded.slow_cover_days, "
        "expiring_days = excluded.expiring_days, updated_at = excluded.updated_at, "
        "updated_by = excluded.updated_by",
        {name: values.get(name) for name in THRESHOLDS} | {"sku": sku, "now": now, "by": by},
    )
    return thresholds_of(db, sku)


def thresholds_of(db: psycopg.Connection, sku: str) -> dict[str, Any]:
    """`own` thresholds of a SKU, and those that hold: its own, else everybody's, else usual."""
    rows = {
        name: values
        for name, *values in db.execute(
            "select sku, low_cover_days, over_cover_days, slow_cover_days, expiring_days "
            "from alert_thresholds where sku = any(%s)",
            [[sku, EVERY_SKU]],
        ).fetchall()
    }
    own = dict(zip(THRESHOLDS, rows.get(sku, [None] * len(THRESHOLDS)), strict=True))
    shared = dict(zip(THRESHOLDS, rows.get(EVERY_SKU, [None] * len(THRESHOLDS)), strict=True))
    usual = asdict(Thresholds())
    hold = {
        name: next(v for v in (own[name], shared[name], usual[name]) if v is not None)
        for name in THRESHOLDS
    }
    return {"sku": sku, "own": own, "hold": hold}


def list_thresholds(db: psycopg.Connection) -> list[dict[str, Any]]:
    """SKUs that have thresholds of their own, and `EVERY_SKU`: those that are not usual, by SKU."""
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            "select sku, low_cover_days, over_cover_days, slow_cover_days, expiring_days, "
            "updated_at, updated_by from alert_thresholds order by sku"
        ).fetchall()


def remove_thresholds(db: psycopg.Connection, sku: str) -> None:
    """Let what holds for every SKU, or is usual, hold for this one. Raises `NotFound`."""
    if db.execute("delete from alert_thresholds where sku = %s", [sku]).rowcount == 0:
        raise NotFound("alert thresholds", sku)


def put_subscription(
    db: psycopg.Connection, subscription: Subscription, *, now: datetime, by: str
) -> bool:
    """Add or change who is told. True when it is new: it is told of what is raised from now on."""
    row = db.execute(
        "insert into alert_subscriptions as t (subscription_id, method, target, kinds, locations, "
        "severity_min, with_resolved, digest_above, digest_minutes, created_at, created_by) "
        "values (%(id)s, %(method)s, %(target)s, %(kinds)s, %(locations)s, %(severity_min)s, "
        "%(with_resolved)s, %(digest_above)s, %(digest_minutes)s, %(now)s, %(by)s) "
        "on conflict (subscription_id) do update set method = excluded.method, "
        "target = excluded.target, kinds = excluded.kinds, locations = excluded.locations, "
        "severity_min = excluded.severity_min, with_resolved = excluded.with_resolved, "
        "digest_above = excluded.digest_above, digest_minutes = excluded.digest_minutes "
        "returning t.xmax = 0",
        asdict(subscription)
        | {"kinds": list(subscription.kinds), "locations": list(subscription.locations),
           "now": now, "by": by},
    ).fetchone()  # fmt: skip
    return row == (True,)


def subscriptions(db: psycopg.Connection) -> list[Subscription]:
    """Everybody who is told, by id."""
    found = db.execute(
        "select subscription_id, method, target, kinds, locations, severity_min, with_resolved, "
        "digest_above, digest_minutes from alert_subscriptions order by 1"
    ).fetchall()
    return [
        Subscription(id_, method, target, tuple(kinds), tuple(locations), *rest)
        for id_, method, target, kinds, locations, *rest in found
    ]


def remove_subscription(db: psycopg.Connection, subscription_id: str) -> None:
    """Tell them nothing any more. Raises `NotFound`."""
    gone = db.execute(
        "delete from alert_subscriptions where subscription_id = %s", [subscription_id]
    )
    if gone.rowcount == 0:
        raise NotFound("alert subscription", subscription_id)
