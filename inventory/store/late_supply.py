"""Promises whose goods will be late get a day that can be kept, and an event says so.

Those who wait for goods that an order or a transfer brings are told of a new day; an order for what
is on hand stays as it is. Whoever makes supply late holds the supply, and an order is locked before
what it rests on: so places are noted (`ordered_goods.note_late`), and promises move afterwards,
each in its own transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from inventory.errors import InsufficientStock, StateConflict
from inventory.orders import ActLine, OrderMessage
from inventory.projection import PEG
from inventory.shortages import OpenLine
from inventory.store import orders, outbox, shortages
from inventory.store.facts import Place, read
from inventory.store.retry import retrying

PROMISE_MOVED = "promise_moved"
ACTOR = "clock"

ROUNDS_MAX = 5
"""Who gave way on the worst day may have left another day short."""


@dataclass(frozen=True, slots=True)
class _Noted:
    sku: str
    location: str
    purchase_order_id: str
    """Of the order that brings it, or of the transfer."""
    noted_at: datetime
    by_transfer: bool

    @property
    def bringer(self) -> str:
        return "transfer" if self.by_transfer else "purchase_order"


def move_due(db: psycopg.Connection, *, now: datetime, limit: int = 1_000) -> int:
    """Move promises on supply that was noted as late; returns how many lines moved.

    A crash in between leaves the note, and what was moved already is not moved twice.
    """
    with db.cursor(row_factory=class_row(_Noted)) as cursor:
        noted = cursor.execute(
            "select s.*, exists(select from transfers t where t.transfer_id = s.purchase_order_id) "
            "as by_transfer from late_supply s order by noted_at, sku, location limit %s",
            [limit],
        ).fetchall()
    return sum(_move_at(db, place, now=now) for place in noted)


def _move_at(db: psycopg.Connection, noted: _Noted, *, now: datetime) -> int:
    moved = 0
    for _ in range(ROUNDS_MAX):
        losing = [line for line in _losing(db, noted, now=now) if _waits(line)]
        now_moved = sum(
            retrying(db, lambda line=line: _move(db, line, noted, now=now))  # type: ignore[misc]
            for line in losing
        )
        moved += now_moved
        if not now_moved:
            break
    db.execute(
        "delete from late_supply where sku = %s and location = %s and noted_at = %s",
        [noted.sku, noted.location, noted.noted_at],
    )
    return moved


def _waits(line: OpenLine) -> bool:
    """Whether it is a confirmed promise of goods that are still to come."""
    return line.commitment_class == PEG and line.expires_at is None


def _losing(db: psycopg.Connection, noted: _Noted, *, now: datetime) -> Sequence[OpenLine]:
    """Lines that cannot be kept as they are; who loses last chooses its new day first."""
    places = [Place(noted.sku, noted.location)]
    facts = read(db, places, channels=[], methods=[], now=now)
    supply = shortages.unbuffered_supply(facts, noted.sku, now=now)
    short = shortages.short_at(db, supply, [noted.location], now=now)
    lines = [line for found in short for line, _ in found.victims]
    return list({line.reservation_id: line for line in reversed(lines)}.values())


def _move(db: psycopg.Connection, line: OpenLine, noted: _Noted, *, now: datetime) -> int:
    """Redate the lines of that SKU in one order, and tell. Once per note."""
    message = OrderMessage(
        id=f"late:{noted.purchase_order_id}:{noted.sku}:{noted.location}:"
        f"{noted.noted_at.isoformat()}:{line.reservation_id}",
        lines=(ActLine(noted.sku),),
        reason=f"{noted.bringer.replace('_', ' ')} {noted.purchase_order_id} is late",
    )
    try:
        with db.transaction():
            return _redate(db, line, noted, message, now=now)
    except (InsufficientStock, StateConflict):
        # No day is in sight, or the order was cancelled meanwhile. Nothing is kept of the attempt.
        return 0


def _redate(
    db: psycopg.Connection, line: OpenLine, noted: _Noted, message: OrderMessage, *, now: datetime
) -> int:
    before = orders.get(db, line.order_id or line.reservation_id, now=now)
    done = orders.perform(db, before.order_id or before.id, "redate", message, now=now, actor=ACTOR)
    if done.replayed:
        return 0
    lines = orders.get(db, before.id, now=now).lines
    after = {line.line_no: line.promised_date for line in lines}
    moved = [was for was in before.lines if after[was.line_no] != was.promised_date]
    for was in moved:
        payload = {
            "reservation": before.id,
            "order": before.order_id,
            "line": was.line_no,
            "units": was.open_units,
            "promised_date": was.promised_date.isoformat(),
            "new_date": after[was.line_no].isoformat(),
            noted.bringer: noted.purchase_order_id,
        }
        outbox.emit(db, kind=PROMISE_MOVED, payload=payload, now=now, sku=noted.sku,
                    location=was.location)  # fmt: skip
    return len(moved)
