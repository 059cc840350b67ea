"""Units that arrived: taken off what is to come, and put where they land."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from inventory.ledger import AVAILABLE, Fact, Key
from inventory.store import approvals, ledger, supply_shocks
from inventory.store.ordered_goods import Share

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What somebody says arrived of an inbound."""

    inbound_id: str
    message_id: str
    quantity: int
    status: str
    received_at: datetime | None
    actor: str
    document_id: str | None
    tell_order: bool
    shipment: str | None


def hold_promises(
    db: psycopg.Connection, places: set[tuple[str, str]], status: str = AVAILABLE, *, now: datetime
) -> None:
    """Lock sellable balances: a promise is made either before this change of supply or after."""
    keys = {Key(*place, held) for place in places for held in (AVAILABLE, status)}
    ledger.create(db, keys, now=now)
    ledger.lock(db, keys)


def into_stock(
    db: psycopg.Connection,
    row: Row,
    shares: Sequence[Share],
    lands: str,
    came: Delivery,
    *,
    now: datetime,
) -> str:
    """Put the units where they land. Returns the outcome of the first of these facts."""
    place = (row["sku"], row["location"])
    units: dict[tuple[str, str], int] = defaultdict(int)
    for share in shares:
        units[lands, share.inbound_id] += share.quantity - share.held
        units[approvals.AWAITING, share.inbound_id] += share.held
    landed = {target: count for target, count in units.items() if count}
    statuses = sorted({status for status, _ in landed})
    at = ledger.moment(db, [Key(*place, s) for s in statuses], came.received_at, now=now)
    facts = [
        Fact(
            *Key(*place, status),
            kind="receipt",
            stated_units=count,
            effective_at=at,
            source="inbound",
            message_id=came.message_id,
            actor=came.actor,
            inbound_id=inbound_id,
        )
        for (status, inbound_id), count in landed.items()
    ]
    for status in statuses:
        if status != AVAILABLE:
            hold_promises(db, {place}, status, now=now)
    recorded = ledger.record(db, facts, now=now)
    # Fallen where what was to come is here and cannot be sold, or was on the shelf all along.
    sellable = any(r.outcome == "applied" and f.status == AVAILABLE
                   for f, r in zip(facts, recorded, strict=True))  # fmt: skip
    changed = {"risen": [place]} if sellable else {"fallen": [place]}
    supply_shocks.settle(db, **changed, now=now, cause="receipt")
    return recorded[0].outcome


def take_off(db: psycopg.Connection, share: Share, now: datetime) -> None:
    """These units are no longer to come."""
    db.execute(
        """
        update inbound set quantity = greatest(quantity - %(q)s, 0),
            received_units = received_units + %(q)s,
            state = case when quantity <= %(q)s then 'received' else state end,
            updated_at = %(now)s
        where inbound_id = %(id)s
        """,
        {"q": share.quantity, "now": now, "id": share.inbound_id},
    )


def await_approval(db: psycopg.Connection, inbound_id: str, units: int) -> None:
    """So many more units of the inbound lie in inspection until somebody decides on them."""
    if units:
        db.execute(
            "update inbound set awaiting_units = awaiting_units + %s where inbound_id = %s",
            [units, inbound_id],
        )
