"""The supply that a purchase order announces: each part of a line is one row of `inbound`.

Availability promises from those rows, so they say what the order says, in the transaction that
changes it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from inventory.order_parts import LineSupply, falls_behind
from inventory.store import arrivals, ordered_goods, supply_shocks
from inventory.store.line_supplies import part_name, read_supplies

Line = Mapping[str, Any]


class Change(NamedTuple):
    """A line of an order, with its supply before an act and after it."""

    line: Line
    before: LineSupply
    after: LineSupply


def write(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    changes: Collection[Change],
    *,
    now: datetime,
    given_up: bool = False,
) -> None:
    """Make the rows of these lines say what their parts say, all at once.

    Promises are looked at when all of it is written, so none is told to be short in between.
    `given_up`: parts that are no more keep their units, as what never came.
    """
    changes = [change for change in changes if change.after.parts != change.before.parts]
    if not changes:
        return
    places = {(str(change.line["sku"]), str(order["location"])) for change in changes}
    arrivals.hold_promises(db, places, now=now)
    rows = [row for change in changes for row in _rows(order, change, given_up=given_up)]
    with db.cursor() as cursor:
        cursor.executemany(_WRITE, [row | {"now": now} for row in rows])
    worse = [c for c in changes if falls_behind(c.after.parts, c.before.parts)]
    better = [c for c in changes if falls_behind(c.before.parts, c.after.parts)]
    sunk = {c.line["line_no"] for c in worse if c.before.parts}
    ordered_goods.note_late(db, [r["id"] for r in rows if r["order_line"] in sunk], now=now)
    supply_shocks.settle(
        db,
        fallen=[(c.line["sku"], order["location"]) for c in worse],
        sooner=[(c.line["sku"], order["location"]) for c in better],
        also=places,
        now=now,
        cause="inbound",
    )


def _rows(order: Mapping[str, Any], change: Change, *, given_up: bool) -> list[dict[str, Any]]:
    after = {part.number: part for part in change.after.parts}
    gone = [
        replace(part, units=part.units if given_up else 0)
        for part in change.before.parts
        if part.number not in after
    ]
    line_no = change.line["line_no"]
    return [
        {
            "id": part_name(order["id"], line_no, part.number),
            "sku": change.line["sku"], "location": order["location"], "order": order["id"],
            "order_line": line_no, "part": part.number, "units": part.units, "at": part.when.at,
            "state": part.state if part.number in after else "cancelled",
            "shipment": part.shipment,
        }
        for part in [*after.values(), *gone]
    ]  # fmt: skip


# Of a part that is gone and brought something, that is what is left to say.
_WRITE = """
    insert into inbound (inbound_id, sku, location, quantity, expected_at, state, source,
        purchase_order_id, order_line, part_no, shipment, updated_at)
    values (%(id)s, %(sku)s, %(location)s, %(units)s, %(at)s, %(state)s, 'purchase_order',
        %(order)s, %(order_line)s, %(part)s, %(shipment)s, %(now)s)
    on conflict (inbound_id) do update set quantity = excluded.quantity,
        expected_at = excluded.expected_at, shipment = excluded.shipment,
        updated_at = excluded.updated_at,
        state = case when excluded.state = 'cancelled' and excluded.quantity = 0
            and inbound.received_units > 0 then 'received' else excluded.state end
"""


def give_up(
    db: psycopg.Connection, order: Mapping[str, Any], lines: Sequence[Line], *, now: datetime
) -> None:
    """Nothing more is to come of the order."""
    supplies = read_supplies(db, order, lines)
    changes = [
        Change(line, supplies[line["line_no"]], replace(supplies[line["line_no"]], parts=()))
        for line in lines
    ]
    write(db, order, changes, now=now, given_up=True)
