"""The order line behind goods that arrive: how many it allows, and what it is told."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected
from inventory.ledger import AVAILABLE
from inventory.order_parts import arriving
from inventory.order_terms import units_tolerated
from inventory.purchase_orders import ON_ITS_WAY
from inventory.store import order_terms
from inventory.store.approvals import AWAITING, REFUSED
from inventory.store.line_supplies import part_name, read_supplies, settle_days
from inventory.transfers import TRANSFER

Line = dict[str, Any]

AGREED_TIMES_MAX = 10
"""More units than so many times those agreed are a slip of the hand, not an over-delivery."""


@dataclass(frozen=True, slots=True)
class Came:
    """What arrived of a line."""

    quantity: int
    held: int
    """Of these, units that await approval because nobody ordered them."""
    status: str


def line_behind(db: psycopg.Connection, inbound_id: str) -> Line | None:
    """The line that announced the goods, if one did; its order is locked before them."""
    with db.cursor(row_factory=dict_row) as cursor:
        locked = cursor.execute(
            "select p.purchase_order_id, p.vendor, p.state from purchase_orders p "
            "join inbound i using (purchase_order_id) where i.inbound_id = %s for update of p",
            [inbound_id],
        ).fetchone()
        if locked is None:
            return None
        line = cursor.execute(_LINE_BEHIND, [inbound_id]).fetchone()
    return None if line is None else locked | line


_LINE_BEHIND = """
    select p.purchase_order_id as id, p.location, p.expected_on, i.part_no,
        l.line_no, l.sku, l.quantity, l.ordered_units, l.received_units, l.arrives_on
    from inbound i join purchase_orders p using (purchase_order_id)
    join purchase_order_lines l
        on l.purchase_order_id = p.purchase_order_id and l.line_no = i.order_line
    where i.inbound_id = %s
"""


@dataclass(frozen=True, slots=True)
class Share:
    """Units that arrived of one part, or of none: the row of inbound that they are booked on."""

    inbound_id: str
    quantity: int
    held: int


def shares(
    db: psycopg.Connection,
    line: Line,
    quantity: int,
    *,
    held: int,
    part: int | None,
    shipment: str | None,
) -> list[Share]:
    """On which rows of the line units that arrive are booked; what is held is the last of them.

    What belongs to no part goes with the last one: it was announced by none.
    """
    supply = read_supplies(db, line, [line])[line["line_no"]]
    taken, rest = arriving(supply, quantity, shipment=shipment, number=part)
    if rest:
        last = next(reversed(taken), part or line["part_no"])
        taken[last] = taken.get(last, 0) + rest
    found: list[Share] = []
    for number, units in reversed(taken.items()):
        name = part_name(line["id"], line["line_no"], number)
        found.append(Share(name, units, min(held, units)))
        held -= found[-1].held
    return found[::-1]


def row_of(db: psycopg.Connection, order_id: str, line: Line, *, now: datetime) -> str:
    """A row of inbound for goods of the line, made where nothing of it was announced."""
    found = db.execute(
        "select inbound_id from inbound where purchase_order_id = %s and order_line = %s "
        "order by part_no limit 1",
        [order_id, line["line_no"]],
    ).fetchone()
    if found is not None:
        return str(found[0])
    name = part_name(order_id, line["line_no"], 1)
    db.execute(
        "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, source, "
        "purchase_order_id, order_line, part_no, updated_at) "
        "select %s, %s, location, 0, %s, 'received', 'purchase_order', purchase_order_id, %s, 1, "
        "%s from purchase_orders where purchase_order_id = %s",
        [name, line["sku"], now, line["line_no"], now, order_id],
    )
    return name


def beyond(db: psycopg.Connection, line: Line, quantity: int, status: str) -> int:
    """Units that neither the order nor the vendor's tolerance covers; unfit ones are not held.

    Raises `InputRejected` for so many that somebody mistyped.
    """
    ordered = max(line["quantity"], line["ordered_units"] or 0, 1)
    if line["received_units"] + quantity > AGREED_TIMES_MAX * ordered:
        raise InputRejected(
            f"{quantity} units of '{line['sku']}' arrived and only "
            f"{max(line['quantity'] - line['received_units'], 0)} are still to come; check the "
            "figure, or record what nobody ordered as a restock",
            field="quantity",
        )
    if status not in (AVAILABLE, AWAITING):
        return 0
    if line["state"] not in ON_ITS_WAY:  # Nothing is expected of it any more.
        return quantity
    return quantity - units_tolerated(
        quantity,
        agreed_units=line["quantity"],
        received_units=line["received_units"],
        over_receipt_share=order_terms.in_force(db, line["vendor"]).over_receipt_share,
    )


def note_receipt(
    db: psycopg.Connection,
    line: Line,
    came: Came,
    *,
    received_at: datetime,
    now: datetime,
    actor: str,
    document_id: str | None,
    tell_order: bool,
) -> None:
    """These units are no longer on order; when and how they came is kept.

    `tell_order`: its state and its history say so too; false where the order itself speaks.
    """
    given = {
        "id": line["purchase_order_id"],
        "line": line["line_no"],
        "received_at": min(received_at, now),
        "now": now,
        "actor": actor,
        "document": document_id,
        "refused": list(REFUSED),
        "on_its_way": list(ON_ITS_WAY),
        **asdict(came),
    }
    db.execute(_RECEIVE, given)
    db.execute(_KEEP, given)
    settle_days(db, line["purchase_order_id"])
    if tell_order:
        told = {"sku": line["sku"], "quantity": came.quantity, "status": came.status}
        held = {"held": came.held} if came.held else {}
        changes = Jsonb({"received": [told | held]})
        db.execute(_TELL, given | {"from_state": line["state"], "changes": changes})


_RECEIVE = """
    update purchase_order_lines set received_units = received_units + %(quantity)s,
        refused_units = refused_units + case when %(status)s = any (%(refused)s)
            then %(quantity)s else 0 end
    where purchase_order_id = %(id)s and line_no = %(line)s
"""

_KEEP = """
    insert into purchase_order_receipts (purchase_order_id, line_no, quantity, held_units, status,
        received_at, recorded_at, actor, document_id)
    values (%(id)s, %(line)s, %(quantity)s, %(held)s, %(status)s, %(received_at)s, %(now)s,
        %(actor)s, %(document)s)
"""

_TELL = """
    with after as (
        update purchase_orders p set version = version + 1, updated_at = %(now)s,
            state = case when p.state <> all (%(on_its_way)s) then p.state when exists (
                select from purchase_order_lines l
                where l.purchase_order_id = p.purchase_order_id and l.received_units < l.quantity
            ) then 'partially_received' else 'received' end
        where purchase_order_id = %(id)s returning state
    )
    insert into purchase_order_events
        (purchase_order_id, act, from_state, to_state, at, actor, changes)
    select %(id)s, 'receive', %(from_state)s, state, %(now)s, %(actor)s, %(changes)s from after
"""


def note_late(db: psycopg.Connection, inbound_ids: Collection[str], *, now: datetime) -> None:
    """Have the promises on this supply looked at, where an order or a transfer was to bring it.

    They move afterwards: an order is locked before what it rests on.
    """
    db.execute(_NOTE_LATE, {"ids": sorted(inbound_ids), "now": now})


_NOTE_LATE = """
    insert into late_supply (sku, location, purchase_order_id, noted_at)
    select distinct on (sku, location) sku, location, purchase_order_id, %(now)s
    from inbound where inbound_id = any (%(ids)s) and purchase_order_id is not null
    order by sku, location, expected_at
    on conflict (sku, location) do update set noted_at = excluded.noted_at,
        purchase_order_id = excluded.purchase_order_id
"""


def redate(db: psycopg.Connection, inbound: Line, expected_at: datetime) -> None:
    """Goods that are dated anew by the name of their inbound: their order has that day too, or
    their transfer.
    """
    if inbound["purchase_order_id"] is None:
        return
    given = {"at": expected_at, "location": inbound["location"], "sku": inbound["sku"],
             "order": inbound["purchase_order_id"]}  # fmt: skip
    if inbound["source"] == TRANSFER:
        db.execute(_REDATE_TRANSFER, given)
        return
    settle_days(db, inbound["purchase_order_id"])


_REDATE_TRANSFER = """
    update transfers t set expected_on = greatest(
        (%(at)s at time zone lo.timezone)::date,
        (select max((i.expected_at at time zone lo.timezone)::date) from inbound i
            where i.purchase_order_id = %(order)s and i.sku <> %(sku)s
                and i.state in ('planned', 'confirmed', 'shipped') and i.quantity > 0))
    from locations lo where lo.location = t.destination and t.transfer_id = %(order)s
"""
