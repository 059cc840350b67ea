"""From what a planner says to an override, or to the reason why not: one door for every way in."""

import math
from datetime import date, datetime

from inventory.errors import InputRejected
from inventory.overrides import (
    BASES,
    NOTE_CHARS_MAX,
    REASON_CHARS_MAX,
    REASONS,
    Basis,
    Override,
    Scope,
)

FACTOR_MAX = 10.0
"""A larger factor is more often a slip (20 for 20 %) than a plan, and must be confirmed."""

FACTOR_CONFIRMED_MAX = 1000.0
QUANTITY_MAX = 1_000_000_000.0

DAYS_MAX = 731
"""Two years: what is true for longer belongs into the model."""

NOT_STATED_YET = 0
"""The id of an override before it is stored."""


def state_override(
    *,
    scope: Scope,
    first_day: date,
    last_day: date,
    reason: str,
    actor: str,
    now: datetime,
    quantity: float | None = None,
    quantity_basis: str = "total",
    factor: float | None = None,
    note: str = "",
    expires_at: datetime | None = None,
    confirmed: bool = False,
) -> Override:
    """The override, not stored yet; raises `InputRejected`, which names the field.

    confirmed : somebody meant a factor above `FACTOR_MAX`.
    """
    _check_days(first_day, last_day, expires_at, now=now)
    _check_value(quantity, factor, confirmed=confirmed)
    _check_words(reason, note)
    return Override(
        override_id=NOT_STATED_YET,
        scope=scope,
        first_day=first_day,
        last_day=last_day,
        reason=reason.strip(),
        created_by=actor,
        created_at=now,
        quantity=quantity,
        quantity_basis=_basis(quantity_basis),
        factor=factor,
        note=note,
        expires_at=expires_at,
    )


def _check_words(reason: str, note: str) -> None:
    if not reason.strip():
        raise InputRejected(f"say why: {', '.join(REASONS)}, or in words of your own",
                            field="reason")  # fmt: skip
    if len(reason) > REASON_CHARS_MAX:
        raise InputRejected(
            f"has {len(reason)} characters, {REASON_CHARS_MAX} at most; put the rest into the note",
            field="reason",
        )
    if len(note) > NOTE_CHARS_MAX:
        raise InputRejected(
            f"has {len(note)} characters, {NOTE_CHARS_MAX} at most; shorten it", field="note"
        )


def _basis(given: str) -> Basis:
    for basis in BASES:
        if given == basis:
            return basis
    raise InputRejected(f"no basis '{given}'; give one of {', '.join(BASES)}",
                        field="quantity_basis")  # fmt: skip


def _check_days(
    first_day: date, last_day: date, expires_at: datetime | None, *, now: datetime
) -> None:
    if last_day < first_day:
        raise InputRejected(
            f"ends on {last_day}, before it starts on {first_day}; give the last day", field="to"
        )
    if (last_day - first_day).days >= DAYS_MAX:
        raise InputRejected(
            f"is more than {DAYS_MAX} days after 'from'; state the years one by one", field="to"
        )
    if expires_at is not None and expires_at <= now:
        raise InputRejected(f"{expires_at.isoformat()} is over already", field="expires_at")
    if expires_at is not None and expires_at.date() < first_day:
        raise InputRejected(
            f"{expires_at.date()} is before the first day, {first_day}: the override would be gone "
            "before its days come",
            field="expires_at",
        )


def _check_value(quantity: float | None, factor: float | None, *, confirmed: bool) -> None:
    if quantity is not None and factor is not None:
        raise InputRejected(
            "give 'quantity' (units) or 'factor' (times the forecast), not both", field="factor"
        )
    if quantity is None and factor is None:
        raise InputRejected(
            "give 'quantity' (units) or 'factor' (times the forecast)", field="quantity"
        )
    if quantity is not None and not 0 <= quantity <= QUANTITY_MAX:
        raise InputRejected(f"must lie between 0 and {QUANTITY_MAX:,.0f} units", field="quantity")
    if factor is not None:
        _check_factor(factor, confirmed=confirmed)


def _check_factor(factor: float, *, confirmed: bool) -> None:
    if not 0 <= factor <= FACTOR_CONFIRMED_MAX or math.isnan(factor):
        raise InputRejected(
            f"must lie between 0 and {FACTOR_CONFIRMED_MAX:g}: 1.2 is a fifth more than forecast",
            field="factor",
        )
    if factor > FACTOR_MAX and not confirmed:
        raise InputRejected(
            f"{factor:g} times the forecast is a lot (a fifth more is 1.2); if it is meant, say so "
            "with 'confirm'",
            field="factor",
        )
