"""A refusal as data, so that a repeat of a request is refused in exactly the same words."""

from collections.abc import Callable, Mapping
from typing import Any

from inventory.errors import (
    InputRejected,
    InsufficientStock,
    NotFound,
    ReservationExpired,
    Shortage,
    StateConflict,
    UnknownLocation,
    UnknownSku,
    VouchError,
)

FIELDS: dict[type[VouchError], tuple[str, ...]] = {
    UnknownSku: ("sku", "row"),
    UnknownLocation: ("location", "row"),
    InputRejected: ("problem", "field", "row"),
    NotFound: ("kind", "key"),
    InsufficientStock: ("shortages",),
    ReservationExpired: ("reservation_id",),
    StateConflict: ("kind", "key", "state", "act", "remedy"),
}
"""Refusals that stand for ever, and the data that makes them again."""

_MADE_BY: dict[str, Callable[[Mapping[str, Any]], VouchError]] = {
    "UnknownSku": lambda data: UnknownSku(data["sku"], row=data["row"]),
    "UnknownLocation": lambda data: UnknownLocation(data["location"], row=data["row"]),
    "InputRejected": lambda data: InputRejected(
        data["problem"], field=data["field"], row=data["row"]
    ),
    "NotFound": lambda data: NotFound(data["kind"], data["key"]),
    "InsufficientStock": lambda data: InsufficientStock(
        [Shortage.from_dict(shortage) for shortage in data["shortages"]]
    ),
    "ReservationExpired": lambda data: ReservationExpired(data["reservation_id"]),
    "StateConflict": lambda data: StateConflict(
        data["kind"],
        data["key"],
        state=data["state"],
        act=data["act"],
        remedy=data.get("remedy", ""),  # Records of before have none.
    ),
}


def as_record(error: VouchError) -> dict[str, Any] | None:
    """The refusal as JSON-able data; None for one that says nothing for ever (try again)."""
    fields = FIELDS.get(type(error))
    if fields is None:
        return None
    data = {name: getattr(error, name) for name in fields}
    if isinstance(error, InsufficientStock):
        data["shortages"] = [shortage.as_dict() for shortage in error.shortages]
    return {"error": type(error).__name__, **data}


def from_record(record: Mapping[str, Any]) -> VouchError:
    """The refusal that `as_record` wrote down."""
    return _MADE_BY[record["error"]](record)
