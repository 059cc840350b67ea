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
from inventory.store import ample_promises
from inventory.store.facts import COUNTED_INBOUND_STATES
from inventory.store.wanted import Wanted, basket_row, joined, made

Outcome = Reservation | InsufficientStock | None
"""A promise, a refusal, or None: nothing was done, and only the general engine can tell."""


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
    plenty = ample_promises.place(db, wanted, now=now)
    if plenty is not None:
        return list(plenty)
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
    baskets = [basket_row(want) for want in wanted]
    tables: list[Collection[Sequence[object]]] = [baskets, places, views, asks, lines]
    return joined(tables)


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
    return made(want, expires_at, _lines(sums, want.basket, answers), now=now)


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
    day, available, *earliest = answer.split()
    when = _day(earliest[0]) if earliest else None
    return Shortage(*place, _day(day), units, int(available), earliest_date=when)


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)
