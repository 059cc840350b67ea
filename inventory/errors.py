"""Every way Vouch can refuse a request, with the data of the refusal on the error.

VouchError
├── InputRejected          a value, row or file is wrong; names it and the remedy
│   ├── UnknownSku · UnknownLocation
├── NotFound               no such reservation, order, forecast, purchase order ...
├── InsufficientStock      more was asked for than can be promised
├── ReservationExpired     the hold ended by the clock
├── EventsExpired          the events asked for are not kept any more
├── StateConflict          the transition is not allowed from the state it is in
├── VersionConflict        it changed since the caller read it; says what changed
├── IdempotencyConflict    this id was used before, for something else
└── Unavailable            the database or data folder cannot be used; says what to do
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self


class VouchError(Exception):
    """Base of every refusal."""


class InputRejected(VouchError):
    """Something given is wrong. `field` and `row` say where, the message says what to do."""

    def __init__(self, problem: str, *, field: str | None = None, row: int | None = None) -> None:
        self.problem = problem
        self.field = field
        self.row = row
        where = [f"row {row}"] if row is not None else []
        where += [f"field '{field}'"] if field else []
        super().__init__(f"{', '.join(where)}: {problem}" if where else problem)


class UnknownSku(InputRejected):
    """No SKU of that name in the catalogue."""

    def __init__(self, sku: str, *, row: int | None = None) -> None:
        self.sku = sku
        super().__init__(
            f"SKU '{sku}' is not in the catalogue; add it with PUT /api/v2/skus/{sku} "
            "or `vouch import skus`",
            field="sku",
            row=row,
        )


class UnknownLocation(InputRejected):
    """No location of that name in the catalogue."""

    def __init__(self, location: str, *, row: int | None = None) -> None:
        self.location = location
        super().__init__(
            f"location '{location}' is not in the catalogue; add it with "
            f"PUT /api/v2/locations/{location} or `vouch import locations`",
            field="location",
            row=row,
        )


class NotFound(VouchError):
    """Nothing of that kind has that id. `remedy`: what to do about it, where that helps."""

    def __init__(self, kind: str, key: str, *, remedy: str = "") -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no {kind} '{key}'" + (f"; {remedy}" if remedy else ""))


@dataclass(frozen=True, slots=True)
class Shortage:
    """One line that cannot be promised in full."""

    sku: str
    place: str
    day: date
    asked_units: int
    available_units: int
    in_group: bool = False
    """Whether `place` is a group and not a location."""
    earliest_date: date | None = None
    """The first day on which all that was asked for can be had, where one is in sight."""

    def as_dict(self) -> dict[str, object]:
        earliest = self.earliest_date and self.earliest_date.isoformat()
        return asdict(self) | {"day": self.day.isoformat(), "earliest_date": earliest}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `as_dict` wrote down."""
        earliest = data.get("earliest_date")
        return cls(
            **{
                **data,
                "day": date.fromisoformat(data["day"]),
                "earliest_date": earliest and date.fromisoformat(earliest),
            }
        )

    def __str__(self) -> str:
        when = f", and all of them on {self.earliest_date}" if self.earliest_date else ""
        return (
            f"{self.sku} at {self.place} on {self.day}: asked for {self.asked_units} units, "
            f"{self.available_units} can be promised{when}"
        )


class InsufficientStock(VouchError):
    """More units were asked for than can be promised on that day."""

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        self.shortages = tuple(shortages)
        super().__init__("; ".join(map(str, self.shortages)))


class ReservationExpired(VouchError):
    """The hold reached its expiry before this request."""

    def __init__(self, reservation_id: str) -> None:
        self.reservation_id = reservation_id
        super().__init__(f"reservation '{reservation_id}' has expired; place a new one")


class EventsExpired(VouchError):
    """Some of the events after the one named are not kept any more."""

    def __init__(self, *, after: int, oldest: int) -> None:
        self.after = after
        self.oldest = oldest
        super().__init__(
            f"events up to {oldest - 1} are not kept any more, so some after {after} are gone; "
            f"read the present state of what you follow, then ask for events after {oldest - 1}"
        )


_NOT_ALLOCATED = {("ship", "confirmed"), ("process", "confirmed")}


class StateConflict(VouchError):
    """The thing is in a state from which this act is not allowed. `remedy`: what helps, if any."""

    def __init__(self, kind: str, key: str, *, state: str, act: str, remedy: str = "") -> None:
        self.kind = kind
        self.key = key
        self.state = state
        self.act = act
        self.remedy = remedy or ("allocate it first" if (act, state) in _NOT_ALLOCATED else "")
        # A sentence may name a setting; a lone word is a state.
        said = state if " " in state else state.replace("_", " ")
        told = f"cannot {act.replace('_', ' ')} {kind} '{key}': it is {said}"
        super().__init__(told + (f"; {self.remedy}" if self.remedy else ""))


class VersionConflict(VouchError):
    """It is not what the caller read any more. `changes`: the acts since then, the oldest first."""

    def __init__(
        self,
        kind: str,
        key: str,
        *,
        seen: int,
        version: int,
        changes: Sequence[Mapping[str, Any]],
    ) -> None:
        self.kind = kind
        self.key = key
        self.seen = seen
        self.version = version
        self.changes = tuple(changes)
        told = ", ".join(
            f"{change['act']} by {change.get('actor_name') or change['actor']}"
            + (f" ({change['reason']})" if change["reason"] else "")
            for change in self.changes
        )
        since = f", since when: {told}" if told else ""
        super().__init__(
            f"{kind} '{key}' is at version {version} and you saw {seen}{since}; look at it again, "
            f"then say version {version}"
        )


class IdempotencyConflict(VouchError):
    """The id was used before, with another body."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"id '{key}' was used before with a different body; use a new id")


class Unavailable(VouchError):
    """A part that Vouch stands on cannot be used. The message says what to do."""
