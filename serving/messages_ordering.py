"""Bodies of what buyers state about ordering: terms, order days, and what needs no person."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from inventory.order_calendar import CLOSED_DAYS_MAX
from inventory.order_terms import SHARE_MAX
from serving.messages import Day, Id, Message, Money, Number

Share = Annotated[Number, Field(ge=0, le=SHARE_MAX)]
"""0.05 is 5 %."""
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class OrderTerms(Message):
    """What may differ, and when two buyers must approve; what is left out is as for all vendors."""

    over_receipt_share: Share | None = None
    """Units above those agreed that go on the shelf at once; more awaits approval."""
    invoice_quantity_share: Share | None = None
    invoice_price_share: Share | None = None
    second_approval_above: Money | None = None
    """Orders worth more need a second, different buyer."""


class OrderCalendar(Message):
    """Days on which a vendor takes orders; the most specific calendar of a line holds."""

    vendor: Id
    location: Id | None = None
    category: Id | None = None
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    closed_on: Annotated[list[Day], Field(max_length=CLOSED_DAYS_MAX)] = Field(
        default_factory=list[date]
    )
    """Days on which it takes none."""


class TransferTerms(Message):
    """When two buyers must approve what leaves a place; left out, as for all places."""

    second_approval_above: Money | None = None
    """Transfers worth more, at unit cost, need a second, different buyer."""


class AutoApproval(Message):
    """What all of this holds for needs no person; bound its value or its deviation."""

    subject: Literal["purchase_order", "transfer"] = "purchase_order"
    """What the rule is about: orders to vendors, or transfers between own locations."""
    vendor: Id | None = None
    """Of orders: from this vendor only."""
    origin: Id | None = None
    destination: Id | None = None
    """Of transfers: from there, to there only."""
    segments: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None
    """Classes by value and variation, as AX: those of all its lines must be among them."""
    value_max: Money | None = None
    deviation_max: Share | None = None
    """By what share of its usual quantity each line may differ."""
    enabled: bool = True


SKUS_PLANNED_MAX = 100
"""SKUs that are planned before the answer: a hundred take about a second."""


class Compute(Message):
    """SKUs whose policies and proposals are worked out anew."""

    skus: Annotated[list[Id], Field(min_length=1, max_length=SKUS_PLANNED_MAX)]
