"""A basket that somebody wants placed, and how many of them travel to the database in one text."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.reservations import Basket, PromisedLine, Reservation

VALUES, COLUMNS = "\x1f", "\x1e"
"""The separators of ASCII for units and records: one text is far cheaper to send than arrays."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A basket that somebody wants placed under an id of its own, which must be new."""

    reservation_id: str
    basket: Basket
    actor: str = ""


def may_be_plain(basket: Basket) -> bool:
    """Whether it is worth asking the database; it has the last word."""
    return (
        basket.kind != "preorder"
        and basket.order_id != ""
        and not basket.allow_partial
        and (basket.location is not None or all(line.location is not None for line in basket.lines))
        # A location that fulfils on behalf of a group does so through the view of a member.
        and not any(line.on_behalf for line in basket.lines)
    )


def basket_row(want: Wanted) -> tuple[object, ...]:
    """What is told of a basket: id, kind, channel, method, priority, order, day, life, actor."""
    basket = want.basket
    return (
        want.reservation_id,
        basket.kind,
        basket.channel,
        basket.method,
        basket.priority,
        basket.order_id or "",
        basket.on or "",
        basket.ttl_seconds or "",
        want.actor,
    )


def joined(tables: Sequence[Collection[Sequence[object]]]) -> str | None:
    """The columns of tables, one after the other; None where a separator is part of some value."""
    columns = [list(map(str, column)) for rows in tables for column in zip(*rows, strict=True)]
    packed = COLUMNS.join(map(VALUES.join, columns))
    values = sum(map(len, columns))
    return packed if packed.count(VALUES) + packed.count(COLUMNS) == values - 1 else None


def made(
    want: Wanted, expires_at: datetime | None, lines: tuple[PromisedLine, ...], *, now: datetime
) -> Reservation:
    """The reservation that a basket became."""
    basket = want.basket
    return Reservation(
        id=want.reservation_id,
        kind=basket.kind,
        state="active" if expires_at else "confirmed",
        channel=basket.channel,
        method=basket.method,
        created_at=now,
        expires_at=expires_at,
        priority=basket.priority,
        order_id=basket.order_id,
        lines=lines,
    )
