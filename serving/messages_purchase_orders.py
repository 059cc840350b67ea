"""Bodies of orders to vendors: edits by planners and buyers, and what vendors report."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from serving.messages import Day, Id, Message, Moment, Money, Text, Units

LINES_MAX = 1000

Act = Literal[
    "accept", "approve", "reject", "send", "confirm", "ship", "redate", "receive", "cancel", "close"
]


Urgency = Literal["critical", "high", "medium", "low"]
Sort = Literal["newest", "urgency", "value"]


Version = Annotated[StrictInt, Field(ge=1)] | None


class EditedLine(Message):
    """A new quantity for one SKU; 0 takes the line out."""

    sku: Id
    quantity: Units


class Edit(Message):
    """What a person changes in an order before it is sent, and why."""

    lines: Annotated[list[EditedLine], Field(min_length=1, max_length=LINES_MAX)] | None = None
    expected_on: Day | None = None
    reason: Text | None = None
    override: StrictBool = False
    """That packs, minimum, maximum or the vendor's least order are broken on purpose."""
    version: Version = None
    """Of the order as it was read: where it changed since, nothing is done (409)."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.lines is None and self.expected_on is None:
            raise ValueError("give lines, expected_on or both")
        return self


PARTS_MAX = 100


class ReportedPart(Message):
    """Some units of a line, which come together."""

    quantity: Units
    expected_on: Day | None = None
    expected_at: Moment | None = None
    """Where more than the day is known."""


class ReportedLine(Message):
    """One line of an order as confirmed, shipped, re-dated, received, or cancelled in part."""

    line: Annotated[StrictInt, Field(ge=1)] | None = None
    """Its number; or name it by `sku`."""
    sku: Id | None = None
    quantity: Units | None = None
    """Confirmed: all that will come of it, 0 for no more. Shipped or received: of this delivery.
    Cancelled: of what has not left; by default all of that."""
    status: Literal["available", "inspection", "frozen", "defective"] | None = None
    expected_on: Day | None = None
    expected_at: Moment | None = None
    """Where more than the day is known."""
    unit_cost: Money | None = None
    """The price that the vendor confirmed."""
    parts: Annotated[list[ReportedPart], Field(min_length=1, max_length=PARTS_MAX)] | None = None
    """Confirmed or shipped: a line that comes on several days. Their quantities add up to it."""
    part: Annotated[StrictInt, Field(ge=1)] | None = None
    """Re-dated: that part alone, by its number."""
    shipment: Id | None = None
    """The vendor's number of the shipment: told when it leaves, and named when it is re-dated or
    received."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.line is None and self.sku is None:
            raise ValueError("name the line by its number or by its SKU")
        return self


class Step(Message):
    """A step in the life of an order. Without lines: all that is still open.

    `confirm` with lines confirms these, each as agreed but for what is said of it: units of others
    stay unconfirmed, and are no supply. `cancel` with lines takes units out that have not left the
    vendor; the order goes on.
    """

    id: Id | None = None
    """What a repeat is known by: a receipt or a document is booked once."""
    lines: Annotated[list[ReportedLine], Field(min_length=1, max_length=LINES_MAX)] | None = None
    reason: Text | None = None
    received_at: Moment | None = None
    """When goods arrived, if that was before now."""
    version: Version = None
    """Of the order as it was read: where it changed since, nothing is done (409)."""
