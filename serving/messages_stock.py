"""Bodies of stock: feeds, corrections, moves, inbound supply."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from serving.messages import Id, Message, Moment, PositiveUnits, SignedUnits, Units

SYNC_ROWS_MAX = 10_000

RowId = Annotated[StrictInt, Field(ge=1, le=2**63 - 1)]
"""The number of a quarantined row."""

LEVELS_MAX = 8
"""A row is flat. What is nested deeper than this is replaced by a note that it was there."""

_NESTED = frozenset({dict, list})


def _shallow(value: object, levels: int = LEVELS_MAX) -> object:
    if type(value) not in _NESTED:
        return value
    if levels == 0:
        return "(nested deeper than any row)"
    if isinstance(value, dict):
        return {name: _shallow(item, levels - 1) for name, item in value.items()}
    assert isinstance(value, list)
    return [_shallow(item, levels - 1) for item in value]


def _shallow_rows(rows: list[Any]) -> list[Any]:
    """Rows that can be looked into to their ends: a bad one keeps no other one out."""
    if all(type(row) is dict and _NESTED.isdisjoint(map(type, row.values())) for row in rows):
        return rows
    return [_shallow(row) for row in rows]


Rows = Annotated[list[Any], AfterValidator(_shallow_rows)]
"""Rows of a feed: each is checked on its own, later."""

Status = Literal["available", "inspection", "frozen", "in_transit", "defective", "scrap"]
Reason = Literal["restock", "damage", "theft", "return", "correction", "count"]
InboundState = Literal["planned", "confirmed", "shipped", "received", "cancelled"]


class Sync(Message):
    """A batch of counts or changes. Rows are checked one by one: a bad one is quarantined."""

    mode: Literal["delta", "snapshot"]
    basis: Literal["physical", "net"] = "physical"
    scope: Literal["partial", "full"] = "partial"
    location: Id | None = None
    atomic: StrictBool = False
    source: Id = "api"
    rows: Rows


class StartOfDay(Message):
    """All counts of one location as of one moment; orders in flight are left as they are.

    Each row has sku, quantity, status and `picked`: units picked for open orders and not counted.
    """

    id: Id
    location: Id
    effective_at: Moment
    basis: Literal["physical", "net"] = "physical"
    source: Id = "start of day"
    rows: Rows


class Replay(Message):
    """Which quarantined rows to send again: those named, or all that wait, of one feed or any."""

    feed: Id | None = None
    ids: Annotated[list[RowId], Field(min_length=1, max_length=SYNC_ROWS_MAX)] | None = None


class Correction(Message):
    """One change at one position: a new count, or a difference."""

    location: Id
    quantity: Units | None = None
    delta: SignedUnits | None = None
    status: Status = "available"
    reason: Reason
    effective_at: Moment | None = None
    id: Id | None = None

    @model_validator(mode="after")
    def _one_figure(self) -> Self:
        if (self.quantity is None) == (self.delta is None):
            raise ValueError("give exactly one of quantity and delta")
        return self


class Move(Message):
    """Units that change status at a position."""

    id: Id
    sku: Id
    location: Id
    quantity: PositiveUnits
    from_status: Status
    to_status: Status


class Inbound(Message):
    """Dated supply on its way to a position."""

    sku: Id
    location: Id
    quantity: Units
    expected_at: Moment
    state: InboundState = "planned"


class Receipt(Message):
    """Units of an inbound that have arrived; `id` makes a repeat harmless."""

    id: Id
    quantity: PositiveUnits
    received_at: Moment | None = None
    status: Status = "available"


class Approval(Message):
    """What becomes of goods that await approval; without a quantity, of all of them."""

    id: Id
    quantity: PositiveUnits | None = None
    status: Literal["available", "frozen", "defective", "scrap"] = "available"
