"""Bodies of the promise path: availability, reservations, orders."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails

from serving.messages import Day, Id, Message, Method, Moment, PositiveUnits, Text

LINES_MAX = 500
"""Largest basket one request may hold; larger orders arrive as several reservations."""

QUERY_ITEMS_MAX = 1000

TtlSeconds = Annotated[StrictInt, Field(gt=0, le=366 * 86400)]
HorizonDays = Annotated[int, Field(ge=1, le=365)]


class AvailabilityItem(Message):
    """One question: how many units of a SKU may be promised, where, through which view."""

    sku: Id
    location: Id | None = None
    group: Id | None = None
    channel: Id | None = None
    method: Method | None = None
    quantity: PositiveUnits | None = None
    """Also find the earliest date for so many, and how likely it is to be kept."""
    on: Day | None = None
    """`atp` and `raw` of this day, rather than of the first that is left."""
    horizon: HorizonDays | None = None
    """Days to show after the first. The look-ahead always reaches the last promise."""
    explain: StrictBool = False
    """Add the terms that sum to `raw`."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.location is None) == (self.group is None):
            raise ValueError("give exactly one of location and group")
        return self


@dataclass(frozen=True, slots=True)
class Malformed:
    """A question that cannot be understood: it gets a problem in its place, the others answers."""

    errors: tuple[ErrorDetails, ...]


def _judged(items: object, understand: ValidatorFunctionWrapHandler) -> object:
    """All items at once, which is fastest; one by one where something is wrong with some."""
    try:
        return understand(items)
    except ValidationError:
        if isinstance(items, list) and items:
            return [_judged_alone(item) for item in items]
        raise


def _judged_alone(item: object) -> "AvailabilityItem | Malformed":
    try:
        return AvailabilityItem.model_validate(item)
    except ValidationError as error:
        return Malformed(tuple(error.errors()))


class AvailabilityQuery(Message):
    """Up to 1,000 questions, answered in order."""

    items: Annotated[list[AvailabilityItem], Field(min_length=1), WrapValidator(_judged)]

    def questions(self) -> list[AvailabilityItem | Malformed]:
        """Every item in its place, understood or not."""
        return list(self.items)


class ReservationLine(Message):
    """Units of one SKU; `location` overrides the reservation's place for this line."""

    sku: Id
    quantity: PositiveUnits
    location: Id | None = None


class Reservation(Message):
    """A basket to promise, all of it or, with `allow_partial`, what there is."""

    kind: Literal["soft", "hard", "preorder"] = "soft"
    channel: Id
    method: Method
    location: Id | None = None
    group: Id | None = None
    on: Day | None = None
    """The day to promise for. Not given: the first that is left, and of a pre-order the first on
    which it can be had."""
    lines: Annotated[list[ReservationLine], Field(min_length=1, max_length=LINES_MAX)]
    ttl_seconds: TtlSeconds | None = None
    """Life of the hold; not given: what the channel says."""
    allow_partial: StrictBool = False
    """Give each line what can be had, rather than all lines or none."""
    priority: Annotated[StrictInt, Field(ge=-1000, le=1000)] = 0
    """Among promises for one day, the higher one is served first when goods come."""
    order_id: Id | None = None
    """An order or pre-order with its id, and without `ttl_seconds`, is confirmed at once."""

    @model_validator(mode="after")
    def _place(self) -> Self:
        if self.location is not None and self.group is not None:
            raise ValueError("give one of location and group, not both")
        if self.location is None and self.group is None:
            missing = [n for n, line in enumerate(self.lines) if line.location is None]
            if missing:
                raise ValueError(f"line {missing[0]} has no place: give location or group")
        return self


class Confirmation(Message):
    """The order that a live hold became."""

    order_id: Id
    reacquire: StrictBool = False
    """After its expiry: promise the same lines anew, if they can still be had, and confirm that."""


class Extension(Message):
    """A new lifetime for a live hold, counted from now."""

    ttl_seconds: TtlSeconds


class Release(Message):
    """Which hold to let go, where the path does not say it; `reservation_id` says the same."""

    id: Annotated[Id, Field(validation_alias=AliasChoices("id", "reservation_id"))]


class OrderLine(Message):
    """Units of one line of an order that an act is about."""

    sku: Id
    quantity: PositiveUnits
    location: Id | None = None
    status: Text | None = None

    def as_dict(self) -> dict[str, Any]:
        """The line without what was not said."""
        return self.model_dump(exclude_none=True)


class OrderAct(Message):
    """Something that happened to an order; `id` makes a repeat harmless."""

    id: Id
    lines: Annotated[list[OrderLine], Field(min_length=1, max_length=LINES_MAX)] | None = None
    location: Id | None = None
    at: Moment | None = None
    reason: Text | None = None
    rest: Literal["cancel", "backorder"] | None = None
    """Of `ship`: units that are not in the shipment are given up, unless they are owed."""
    on: Day | None = None
    """Of `redate`: the new day; the first that can be kept when it does not say."""
    strategy: Literal["proximity", "cost", "balanced", "performance", "hybrid"] | None = None
    """Of `allocate`: how locations are compared; as the order was sourced when it does not say."""
