"""Checks that the kinds of the catalogue share: each raises `InputRejected` with the field."""

import math
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from inventory.errors import InputRejected

CHARACTERS_MAX = 200

CODE_LETTERS = 3
"""Of a currency."""


def one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise unless the value is one of those that there are."""
    if value not in allowed:
        raise InputRejected(f"'{value}' is not one of {', '.join(allowed)}", field=name)


def at_least(name: str, value: float | None, least: int) -> None:
    """Raise unless the value, where there is one, is a number of `least` or more."""
    if value is not None and not (value >= least and math.isfinite(value)):
        raise InputRejected(f"{value} is not a number of {least} or more", field=name)


def between(name: str, value: float | None, least: float, most: float) -> None:
    """Raise unless the value, where there is one, lies between these."""
    if value is not None and not least <= value <= most:
        raise InputRejected(f"{value} is not between {least} and {most}", field=name)


def period(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raise unless the moments have zones and are in order."""
    for name, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if moment is not None and moment.tzinfo is None:
            raise InputRejected("give the time with its zone", field=name)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise InputRejected("must be after starts_at", field="ends_at")


def known_zone(name: str) -> None:
    """Raise unless a time zone has that name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputRejected(
            f"'{name}' is not a time zone; use a name such as Europe/Berlin", field="timezone"
        ) from error


def sound_id(value: str) -> None:
    """Raise unless the value may be an id."""
    if not 1 <= len(value) <= CHARACTERS_MAX or not value.isprintable():
        raise InputRejected(
            f"an id is a text of 1 to {CHARACTERS_MAX} printable characters", field="id"
        )
    if value != value.strip():
        raise InputRejected(f"'{value}' begins or ends with a blank; leave it out", field="id")
    if "/" in value:
        # It would end the part of a path that the id is.
        raise InputRejected(f"'{value}' has a slash; write another sign for it, as '-'", field="id")


def sound_currency(code: str | None) -> None:
    """Raise unless the value, where there is one, may be the code of a currency."""
    if code is not None and not (len(code) == CODE_LETTERS and code.isascii() and code.isupper()):
        raise InputRejected(f"'{code}' is no code of ISO 4217; write e.g. EUR", field="currency")
