"""Reservations as a state machine: what is asked, what was promised, which acts are allowed.

    active ──confirm──▶ confirmed ──allocate──▶ allocated ──process──▶ processed ──ship──▶ shipped
       ├──release──▶ released          │              │                    │
       └── clock ──▶ expired           └──────────────┴── cancel ──▶ cancelled
                                                      └── reject ──▶ rejected

A rejected line goes back to its group, with the location that rejected it excluded, and may be
allocated again. Expiry is logical: a reservation is expired from the very instant `expires_at`,
whether or not anybody has written that down yet.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, get_args

from inventory.errors import InputRejected, ReservationExpired, StateConflict

Kind = Literal["soft", "hard", "preorder"]
KINDS: tuple[str, ...] = get_args(Kind)

SOFT_TTL_SECONDS = 900
"""Life of a cart where its channel says nothing else: 15 minutes."""

ORDER_TTL_SECONDS = 172_800
"""Life of an order that was placed and not confirmed: 48 hours."""

TTL_SECONDS_MAX = 366 * 86_400

LINES_MAX = 1_000
"""Largest basket that one request may hold: every line is locked until it is decided."""

UNITS_MAX = 1_000_000_000
"""Largest quantity of one line: sums of many lines stay far inside 64 bits."""

AFTER: dict[str, dict[str, str]] = {
    "confirm": {"active": "confirmed"},
    "extend": {"active": "active"},
    "release": {"active": "released"},
    "allocate": {"confirmed": "allocated", "allocated": "allocated", "rejected": "allocated"},
    "process": {"allocated": "processed"},
    "ship": {"allocated": "shipped", "processed": "shipped"},
    "cancel": dict.fromkeys(("confirmed", "allocated", "processed", "rejected"), "cancelled"),
    "reject": dict.fromkeys(("confirmed", "allocated", "processed"), "rejected"),
    "return": {"shipped": "shipped"},
    "redate": {state: state for state in ("confirmed", "allocated", "rejected")},
}
"""For each act: the states it is allowed from, and the state it leads to."""

TERMINAL = frozenset({"shipped", "released", "expired", "cancelled"})
"""States without open units. `rejected` is one of them once nothing went back to a group."""


@dataclass(frozen=True, slots=True)
class AskedLine:
    """So many of a SKU or bundle; at a location of its own, or at the place of the basket."""

    sku: str
    quantity: int
    location: str | None = None
    on_behalf: bool = False
    """The location was chosen for the customer: it fulfils as a member of the basket's group does,
    and what it rejects goes back to that group. One that was named is taken at its word."""


@dataclass(frozen=True, slots=True)
class Basket:
    """What a customer asks to have promised, all of it or none (or what can be had)."""

    kind: str
    channel: str
    method: str
    lines: tuple[AskedLine, ...]
    location: str | None = None
    group: str | None = None
    on: date | None = None
    ttl_seconds: int | None = None
    allow_partial: bool = False
    priority: int = 0
    order_id: str | None = None

    def check(self) -> None:
        """Raise `InputRejected` naming the field, or the row of the line, that is wrong."""
        if self.kind not in KINDS:
            raise InputRejected(f"must be one of {', '.join(KINDS)}", field="kind")
        if not self.lines:
            raise InputRejected("give at least one line", field="lines")
        if len(self.lines) > LINES_MAX:
            raise InputRejected(f"at most {LINES_MAX} lines in one basket", field="lines")
        if self.location is not None and self.group is not None:
            raise InputRejected("give a location or a group, not both", field="group")
        check_ttl(self.ttl_seconds)
        for row, line in enumerate(self.lines):
            if not 0 < line.quantity <= UNITS_MAX:
                problem = f"must be a whole number from 1 to {UNITS_MAX}"
                raise InputRejected(problem, field="quantity", row=row)
            if line.location is None and self.location is None and self.group is None:
                problem = "give a location or a group, for the basket or for the line"
                raise InputRejected(problem, field="location", row=row)

    @property
    def arrives_as_order(self) -> bool:
        """An order that comes with its id needs no second step: it is confirmed as it is placed."""
        return self.kind != "soft" and self.order_id is not None and self.ttl_seconds is None

    @property
    def commitment_class(self) -> str:
        return {"soft": "soft", "hard": "hard", "preorder": "peg"}[self.kind]


def check_ttl(ttl_seconds: int | None) -> None:
    """Raise `InputRejected` unless it is a life that a hold can have."""
    if ttl_seconds is not None and not 0 < ttl_seconds <= TTL_SECONDS_MAX:
        raise InputRejected(f"must be from 1 to {TTL_SECONDS_MAX}", field="ttl_seconds")


@dataclass(frozen=True, slots=True)
class PromisedLine:
    """Units of one SKU promised for a day; at a location, or at a group until it is located."""

    line_no: int
    request_line: int
    sku: str
    quantity: int
    promised_date: date
    open_units: int
    location: str | None = None
    group: str | None = None
    shipped_units: int = 0
    returned_units: int = 0
    excluded: tuple[str, ...] = ()
    bundle: str | None = None
    bundle_units: int | None = None
    filled_at: datetime | None = None
    """When goods that arrived were set aside for a pre-order."""
    first_promised_date: date | None = None
    """Where the date was moved: the one that was told first."""
    backordered: bool = False
    """What was missing when the rest was shipped, and is waited for."""
    pre_sale: str | None = None
    """The pre-sale under which it was sold before the stock was there."""

    fulfilment_probability: float | None = field(default=None, compare=False)
    """How likely it is to be kept; worked out for who asks, and not written down."""

    def as_dict(self) -> dict[str, object]:
        body: dict[str, object] = {"line": self.line_no, "sku": self.sku, "quantity": self.quantity}
        if self.location is not None:
            body["location"] = self.location
        if self.group is not None:
            body["group"] = self.group
        body["promised_date"] = self.promised_date.isoformat()
        if self.first_promised_date is not None:
            body["first_promised_date"] = self.first_promised_date.isoformat()
        if self.filled_at is not None:
            body["filled_at"] = self.filled_at.isoformat()
        if self.backordered:
            body["backordered"] = True
        body["open"] = self.open_units
        body["shipped"] = self.shipped_units
        if self.returned_units:
            body["returned"] = self.returned_units
        if self.excluded:
            body["excluded_locations"] = list(self.excluded)
        if self.fulfilment_probability is not None:
            body["fulfilment_probability"] = self.fulfilment_probability
        if self.pre_sale is not None:
            body["pre_sale"] = self.pre_sale
        return body


@dataclass(frozen=True, slots=True)
class Reservation:
    """A promise, as it stands."""

    id: str
    kind: str
    state: str
    channel: str
    method: str
    created_at: datetime
    lines: tuple[PromisedLine, ...]
    expires_at: datetime | None = None
    priority: int = 0
    order_id: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The reservation as it goes over the wire; a bundle is one line with its components."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "channel": self.channel,
            "method": self.method,
            "priority": self.priority,
            "order_id": self.order_id,
            "created_at": self.created_at.isoformat(),
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
            "lines": [_request_line(lines) for lines in _by_request_line(self.lines)],
        }

    @property
    def open_units(self) -> int:
        return sum(line.open_units for line in self.lines)

    @property
    def waits(self) -> bool:
        """Whether goods that arrive may be set aside for a line of it."""
        return self.kind == "preorder" or any(line.backordered for line in self.lines)


def _by_request_line(lines: Sequence[PromisedLine]) -> list[list[PromisedLine]]:
    """One entry per line in a response: components of one bundle together, others alone."""
    entries: dict[tuple[int, int], list[PromisedLine]] = {}
    for line in lines:
        alone = 0 if line.bundle is not None else line.line_no
        entries.setdefault((line.request_line, alone), []).append(line)
    return list(entries.values())


def _request_line(lines: Sequence[PromisedLine]) -> dict[str, object]:
    first = lines[0]
    if first.bundle is None:
        return first.as_dict()
    body: dict[str, object] = {"sku": first.bundle, "quantity": first.bundle_units}
    places = {line.location for line in lines}
    if len(places) == 1 and first.location is not None:
        body["location"] = first.location
    if first.group is not None:
        body["group"] = first.group
    body["promised_date"] = first.promised_date.isoformat()
    chances = [line.fulfilment_probability for line in lines]
    known = [chance for chance in chances if chance is not None]
    if len(known) == len(lines):
        body["fulfilment_probability"] = round(math.prod(known), 4)
    body["components"] = [line.as_dict() for line in lines]
    return body


def as_of(reservation: Reservation, now: datetime) -> Reservation:
    """The reservation with its logical state: expired from the instant of expiry."""
    if reservation.state != "active" or is_live(reservation.expires_at, now):
        return reservation
    return replace(reservation, state="expired", lines=closed(reservation.lines))


def is_live(expires_at: datetime | None, now: datetime) -> bool:
    """Whether a hold still counts: strictly before its expiry."""
    return expires_at is None or expires_at > now


def closed(lines: Sequence[PromisedLine]) -> tuple[PromisedLine, ...]:
    """The lines without open units."""
    return tuple(replace(line, open_units=0) for line in lines)


def asked_again(expired: Reservation, *, order_id: str | None, now: datetime) -> Basket:
    """The basket that an expired reservation was, to be promised anew, for no day that is over."""
    asked = []
    for lines in _by_request_line(expired.lines):
        first, units = lines[0], sum(line.quantity for line in lines)
        sku, units = (
            (first.sku, units)
            if first.bundle is None
            else (first.bundle, first.bundle_units or units)
        )
        asked.append(AskedLine(sku, units, first.location))
    last_day = max(line.promised_date for line in expired.lines)
    return Basket(
        kind=expired.kind,
        channel=expired.channel,
        method=expired.method,
        lines=tuple(asked),
        group=next((line.group for line in expired.lines if line.group is not None), None),
        on=last_day if last_day > now.date() else None,
        priority=expired.priority,
        order_id=order_id,
    )


def next_state(reservation: Reservation, act: str) -> str:
    """Where an act leads, or raise when it is not allowed. `reservation` is as of now."""
    if reservation.state == "expired":
        raise ReservationExpired(reservation.id)
    state = AFTER[act].get(reservation.state)
    if state is None or (reservation.state == "rejected" and not reservation.open_units):
        raise StateConflict("reservation", reservation.id, state=reservation.state, act=act)
    return state


def life_seconds(basket: Basket, *, soft_ttl_seconds: int, order_ttl_seconds: int) -> int:
    """How long the hold lives unless it is confirmed: as asked, or as its channel says."""
    if basket.ttl_seconds is not None:
        return basket.ttl_seconds
    return soft_ttl_seconds if basket.kind == "soft" else order_ttl_seconds
