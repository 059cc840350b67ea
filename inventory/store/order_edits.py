"""What a person changes in an order before it is sent, held against what its vendor accepts.

Runs inside the transaction of `inventory.store.purchase_orders`, which holds the order's row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from inventory.calendar import zone
from inventory.catalog import Location, Vendor
from inventory.errors import InputRejected
from inventory.order_limits import OrderLimits
from inventory.store import catalog, order_refusals
from inventory.store.order_lines import Changes, Lines, edit_lines, named, read_lines

ANYWAY = 'or send "override": true (--anyway) to keep it, with the reason on record'


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to change, by whom, and why."""

    actor: str
    now: datetime
    reason: str
    lines: Lines = ()
    """[{"sku", "quantity"}]; zero removes the line."""
    expected_on: date | None = None
    override: bool = False
    """Whether limits of items and vendor may be broken: the record says which were."""


def change(db: psycopg.Connection, order: Mapping[str, Any], edit: Edit) -> Changes:
    """Make the changes; returns what they were, for the order's history.

    Raises `InputRejected` for a wrong line, a day that is past, and quantities that break packs,
    minimum, maximum or the vendor's least order, unless that is overridden.
    """
    before = _value(db, order["id"])
    broken = _broken_limits(db, order, edit)
    _remember_removed(db, order, edit)
    changes = edit_lines(db, order, edit.lines, actor=edit.actor, reason=edit.reason)
    if (short := _below_least_order(db, order, before, edit)) is not None:
        broken.append(short)
    if edit.expected_on is not None and edit.expected_on != order["expected_on"]:
        _check_day(db, order, edit.expected_on, now=edit.now)
        changes["expected_on"] = [str(order["expected_on"]), str(edit.expected_on)]
        db.execute(
            "update purchase_orders set expected_on = %s where purchase_order_id = %s",
            [edit.expected_on, order["id"]],
        )
    if broken:
        changes["overridden"] = broken
    return changes


def _remember_removed(db: psycopg.Connection, order: Mapping[str, Any], edit: Edit) -> None:
    """What a person takes out is not put back by the next run."""
    removed = [
        line["sku"]
        for _, line, _, units in named(read_lines(db, order["id"]), edit.lines, least=0)
        if units == 0
    ]
    if removed:
        order_refusals.remember(
            db, order, act="edit", actor=edit.actor, reason=edit.reason, now=edit.now, skus=removed
        )


def _broken_limits(db: psycopg.Connection, order: Mapping[str, Any], edit: Edit) -> list[str]:
    """What changed quantities break, in words. Raises `InputRejected` unless overridden."""
    limits = _limits(db, order["id"])
    found = []
    for row, line, _, units in named(read_lines(db, order["id"]), edit.lines, least=0):
        if units is None or units == line["quantity"]:
            continue
        asked = limits[line["sku"]]
        breaches = asked.breaches(units)
        if not breaches:
            continue
        told = f"{units} of '{line['sku']}': {' and '.join(breaches)}"
        if not edit.override:
            near = asked.nearest(units)
            remedy = "mend its limits in the catalogue" if near is None else f"order {near}"
            raise InputRejected(f"{told}; {remedy}, {ANYWAY}", field="quantity", row=row)
        found.append(told)
    return found


def _limits(db: psycopg.Connection, po_id: str) -> dict[str, OrderLimits]:
    """Limits of the items on an order, the maximum as the policy of the position has it."""
    rows = db.execute(
        "select l.sku, case when v.full_pallets then lcm(s.pack_size, coalesce(s.pallet_size, 1)) "
        "else s.pack_size end, s.min_order_quantity, "
        "floor(coalesce(c.max_units, s.max_order_quantity))::bigint "
        "from purchase_order_lines l join purchase_orders p using (purchase_order_id) "
        "join skus s using (sku) join vendors v on v.vendor = p.vendor "
        "left join policies c on c.sku = l.sku and c.location = p.location "
        "where l.purchase_order_id = %s",
        [po_id],
    ).fetchall()
    return {sku: OrderLimits(pack, least, most) for sku, pack, least, most in rows}


def _below_least_order(
    db: psycopg.Connection, order: Mapping[str, Any], before: float, edit: Edit
) -> str | None:
    """Whether the edit took the order below what its vendor accepts."""
    least = catalog.get(db, Vendor, order["vendor"]).min_order_value
    after = _value(db, order["id"])
    if not after < least <= before:
        return None
    told = f"the order is worth {after:,.2f}, below the {least:,.2f} that {order['vendor']} accepts"
    if not edit.override:
        raise InputRejected(f"{told}; order more, reject it, {ANYWAY}", field="lines")
    return told


def _value(db: psycopg.Connection, po_id: str) -> float:
    row = db.execute(
        "select coalesce(sum(quantity * unit_cost), 0) from purchase_order_lines "
        "where purchase_order_id = %s",
        [po_id],
    ).fetchone()
    assert row is not None
    return float(row[0])


def _check_day(
    db: psycopg.Connection, order: Mapping[str, Any], day: date, *, now: datetime
) -> None:
    place = catalog.get(db, Location, order["location"])
    today = now.astimezone(zone(place.timezone)).date()
    if day < today:
        raise InputRejected(
            f"{day} is past at '{order['location']}', where it is {today}; name that day or a "
            "later one",
            field="expected_on",
        )
