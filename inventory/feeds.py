"""What a feed may say about stock, row by row, and what is done about a row that is wrong.

A feed is a list of rows from one source. Each row is read on its own: one that cannot be understood
is quarantined with the field and the remedy, and the others go in. Every feed declares

* its basis: PHYSICAL counts what is on the shelf; NET has already taken off the orders that the
  source knows to be open, so those are added back to get the physical count;
* its scope: a PARTIAL feed speaks of its rows only; in a FULL one an absent row means zero, unless
  the file is so short that it must have been cut off on its way.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, get_args

from inventory.errors import InputRejected
from inventory.ledger import STATUSES, Basis

Mode = Literal["delta", "snapshot"]
Scope = Literal["partial", "full"]

ROWS_MAX = 10_000
"""Rows of one feed message: they are taken in one transaction, in about a quarter of a second."""

UNITS_MAX = 10**12
"""A position never holds a trillion units; a larger number is a broken file."""

SEQUENCE_MAX = 2**63 - 1

CHARACTERS_MAX = 200
"""Longest id or name that a row may carry."""

BODY_SEPARATOR = "\x1f"
"""Between the fields of a row where they are hashed: a control character, which no field holds."""

CLOCK_TOLERANCE = timedelta(seconds=5)
"""A source this far ahead of our clock is an ordinary clock; further ahead it is flagged."""

FULL_SHARE_MIN = 0.5
"""A FULL file with less than this share of the last one's rows is taken to be cut off."""

REASONS = ("restock", "damage", "theft", "return", "correction", "count")
"""Why a person corrects a balance by hand."""

_STATUSES = frozenset(STATUSES)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row or a feed: where, and what to do about it."""

    field: str | None
    problem: str

    def as_dict(self) -> dict[str, str | None]:
        return {"field": self.field, "detail": self.problem}


class Stated(NamedTuple):
    """One row that can be understood."""

    message_id: str
    sku: str
    location: str
    status: str
    units: int
    effective_at: datetime
    sequence: int | None
    reason: str | None
    clamped: bool
    body_hash: bytes
    """Same id and same hash: the same message again. Same id, another hash: a mistake."""


class _Wrong(Exception):
    def __init__(self, field: str | None, problem: str) -> None:
        self.found = Problem(field, problem)


def check(*, mode: Mode, basis: Basis, scope: Scope, rows: int) -> None:
    """Raise `InputRejected` where a feed as a whole makes no sense."""
    for name, value, allowed in (
        ("mode", mode, get_args(Mode)),
        ("basis", basis, get_args(Basis)),
        ("scope", scope, get_args(Scope)),
    ):
        if value not in allowed:
            raise InputRejected(f"{value!r} is not one of {', '.join(allowed)}", field=name)
    if rows > ROWS_MAX:
        raise InputRejected(
            f"{rows} rows in one message; send at most {ROWS_MAX} at a time", field="rows"
        )
    if mode == "delta" and scope == "full":
        raise InputRejected(
            "a full feed lists counts; send mode 'snapshot', or scope 'partial'", field="scope"
        )
    if mode == "delta" and basis == "net":
        raise InputRejected(
            "changes are physical; only counts (mode 'snapshot') can be net", field="basis"
        )


def read_row(
    row: object, *, mode: Mode, basis: Basis = "physical", location: str | None, now: datetime
) -> Stated | Problem:
    """Understand one row of a feed, or say which field is wrong and what to send instead.

    `location` stands in for rows that name none. Times ahead of `now` are set back to it.
    """
    if not isinstance(row, Mapping):
        return Problem(None, "the row is not an object with named fields; send {'id': ..., ...}")
    try:
        return _stated(row, mode=mode, basis=basis, location=location, now=now)
    except _Wrong as wrong:
        return wrong.found


def _stated(
    row: Mapping[str, object], *, mode: Mode, basis: Basis, location: str | None, now: datetime
) -> Stated:
    get = row.get
    message_id = _text(get("id"), "id")
    sku = _text(get("sku"), "sku")
    place = get("location")
    place = _text(location if place is None else place, "location")
    status = get("status", "available")
    if not isinstance(status, str) or status not in _STATUSES:
        raise _Wrong("status", f"{status!r} is not a status; use one of {', '.join(STATUSES)}")
    units = _units(get("quantity"), mode)
    told_at = _moment(get("effective_at"))
    sequence = _sequence(get("sequence"))
    reason = get("reason")
    if reason is not None:
        reason = _text(reason, "reason")
    stamp = told_at.timestamp().hex()
    body = (mode, basis, sku, place, status, str(units), stamp, str(sequence), reason or "")
    return Stated(
        message_id,
        sku,
        place,
        status,
        units,
        min(told_at, now),
        sequence,
        reason,
        told_at > now + CLOCK_TOLERANCE,
        hashlib.blake2b(BODY_SEPARATOR.join(body).encode(), digest_size=16).digest(),
    )


def _text(value: object, field: str) -> str:
    if isinstance(value, str) and value and len(value) <= CHARACTERS_MAX and value.isprintable():
        return value
    if value is None or value == "":
        raise _Wrong(field, f"'{field}' is missing; every row needs one")
    raise _Wrong(field, f"'{field}' must be a text of 1 to {CHARACTERS_MAX} printable characters")


def _units(value: object, mode: Mode) -> int:
    if type(value) is not int:
        if value is None:
            raise _Wrong("quantity", "'quantity' is missing; send a whole number of units")
        shown = f"{value!r:.40}"
        raise _Wrong("quantity", f"{shown} is not a whole number; send units as an integer")
    if mode == "snapshot" and value < 0:
        raise _Wrong("quantity", f"a count cannot be {value!r:.40}; a snapshot is zero or more")
    if abs(value) > UNITS_MAX:
        shown = f"{value!r:.40}"
        raise _Wrong("quantity", f"{shown} is beyond any stock; send at most {UNITS_MAX} units")
    return value


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    else:
        moment = value if isinstance(value, datetime) else None
    if moment is None:
        shown = "missing" if value is None else f"{value!r:.60}"
        raise _Wrong(
            "effective_at",
            f"'effective_at' is {shown}; send an RFC 3339 time such as 2026-07-01T06:00:00Z",
        )
    if moment.tzinfo is None:
        raise _Wrong(
            "effective_at",
            f"'{value}' has no time zone; add Z for UTC or an offset such as +02:00",
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _Wrong("effective_at", f"'{value}' is outside the calendar") from None


def _sequence(value: object) -> int | None:
    if value is None or (type(value) is int and abs(value) <= SEQUENCE_MAX):
        return value
    raise _Wrong(
        "sequence", f"{value!r:.40} is not a whole number; send an integer or leave it out"
    )


def clamp_notice(row: Stated, now: datetime) -> Problem | None:
    """The flag of a row whose source's clock runs ahead of ours."""
    if not row.clamped:
        return None
    return Problem(
        "effective_at",
        f"the source's clock is ahead of ours; taken as true at {now.isoformat()}; set its clock",
    )


def elsewhere(row: Stated, location: str) -> Problem:
    """A row of another location in the FULL file of one."""
    return Problem(
        "location",
        f"this is the full file of '{location}'; send the rows of '{row.location}' in another",
    )


def shown(message_id: str) -> str:
    """An id as it can be sent back: half of a surrogate pair, which is no text, as `?`."""
    return message_id.encode(errors="replace").decode()


def used_before(message_id: str) -> Problem:
    """Two different rows under one id: the first stands."""
    return Problem(
        "id",
        f"id '{message_id}' was used before for a different row, which stands; "
        "send this one under a new id",
    )


def refused_with_others(first_row: int, first: Problem) -> Problem:
    """A good row of an atomic feed that had a bad one."""
    return Problem(
        None,
        f"not taken, because row {first_row} of this all-or-nothing feed was refused: "
        f"{first.problem}",
    )


def nothing_read(location: str | None) -> Problem:
    """A FULL file that says nothing: it may be empty because something broke on its way."""
    whose = "the full file" if location is None else f"the full file of '{location}'"
    return Problem(
        "rows",
        f"{whose} has no row that could be read, so all SKUs keep their stock. Send the whole "
        "file, or send it as scope 'partial' with a zero for each SKU that is gone",
    )


def truncation(
    *, rows: int, last_rows: int | None, share_min: float, location: str
) -> Problem | None:
    """Why the absent rows of a FULL file must not be set to zero, if they must not.

    The first FULL file of a feed has nothing to be compared with, and is believed.

    >>> truncation(rows=50, last_rows=100, share_min=0.5, location="S1") is None
    True
    >>> truncation(rows=49, last_rows=100, share_min=0.5, location="S1").field
    'rows'
    """
    if last_rows is None or rows >= share_min * last_rows:
        return None
    return Problem(
        "rows",
        f"the full file of '{location}' has {rows} rows and the last one had {last_rows}: it looks "
        "cut off, so absent SKUs keep their stock. Send the whole file, or send it as "
        "scope 'partial' with a zero for each SKU that is gone",
    )
