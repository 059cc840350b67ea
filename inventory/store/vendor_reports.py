"""What a vendor's documents say of a purchase order: each is heard once, by its id.

These are the acts that e-mail, webhooks and EDI call. A repeat of a document changes nothing;
whatever contradicts the order raises, so that the document can be set aside with the reason.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from inventory.store import purchase_orders
from inventory.store.purchase_orders import Order

Lines = Sequence[Mapping[str, Any]]
"""Lines as told: each names its line by number (`line`) or by `sku`."""


def send(
    db: psycopg.Connection, order_id: str, *, document_id: str | None, at: datetime, actor: str
) -> Order:
    """The approved order went to the vendor: what it says now is what was ordered.

    Raises `NotFound`, and `StateConflict` unless it is approved.
    """
    return _do(db, order_id, "send", None, document_id=document_id, at=at, actor=actor)


def confirm(
    db: psycopg.Connection,
    order_id: str,
    *,
    lines: Lines = (),
    document_id: str | None,
    at: datetime,
    actor: str,
) -> Order:
    """The vendor will deliver these lines, the others stand as they are; without lines all of it.

    Parameters
    ----------
    lines : [{"line" or "sku", "quantity"?, "expected_at"?, "parts"?, "unit_cost"?}]. Quantity is
        the total of the line, whole units, with those that are here or on their way, which are the
        first of it; 0 says that no more of it will come. `expected_at` is a day or a moment with
        its zone. `parts`: [{"quantity", "expected_at"?}] of a line that comes on several days.
        A unit cost is noted beside the order's own, never put in its place.

    Raises `NotFound`, `StateConflict` (an order that is over cannot be confirmed), `InputRejected`
    for a line that is not on the order, less than left already or more than is tolerated, and
    `IdempotencyConflict` where the id came before with other content.
    """
    return _do(db, order_id, "confirm", lines, document_id=document_id, at=at, actor=actor)


def ship(
    db: psycopg.Connection,
    order_id: str,
    *,
    lines: Lines | None = None,
    document_id: str | None,
    at: datetime,
    actor: str,
) -> Order:
    """Goods are on their way: [{"line" or "sku", "quantity", "expected_at"?, "shipment"?}].

    None: all the rest. Quantities are those of this shipment and add up over shipments; `parts` as
    in `confirm`. Raises as that does.
    """
    return _do(db, order_id, "ship", lines, document_id=document_id, at=at, actor=actor)


def redate(
    db: psycopg.Connection,
    order_id: str,
    *,
    lines: Lines,
    document_id: str | None,
    at: datetime,
    actor: str,
    reason: str | None = None,
) -> Order:
    """Lines come on another day: [{"line" or "sku", "expected_at", "part"?, "shipment"?}].

    Without `part` or `shipment`, all that is open of the line. Raises as `confirm` does.
    """
    return _do(
        db, order_id, "redate", lines, document_id=document_id, at=at, actor=actor, reason=reason
    )


def receive(
    db: psycopg.Connection,
    order_id: str,
    *,
    lines: Lines | None = None,
    document_id: str | None,
    at: datetime,
    actor: str,
    received_at: datetime | None = None,
) -> Order:
    """Goods arrived: [{"line" or "sku", "quantity", "status"?, "shipment"?}]; None: all of it.

    More than ordered and tolerated waits in inspection for approval, and so does what comes for an
    order that is over. `received_at`: when they arrived, if that was before `at`. Raises as
    `confirm` does.
    """
    return purchase_orders.act(
        db, order_id, "receive", actor=actor, role="buyer", now=at, lines=lines, at=received_at,
        document_id=document_id,
    )  # fmt: skip


def _do(
    db: psycopg.Connection,
    order_id: str,
    act: str,
    lines: Lines | None,
    *,
    document_id: str | None,
    at: datetime,
    actor: str,
    reason: str | None = None,
) -> Order:
    return purchase_orders.act(
        db, order_id, act, actor=actor, role="buyer", now=at, lines=lines, document_id=document_id,
        reason=reason,
    )  # fmt: skip
