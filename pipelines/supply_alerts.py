"""Alerts of supply: orders and transfers that are late, and goods that wait for approval."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg

from inventory import late_alerts
from inventory.alerts import Alert
from inventory.receipt_alerts import AWAITING_APPROVAL, awaiting_approval_alert
from inventory.shelf import stock_out_day
from inventory.store import alert_facts
from inventory.store.held_receipts import read_held
from inventory.store.purchase_orders import late_orders
from inventory.store.transfers import late_transfers

KINDS = (*late_alerts.KINDS, AWAITING_APPROVAL)

LATE_LINES_TOLD = 10
"""Lines of a late order in its alert: the most urgent."""


def find(db: psycopg.Connection, *, now: datetime) -> list[Alert]:
    """Everything of `KINDS` that is true now."""
    return [*_late(db, today=now.date()), *_held(db, today=now.date())]


def _late(db: psycopg.Connection, *, today: date) -> list[Alert]:
    """Orders and transfers that should have come, each with what runs out for want of it."""
    orders, transfers = late_orders(db, today=today), late_transfers(db, today=today)
    ids = [order["order_id"] for order in orders] + [moved["transfer_id"] for moved in transfers]
    open_lines = alert_facts.read_late_lines(db, ids, today=today, limit=LATE_LINES_TOLD)
    told = {name: [_late_line(line, today) for line in lines] for name, lines in open_lines.items()}
    stock = {name: _together(lines[0]) for name, lines in open_lines.items()}
    return [
        late_alerts.late_order_alert(
            **late, today=today, lines=told.get(late["order_id"], ()),
            stock=stock.get(late["order_id"]),
        )
        for late in orders
    ] + [
        late_alerts.late_transfer_alert(
            **late, today=today, lines=told.get(late["transfer_id"], ()),
            stock=stock.get(late["transfer_id"]),
        )
        for late in transfers
    ]  # fmt: skip


def _late_line(line: Mapping[str, Any], today: date) -> dict[str, Any]:
    out_on = stock_out_day(line["current_stock"], line["demand_rate"] or 0.0, (), today=today)
    return {
        "sku": line["sku"],
        "open_units": line["open_units"],
        "current_stock": line["current_stock"],
        "reorder_point": line["reorder_point"],
        "recommended_quantity": line["open_units"],
        "expected_stock_out_on": None if out_on is None else out_on.isoformat(),
    }


def _together(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lines": line["lines"],
        "current_stock": line["all_stock"],
        "reorder_point": line["all_reorder_point"],
    }


def _held(db: psycopg.Connection, *, today: date) -> list[Alert]:
    found = []
    for held in read_held(db):
        rate = held.pop("demand_rate") or 0.0
        out_on = stock_out_day(held["current_stock"], rate, (), today=today)
        found.append(awaiting_approval_alert(**held, stock_out_on=out_on))
    return found
