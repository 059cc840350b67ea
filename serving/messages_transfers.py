"""Bodies about transfers: lanes, proposals and changes by people, what left and what came."""

from typing import Annotated, Literal

from pydantic import Field

from inventory.transfers import LINES_MAX
from serving.messages import Day, Id, Message, Money, PositiveUnits, Text, Units

Act = Literal["accept", "approve", "reject", "ship", "redate", "receive", "cancel", "close"]

LEAD_TIME_DAYS_MAX = 365


class Lane(Message):
    """A way from one location to another."""

    freight_per_unit: Money
    """Money for the way of one unit."""
    handling_per_unit: Money = 0.0
    """Money for taking a unit off one shelf and putting it on another."""
    lead_time_days: Annotated[int, Field(strict=True, ge=0, le=LEAD_TIME_DAYS_MAX)]
    """From the decision to the shelf at the other end."""
    capacity_units: PositiveUnits | None = None
    """Units that one transfer carries, of all SKUs together; without it, as many as there are."""


class ProposedLine(Message):
    """So many of a SKU."""

    sku: Id
    quantity: PositiveUnits
    keep_units: Units | None = None
    """What approval leaves the origin; without it, its reorder point."""


class Proposal(Message):
    """A transfer that a person wants."""

    origin: Id
    destination: Id
    lines: Annotated[list[ProposedLine], Field(min_length=1, max_length=LINES_MAX)]
    reason: Text | None = None


class EditedLine(Message):
    """A new quantity for one SKU; 0 takes the line out."""

    sku: Id
    quantity: Units


class Edit(Message):
    """What a person changes before approval, and why."""

    lines: Annotated[list[EditedLine], Field(min_length=1, max_length=LINES_MAX)]
    reason: Text


class MovedLine(Message):
    """So many of a SKU that left, or came."""

    sku: Id
    quantity: PositiveUnits
    status: Literal["available", "inspection", "frozen", "defective"] | None = None
    """Of what came: on which shelf it stands; available without it."""


class Step(Message):
    """A step in the life of a transfer. Without lines: all of it."""

    id: Id | None = None
    lines: Annotated[list[MovedLine], Field(min_length=1, max_length=LINES_MAX)] | None = None
    reason: Text | None = None
    expected_on: Day | None = None
    """Shipped or dated anew: the day on which it comes; shipped without it, as its lane says."""
