"""Alerts on confirmations in PostgreSQL: raised with the act, closed when they are settled."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from inventory.alerts import Alert
from inventory.confirmation_alerts import (
    CONFIRMED_DEARER,
    CONFIRMED_LESS,
    DECLINED,
    Line,
    dearer_alert,
    is_dear,
    is_short,
    less_alert,
    made_dearer,
    shortened,
)
from inventory.purchase_orders import CANCELLED, CLOSED, RECEIVED
from inventory.store import order_terms
from inventory.store.alerts import raise_alerts

SETTLED = {CONFIRMED_LESS: (RECEIVED, CLOSED, CANCELLED), CONFIRMED_DEARER: (CLOSED, CANCELLED)}
"""In which states of its order nothing can be done about an alert any more. The price matters until
the invoice is paid; what a vendor declined is closed by hand."""


def after_confirmation(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    *,
    before: Sequence[Line],
    after: Sequence[Line],
    now: datetime,
) -> None:
    """Say what a confirmation brought, once for each that brought news.

    Runs in the transaction that confirms, holding the order's row as it was (`order`).
    """
    share = order_terms.in_force(db, order["vendor"]).invoice_price_share
    declined = not any(line["quantity"] for line in after)
    kind = DECLINED if declined else CONFIRMED_LESS
    short = any(map(is_short, after))
    dear = any(is_dear(line, tolerated_share=share) for line in after) and not declined
    _tell(
        db, order, kind, now=now, news=short and shortened(before, after), holds=short,
        alert=lambda cause: less_alert(cause, order, after),
    )  # fmt: skip
    _tell(
        db, order, CONFIRMED_DEARER, now=now, holds=dear,
        news=dear and made_dearer(before, after, tolerated_share=share),
        alert=lambda cause: dearer_alert(cause, order, after, tolerated_share=share),
    )  # fmt: skip


def _tell(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    kind: str,
    *,
    alert: Callable[[str], Alert],
    news: bool,
    holds: bool,
    now: datetime,
) -> None:
    """Raise an alert on news, in place of the one before; close what does not hold any more."""
    if news:
        _close(db, order["id"], kind, now=now)
        cause: str | None = f"{kind}:{order['id']}.{order['version'] + 1}"
    elif holds:
        cause = _open_cause(db, order["id"], kind)
    else:
        _close(db, order["id"], kind, now=now)
        return
    if cause is not None:
        raise_alerts(db, [alert(cause)], now=now)


def _open_cause(db: psycopg.Connection, order_id: str, kind: str) -> str | None:
    row = db.execute(
        "select kind from alerts where resolved_at is null and split_part(kind, ':', 1) = %s "
        "and detail ->> 'purchase_order' = %s",
        [kind, order_id],
    ).fetchone()
    return None if row is None else str(row[0])


def _close(db: psycopg.Connection, order_id: str, kind: str, *, now: datetime) -> None:
    db.execute(
        "update alerts set resolved_at = %s where resolved_at is null "
        "and split_part(kind, ':', 1) = %s and detail ->> 'purchase_order' = %s",
        [now, kind, order_id],
    )


def settle(db: psycopg.Connection, *, now: datetime) -> int:
    """Close the alerts whose order came or is over; returns how many."""
    return sum(
        db.execute(
            "update alerts a set resolved_at = %s from purchase_orders p "
            "where a.resolved_at is null and split_part(a.kind, ':', 1) = %s "
            "and p.purchase_order_id = a.detail ->> 'purchase_order' and p.state = any(%s)",
            [now, kind, list(states)],
        ).rowcount
        for kind, states in SETTLED.items()
    )
