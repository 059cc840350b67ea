"""Bodies of orders to vendors: edits by planners and buyers, and what vendors report."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from serving.messages import Day, Id, Message, PositiveUnits, Text, Units

LINES_MAX = 1000

Act = Literal[
    "accept", "approve", "reject", "send", "confirm", "ship", "receive", "cancel", "close"
]


class EditedLine(Message):
    """A new quantity for one SKU; 0 takes the line out."""

    sku: Id
    quantity: Units


class Edit(Message):
    """What a person changes in an order before it is sent, and why."""

    lines: Annotated[list[EditedLine], Field(min_length=1, max_length=LINES_MAX)] | None = None
    expected_on: Day | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.lines is None and self.expected_on is None:
            raise ValueError("give lines, expected_on or both")
        return self


class ReportedLine(Message):
    """One SKU of an order as received or confirmed by the vendor."""

    sku: Id
    quantity: PositiveUnits | None = None
    status: Literal["available", "inspection", "frozen", "defective"] | None = None
    expected_on: Day | None = None


class Step(Message):
    """A step in the life of an order. Without lines: all that is still open."""

    id: Id | None = None
    lines: Annotated[list[ReportedLine], Field(min_length=1, max_length=LINES_MAX)] | None = None
    reason: Text | None = None
