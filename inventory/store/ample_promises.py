"""The shortest way to a promise: where there is plenty, nothing has to be looked at day by day.

Stock on hand that covers every promise ever made at a position, the most that any buffer rule
withholds there and what is asked now, covers every day. The database checks that for all baskets of
a call at once, and does nothing where it is not so: `inventory.store.plain_promises` goes on.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import psycopg

from inventory.reservations import PromisedLine, Reservation
from inventory.store.wanted import Wanted, basket_row, joined, made


def place(
    db: psycopg.Connection, wanted: Sequence[Wanted], *, now: datetime
) -> list[Reservation] | None:
    """Place all of these plain baskets, or none of them and None."""
    if len(wanted) == 1 and len(wanted[0].basket.lines) == 1:
        return _place_one(db, wanted[0], now=now)
    views: dict[tuple[str, str, str], int] = {}
    asked: dict[tuple[str, str], int] = {}
    lines: list[tuple[object, ...]] = []
    line_views: list[int] = []
    baskets = []
    for number, want in enumerate(wanted, start=1):
        basket = want.basket
        channel, method, at = basket.channel, basket.method, basket.location
        told = (want.reservation_id, method, basket.kind)
        view = 0
        for line_no, line in enumerate(basket.lines, start=1):
            location = line.location or at or ""
            view = views.setdefault((location, channel, method), len(views) + 1)
            place = (line.sku, location)
            asked[place] = asked.get(place, 0) + line.quantity
            lines.append((line_no, *place, line.quantity, number, view, *told))
            line_views.append(view)
        baskets.append((*basket_row(want), view))
    positions = [(*place, asked[place]) for place in sorted(asked)]
    tables: list[Collection[Sequence[object]]] = [baskets, positions, list(views), lines]
    packed = joined(tables)
    if packed is None:
        return None
    row = db.execute(_PLACE, (packed, now), prepare=True).fetchone()
    return None if row is None else _promised(wanted, line_views, *row, now=now)


_PLACE = "select * from place_ample(%b, %b)"


def _promised(
    wanted: Sequence[Wanted],
    line_views: Sequence[int],
    ends: Sequence[datetime | None],
    day_zeros: Sequence[date],
    *,
    now: datetime,
) -> list[Reservation]:
    view_of = iter(line_views)
    return [
        made(
            want,
            end,
            tuple(
                _line(want, number, want.basket.on or day_zeros[view - 1])
                for number, view in zip(range(len(want.basket.lines)), view_of, strict=False)
            ),
            now=now,
        )
        for want, end in zip(wanted, ends, strict=True)
    ]


def _line(want: Wanted, number: int, day: date) -> PromisedLine:
    line = want.basket.lines[number]
    location = line.location or want.basket.location
    return PromisedLine(
        number + 1, number + 1, line.sku, line.quantity, day, line.quantity, location
    )


def _place_one(db: psycopg.Connection, want: Wanted, *, now: datetime) -> list[Reservation] | None:
    basket = want.basket
    (line,) = basket.lines
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
        line.location or basket.location,
        line.quantity,
        now,
    )
    row = db.execute(_PLACE_ONE, parameters, prepare=True).fetchone()
    if row is None:
        return None
    end, day = row
    return [made(want, end, (_line(want, 0, day),), now=now)]


_PLACE_ONE = "select * from place_one(%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b,%b)"
