"""The supply that a purchase order announces: per line one row of `inbound`, named `ORDER:LINE`.

Availability promises from those rows, so they say what the order says, in the transaction that
changes it.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import psycopg

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.store import catalog, inbound
from inventory.store.order_lines import Moments, read_lines


def inbound_id(order_id: str, line_no: int) -> str:
    """What the supply of a line is called."""
    return f"{order_id}:{line_no}"


def announce(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    *,
    now: datetime,
    moments: Moments | None = None,
    given_up: bool = False,
) -> None:
    """Make each line's inbound say what the order says; `given_up`: nothing more is to come.

    A line comes at the moment that was told, else from the start of its day at the location on.
    """
    timezone = catalog.get(db, Location, order["location"]).timezone
    known = _known(db, order["id"])
    for line in read_lines(db, order["id"]):
        name = inbound_id(order["id"], line["line_no"])
        before = known.get(name)
        if before is None and (given_up or not line["quantity"]):
            continue
        if before is not None and before[1] in ("received", "cancelled"):
            continue
        open_units = max(line["quantity"] - line["received_units"], 0)
        told = (moments or {}).get(line["line_no"])
        inbound.put(
            db,
            inbound_id=name,
            sku=line["sku"],
            location=order["location"],
            quantity=max(line["quantity"], line["received_units"]),
            expected_at=told or _moment(line, order, before, timezone),
            state=_state(line, given_up=given_up or not (open_units or line["received_units"])),
            now=now,
            purchase_order_id=order["id"],
        )


def _state(line: Mapping[str, Any], *, given_up: bool) -> str:
    if given_up:
        return "cancelled"
    return "shipped" if line["shipped_units"] >= line["quantity"] else "confirmed"


def _moment(
    line: Mapping[str, Any],
    order: Mapping[str, Any],
    before: tuple[datetime, str] | None,
    timezone: str,
) -> datetime:
    """The moment known before, while it is still on the line's day; else that morning."""
    day: date = line["arrives_on"] or order["expected_on"]
    if before is not None:
        same_day = before[0].astimezone(zone(timezone)).date() == day
        if same_day or line["arrives_on"] is None:
            return before[0]
    return datetime.combine(day, time(0), zone(timezone))


def _known(db: psycopg.Connection, order_id: str) -> dict[str, tuple[datetime, str]]:
    found = db.execute(
        "select inbound_id, expected_at, state from inbound where purchase_order_id = %s",
        [order_id],
    )
    return {name: (expected_at, state) for name, expected_at, state in found}
