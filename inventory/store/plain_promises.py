"""The short way to a promise: plain baskets decided and written by the database in one trip.

Plain is what most baskets are: lines at named locations on which nothing unusual bears. The rest is
told apart by the database, under its locks, and left to the general engine
(`inventory.store.reservations`), which is also what says what is right.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import psycopg

from inventory.errors import InsufficientStock, Shortage
from inventory.reservations import Basket, PromisedLine, Reservation
from inventory.store.facts import COUNTED_INBOUND_STATES

VALUES, COLUMNS = "\x1f", "\x1e"
"""The separators of ASCII for units and records: one text is far cheaper to send than arrays."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A basket that somebody wants placed under an id of its own, which must be new."""

    reservation_id: str
    basket: Basket
    actor: str = ""


Outcome = Reservation | InsufficientStock | None
"""A promise, a refusal, or None: nothing was done, and only the general engine can tell."""


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


@dataclass(slots=True)
class _Sums:
    """What one basket asks of each place, in the order of its lines."""

    places: list[tuple[str, str]]
    units: list[int]
    of_line: list[int]
    """For each line, which of the sums it is part of."""


def place(db: psycopg.Connection, wanted: Sequence[Wanted], *, now: datetime) -> list[Outcome]:
    """Place baskets that `may_be_plain`, in their order, each all or none; outcomes in that order.

    One statement: in a transaction of its own unless the caller has one open. Raises
    `psycopg.errors.UniqueViolation`, with nothing placed, where an id or order id is taken.
    """
    if len(wanted) == 1 and len(wanted[0].basket.lines) == 1:
        promised = _place_one(db, wanted[0], now=now)
        if promised is not None:
            return [promised]
    sums = [_summed(want.basket) for want in wanted]
    packed = _packed(wanted, sums)
    if packed is None:
        return [None] * len(wanted)
    rows = db.execute(_PLACE, [packed, list(COUNTED_INBOUND_STATES), now], prepare=True).fetchall()
    return [
        _outcome(want, summed, row, now=now)
        for want, summed, row in zip(wanted, sums, rows, strict=True)
    ]


_PLACE = "select decision, expires_at, answers from place_plain(%s, %s, %s)"


def _place_one(db: psycopg.Connection, want: Wanted, *, now: datetime) -> Reservation | None:
    """The shortest way, for one line far from every limit; None where that is not so."""
    basket = want.basket
    (line,) = basket.lines
    location = line.location or basket.location
    parameters = (
        want.reservation_id,
        basket.kind,
        basket.channel,
        basket.method,
        basket.priority,
        basket.order_id,
        basket.on,
        basket.ttl_seconds,
        want.actor,
        line.sku,
        location,
        line.quantity,
        now,
    )
    row = db.execute(_PLACE_ONE, parameters, prepare=True).fetchone()
    if row is None:
        return None
    expires_at, day = row
    promised = PromisedLine(1, 1, line.sku, line.quantity, day, line.quantity, location)
    return _reservation(want, expires_at, (promised,), now=now)


_PLACE_ONE = "select * from place_one(%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b)"


def _summed(basket: Basket) -> _Sums:
    numbers: dict[tuple[str, str], int] = {}
    sums = _Sums([], [], [])
    for line in basket.lines:
        place = (line.sku, line.location or basket.location or "")
        number = numbers.setdefault(place, len(numbers))
        if number == len(sums.places):
            sums.places.append(place)
            sums.units.append(line.quantity)
        else:
            sums.units[number] += line.quantity
        sums.of_line.append(number)
    return sums


def _packed(wanted: Sequence[Wanted], sums: Sequence[_Sums]) -> str | None:
    """The columns that `place_plain` takes; None where a separator is part of some id."""
    places = sorted({place for summed in sums for place in summed.places})
    position_of = {place: number for number, place in enumerate(places, start=1)}
    views: dict[tuple[object, ...], int] = {}
    asks: list[tuple[int, int, int]] = []
    lines: list[tuple[object, ...]] = []
    for number, (want, summed) in enumerate(zip(wanted, sums, strict=True), start=1):
        basket = want.basket
        first_ask = len(asks) + 1
        for place, units in zip(summed.places, summed.units, strict=True):
            view = (position_of[place], *place, basket.channel, basket.method)
            asks.append((number, views.setdefault(view, len(views) + 1), units))
        told = (want.reservation_id, basket.kind, basket.method)
        for line_no, (line, ask) in enumerate(zip(basket.lines, summed.of_line, strict=True), 1):
            lines.append((first_ask + ask, line_no, line.quantity, *told, *summed.places[ask]))
    baskets = [_basket_row(want) for want in wanted]
    tables: list[Collection[Sequence[object]]] = [baskets, places, views, asks, lines]
    columns = [
        VALUES.join(map(str, column)) for rows in tables for column in zip(*rows, strict=True)
    ]
    packed = COLUMNS.join(columns)
    values = sum(len(rows) * width for rows, width in zip(tables, (9, 2, 5, 3, 8), strict=True))
    if packed.count(VALUES) + packed.count(COLUMNS) != values - 1:
        return None
    return packed


def _basket_row(want: Wanted) -> tuple[object, ...]:
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


Row = tuple[str, datetime | None, list[str | None]]


def _outcome(want: Wanted, sums: _Sums, row: Row, *, now: datetime) -> Outcome:
    decision, expires_at, answers = row
    if decision == "unusual":
        return None
    if decision == "refused":
        return InsufficientStock(
            [
                _shortage(place, units, answer)
                for place, units, answer in zip(sums.places, sums.units, answers, strict=True)
                if answer is not None
            ]
        )
    return _reservation(want, expires_at, _lines(sums, want.basket, answers), now=now)


def _reservation(
    want: Wanted, expires_at: datetime | None, lines: tuple[PromisedLine, ...], *, now: datetime
) -> Reservation:
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


def _lines(sums: _Sums, basket: Basket, answers: Sequence[str | None]) -> tuple[PromisedLine, ...]:
    return tuple(
        PromisedLine(
            line_no=number,
            request_line=number,
            sku=line.sku,
            quantity=line.quantity,
            promised_date=_day(answers[ask] or ""),
            open_units=line.quantity,
            location=line.location or basket.location,
        )
        for number, (line, ask) in enumerate(zip(basket.lines, sums.of_line, strict=True), 1)
    )


def _shortage(place: tuple[str, str], units: int, answer: str) -> Shortage:
    day, _, available = answer.partition(" ")
    return Shortage(*place, _day(day), units, int(available))


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)
