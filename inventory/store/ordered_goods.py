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
from inventory.order_terms import units_tolerated
from inventory.store import order_terms
from inventory.store.approvals import AWAITING, REFUSED
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
        line = cursor.execute(
            "select l.line_no, l.sku, l.quantity as agreed_units, l.received_units "
            "from purchase_order_lines l join inbound i using (purchase_order_id, sku) "
            "where i.inbound_id = %s",
            [inbound_id],
        ).fetchone()
    return None if line is None else locked | line


def beyond(db: psycopg.Connection, line: Line, quantity: int, status: str) -> int:
    """Units that neither the order nor the vendor's tolerance covers; unfit ones are not held.

    Raises `InputRejected` for so many that somebody mistyped.
    """
    if line["received_units"] + quantity > AGREED_TIMES_MAX * max(line["agreed_units"], 1):
        raise InputRejected(
            f"{quantity} units of '{line['sku']}' arrived and only "
            f"{max(line['agreed_units'] - line['received_units'], 0)} are still to come; check the "
            "figure, or record what nobody ordered as a restock",
            field="quantity",
        )
    if status not in (AVAILABLE, AWAITING):
        return 0
    return quantity - units_tolerated(
        quantity,
        agreed_units=line["agreed_units"],
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
        **asdict(came),
    }
    db.execute(_RECEIVE, given)
    db.execute(_KEEP, given)
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
            state = case when exists (
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
    db.execute(
        "with line as ("
        "  update purchase_order_lines l set arrives_on = (%(at)s at time zone lo.timezone)::date "
        "  from locations lo where lo.location = %(location)s "
        "  and l.purchase_order_id = %(order)s and l.sku = %(sku)s returning arrives_on"
        ") update purchase_orders p set expected_on = greatest(line.arrives_on, ("
        "  select max(coalesce(l.arrives_on, p.expected_on)) from purchase_order_lines l "
        "  where l.purchase_order_id = %(order)s and l.sku <> %(sku)s "
        "  and l.received_units < l.quantity)) "
        "from line where p.purchase_order_id = %(order)s",
        given,
    )


_REDATE_TRANSFER = """
    update transfers t set expected_on = greatest(
        (%(at)s at time zone lo.timezone)::date,
        (select max((i.expected_at at time zone lo.timezone)::date) from inbound i
            where i.purchase_order_id = %(order)s and i.sku <> %(sku)s
                and i.state in ('planned', 'confirmed', 'shipped') and i.quantity > 0))
    from locations lo where lo.location = t.destination and t.transfer_id = %(order)s
"""
