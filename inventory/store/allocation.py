"""Allocating orders: every line that was promised on a group gets its location."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import psycopg

from inventory import orders
from inventory.errors import InputRejected, InsufficientStock, Shortage
from inventory.locating import Located, locate, locate_in_turn
from inventory.orders import OrderMessage
from inventory.reservations import PromisedLine, Reservation
from inventory.store import group_claims, rebrokering
from inventory.store.facts import Facts, Place
from inventory.store.general_promises import order_supplies
from inventory.store.positions import decide_on
from inventory.supply import GroupHold, SkuSupply

Lines = Sequence[PromisedLine]


def allocate(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, *, now: datetime
) -> Lines:
    """The lines of the order with a location each: all of them, or `InsufficientStock`.

    Lines of the message say where so many units shall come from; the others come from anywhere.

    The refusal names the lines for which there is no place, and not those for which there is.
    """
    parts, wished = orders.parts_to_locate(order.lines, message)
    if not wished:
        return order.lines
    order = replace(order, lines=tuple(parts.lines))
    # Those with a wish come first: the others can do without that place.
    waiting = sorted(
        (line for line in order.lines if line.line_no in wished),
        key=lambda line: (wished[line.line_no] is None, line.line_no),
    )

    def in_turn(supply: SkuSupply, candidates: Sequence[str], line: PromisedLine) -> Located | None:
        before, after = group_claims.served_around(
            db,
            sku=line.sku,
            reservation_id=order.id,
            line_no=parts.split_from.get(line.line_no, line.line_no),
            now=now,
        )
        hold = _hold_of(order, line)
        return locate_in_turn(supply, candidates, hold, before=before, after=after)

    def in_time(supply: SkuSupply, candidates: Sequence[str], line: PromisedLine) -> Located | None:
        return locate(supply, candidates, _hold_of(order, line))

    def late(supply: SkuSupply, candidates: Sequence[str], line: PromisedLine) -> Located | None:
        return locate(supply, candidates, _hold_of(order, line), late=True)

    def decide(facts: Facts) -> Lines:
        if not any(wished.values()):
            sourced = _as_sourced(db, facts, order, waiting, message, now=now)
            if sourced is not None:
                return sourced
        # A promise once made is not held against the buffer again: without it, if need be. Where
        # not all promises on groups can be kept any more, in turn; and rather late than never.
        for buffers, choose in ((True, in_time), (False, in_time), (False, in_turn), (False, late)):
            supplies = order_supplies(facts, order, now=now, buffers=buffers)
            located, nowhere = _locate_all(supplies, order, waiting, wished, choose=choose)
            if not nowhere:
                return located
        raise InsufficientStock(
            [_shortage(supplies[li.sku], order, li, wished[li.line_no]) for li in nowhere]
        )

    places = [Place(line.sku, None, line.group) for line in waiting]
    return decide_on(db, places, decide, channel=order.channel, method=order.method, now=now)


def _as_sourced(
    db: psycopg.Connection,
    facts: Facts,
    order: Reservation,
    waiting: Sequence[PromisedLine],
    message: OrderMessage,
    *,
    now: datetime,
) -> Lines | None:
    """Located the way a sourcing strategy chooses; None where none was named, or it finds none."""
    chosen = rebrokering.choose(db, facts, order, waiting, strategy=message.strategy, now=now)
    if chosen is None:
        return None
    decided = orders.Decided(list(order.lines))
    for line in waiting:
        _place_at(decided, line, chosen[line.line_no])
    return decided.lines


_Choose = Callable[[SkuSupply, Sequence[str], PromisedLine], Located | None]


def _locate_all(
    supplies: dict[str, SkuSupply],
    order: Reservation,
    waiting: Sequence[PromisedLine],
    wished: dict[int, str | None],
    *,
    choose: _Choose,
) -> tuple[Lines, list[PromisedLine]]:
    """Locate line by line, each time leaving the other promises on groups feasible.

    Also the lines for which there is no place: they stay promised on their groups.
    """
    decided = orders.Decided(list(order.lines))
    nowhere = []
    for line in waiting:
        supply = supplies[line.sku]
        assert line.group is not None
        members = supply.members(line.group, order.method, line.excluded)
        wish = wished[line.line_no]
        if wish is not None and wish not in members:
            problem = f"'{wish}' cannot fulfil '{line.sku}' for group '{line.group}'"
            raise InputRejected(problem, field="location")
        supply.withdraw(_hold_of(order, line))
        chosen = choose(supply, members if wish is None else [wish], line)
        if chosen is None:
            supply.promise(_hold_of(order, line))
            nowhere.append(line)
        else:
            _place_at(decided, line, chosen)
    return decided.lines, nowhere


def _hold_of(order: Reservation, line: PromisedLine) -> GroupHold:
    assert line.group is not None
    excluded = frozenset(line.excluded)
    return GroupHold(line.group, line.promised_date, line.open_units, order.method, excluded)


def _place_at(
    decided: orders.Decided, line: PromisedLine, chosen: Sequence[tuple[str, int]]
) -> None:
    """Give the line its location; parts at further locations become lines of their own."""
    (first, units), *others = chosen
    away = sum(there for _, there in others)
    decided.put(replace(line, location=first, open_units=units, quantity=line.quantity - away))
    for location, there in others:
        part = replace(line, location=location, open_units=there, quantity=there)
        decided.split(replace(part, shipped_units=0, returned_units=0))


def _shortage(
    supply: SkuSupply, order: Reservation, line: PromisedLine, wish: str | None
) -> Shortage:
    """How much of a line could be located beside the promises of others: less than all of it."""
    assert line.group is not None
    supply.withdraw(_hold_of(order, line))
    if wish is None:
        taking = supply.in_group(line.group, order.method, line.excluded)
    else:
        taking = supply.at_location(wish, named=False)
    supply.promise(_hold_of(order, line))
    day = max(supply.projection.index(line.promised_date), taking.day_zero)
    available = min(taking.atp[day], line.open_units - 1)
    day_asked, asked = line.promised_date, line.open_units
    place = wish or line.group
    return Shortage(line.sku, place, day_asked, asked, available, in_group=wish is None)
