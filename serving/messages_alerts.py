"""Bodies about alerts: later, from when on, and whom to tell."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from serving.messages import Id, Message, Moment, Number, Text

DAYS_MAX = 3650
Days = Annotated[Number, Field(ge=0, le=DAYS_MAX)]


class Snooze(Message):
    """Until when an alert is not to be heard of: a moment, or so many days from now."""

    until: Moment | None = None
    days: Annotated[Number, Field(gt=0, le=365)] | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.until is None) == (self.days is None):
            raise ValueError("give until or days")
        return self


class Thresholds(Message):
    """From when on a SKU is worth an alert; null for what is usual. From how many units on it is
    low, `PUT /low-marks/{sku}` says.
    """

    low_cover_days: Days | None = None
    """Stock that lasts less than this is low although an order is on its way; usually 3."""
    over_cover_days: Days | None = None
    """Stock above the order-up-to level is too much when it lasts this much longer; usually 30."""
    slow_cover_days: Annotated[Number, Field(gt=0, le=DAYS_MAX)] | None = None
    """Stock that lasts longer than this moves slowly; usually 180."""
    expiring_days: Days | None = None
    """Units that will not sell before they expire are told so many days ahead; usually 7."""


class Subscription(Message):
    """Who is told of which alerts."""

    method: Literal["email", "webhook"]
    target: Annotated[str, Field(min_length=3, max_length=2000)]
    """A mail address, or the https URL of a webhook (signed as Standard Webhooks has it)."""
    kinds: Annotated[list[Id], Field(max_length=50, default_factory=list)]
    """Empty: every kind."""
    locations: Annotated[list[Id], Field(max_length=1000, default_factory=list)]
    """Empty: everywhere, and what has no place."""
    severity_min: Literal["info", "warning", "critical"] = "warning"
    with_resolved: bool = False
    """Also tell when an alert is over."""
    digest_above: Annotated[int, Field(strict=True, ge=0, le=1000)] = 5
    """More than so many within `digest_minutes` come as one digest, no oftener than that."""
    digest_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 60
