"""What is to come of the lines of an order, part by part, as `inbound` has it.

The first part of a line is the row `ORDER:LINE`, the others are `ORDER:LINE:PART`. The rules of
parts are in `inventory.order_parts`, and `inventory.store.order_supply` writes them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.order_parts import LineSupply, Part, When
from inventory.store import catalog

Line = Mapping[str, Any]


def part_name(order_id: str, line_no: int, number: int) -> str:
    """What the supply of a part is called."""
    return f"{order_id}:{line_no}" if number == 1 else f"{order_id}:{line_no}:{number}"


def timezone_of(db: psycopg.Connection, order: Mapping[str, Any]) -> str:
    """That of the location at which the order arrives."""
    return catalog.get(db, Location, order["location"]).timezone


def morning(day: date, timezone: str) -> When:
    """From when units are counted of which only the day is known."""
    return When(day, datetime.combine(day, time(0), zone(timezone)))


def read_supplies(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Sequence[Line]
) -> dict[int, LineSupply]:
    """What is to come of each line, by its number; held until the transaction ends."""
    timezone = timezone_of(db, order)
    parts, last_numbers = _parts(db, order["id"], timezone)
    return {
        line["line_no"]: LineSupply(
            agreed_units=line["quantity"],
            received_units=line["received_units"],
            parts=tuple(parts.get(line["line_no"], ())),
            last_number=last_numbers.get(line["line_no"], 0),
            usual=morning(line["arrives_on"] or order["expected_on"], timezone),
        )
        for line in lines
    }


_PARTS = """
    select order_line, part_no, quantity, expected_at, state, shipment from inbound
    where purchase_order_id = %s and order_line is not null
    order by inbound_id for update
"""


def _parts(
    db: psycopg.Connection, order_id: str, timezone: str
) -> tuple[dict[int, list[Part]], dict[int, int]]:
    """Open parts of each line, and the highest number that one ever had."""
    parts: dict[int, list[Part]] = defaultdict(list)
    last_numbers: dict[int, int] = defaultdict(int)
    there = zone(timezone)
    with db.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_PARTS, [order_id]):
            line_no = row["order_line"]
            last_numbers[line_no] = max(last_numbers[line_no], row["part_no"])
            if row["quantity"] and row["state"] in ("confirmed", "shipped"):
                at = row["expected_at"]
                when = When(at.astimezone(there).date(), at)
                parts[line_no].append(
                    Part(row["part_no"], row["quantity"], when, row["state"], row["shipment"])
                )
    for found in parts.values():
        found.sort(key=lambda part: part.number)
    return parts, last_numbers


def settle_days(db: psycopg.Connection, order_id: str) -> None:
    """A line has the day on which the last of it comes, and the order that of its last line."""
    db.execute(_LINE_DAYS, {"id": order_id})
    db.execute(_ORDER_DAY, {"id": order_id})


# Lines without a day have that of their order: they keep it when the order gets another.
_LINE_DAYS = """
    with days as (
        select line_no, max(expected_on) as day from open_order_parts
        where purchase_order_id = %(id)s group by line_no
    ), known as (
        select l.line_no, coalesce(l.arrives_on, p.expected_on) as day
        from purchase_order_lines l join purchase_orders p using (purchase_order_id)
        where l.purchase_order_id = %(id)s
    )
    update purchase_order_lines l set arrives_on = coalesce(d.day, k.day)
    from known k left join days d using (line_no)
    where l.purchase_order_id = %(id)s and l.line_no = k.line_no
        and exists (select from days e join known o using (line_no) where e.day <> o.day)
"""

_ORDER_DAY = """
    update purchase_orders p set expected_on = d.day
    from (select max(expected_on) as day from open_order_parts where purchase_order_id = %(id)s) d
    where p.purchase_order_id = %(id)s and p.expected_on <> d.day
"""
