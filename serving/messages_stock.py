"""Bodies of stock: feeds, corrections, moves, inbound supply."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from serving.messages import Id, Message, Moment, PositiveUnits, SignedUnits, Units

SYNC_ROWS_MAX = 10_000

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
    rows: list[Any]


class StartOfDay(Message):
    """All counts of one location as of one moment; orders in flight are left as they are.

    Each row has sku, quantity, status and `picked`: units picked for open orders and not counted.
    """

    id: Id
    location: Id
    effective_at: Moment
    basis: Literal["physical", "net"] = "physical"
    source: Id = "start of day"
    rows: list[Any]


class Replay(Message):
    """Which quarantined rows to send again: those named, or all that wait, of one feed or any."""

    feed: Id | None = None
    ids: Annotated[list[StrictInt], Field(min_length=1, max_length=SYNC_ROWS_MAX)] | None = None


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
