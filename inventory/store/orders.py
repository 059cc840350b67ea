"""Acts on confirmed orders in PostgreSQL: allocate, process, ship, cancel, reject and return.

Every act is one message with an id, and one transaction: the lines, the balances and the record of
what happened change together, or nothing does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg

from inventory import orders
from inventory.errors import InputRejected, InsufficientStock, Shortage
from inventory.ledger import AVAILABLE, Fact, Key
from inventory.orders import DAMAGED, NOT_IN_STOCK, Moved, OrderMessage
from inventory.promising import locate_in_turn
from inventory.reservations import PromisedLine, Reservation, as_of, next_state
from inventory.store import catalog, events, group_claims, idempotency, ledger, reservation_rows
from inventory.store.facts import Facts, Place
from inventory.store.idempotency import Outcome
from inventory.store.positions import decide_on
from inventory.store.reservations import basket_supplies
from inventory.supply import GroupHold, SkuSupply

SOURCE = "order"
"""Source of the ledger entries that acts on orders make."""

BEHIND_UTC_MAX = timedelta(hours=12)
"""No location's day begins later than this after the day of UTC."""


def get(db: psycopg.Connection, order_id: str, *, now: datetime) -> Reservation:
    """The order as of now, by its order id or the id of its reservation."""
    return as_of(reservation_rows.by_order(db, order_id), now)


def perform(
    db: psycopg.Connection,
    order_id: str,
    act: str,
    message: OrderMessage,
    *,
    now: datetime,
    actor: str = "",
) -> Outcome:
    """Carry out one act, once per message id for ever; the response is the order afterwards.

    Raises `NotFound`, `StateConflict` when the act is not allowed from the state the order is in,
    `InputRejected` for lines that are not in it, `InsufficientStock` when no member of the group
    can take what must be allocated, `IdempotencyConflict` for a message id with another body.
    """
    if act not in _ACTS:
        raise InputRejected(f"must be one of {', '.join(orders.ACTS)}", field="act")
    if message.at is not None and message.at.tzinfo is None:
        raise InputRejected("give the time with its zone", field="at")

    def once() -> dict[str, object]:
        before = as_of(reservation_rows.by_order(db, order_id, lock=True), now)
        state = next_state(before, act)
        lines = _ACTS[act](db, before, message, now, actor)
        reached = orders.state_after(state, lines, before=before.state)
        after = replace(before, state=reached, lines=tuple(lines))
        reservation_rows.move(
            db,
            before,
            after,
            act=act,
            now=now,
            actor=actor,
            reason=message.reason,
            body=message.as_dict(),
        )
        return after.as_dict()

    body = {"order": order_id, "act": act, **message.as_dict()}
    return idempotency.once(db, scope="orders", key=message.id, body=body, now=now, act=once)


Lines = Sequence[PromisedLine]


def _allocate(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, _actor: str
) -> Lines:
    """Choose a location for every line that is still at its group: all of them, or refuse."""
    waiting = [line for line in order.lines if line.open_units and line.location is None]
    if not waiting:
        return order.lines
    wishes = {line.sku: line.location for line in message.lines}
    wished = {line.line_no: wishes.get(line.sku) or message.location for line in waiting}

    def behind(line: PromisedLine) -> Sequence[GroupHold]:
        return group_claims.served_after(
            db, sku=line.sku, reservation_id=order.id, line_no=line.line_no, now=now
        )

    def decide(facts: Facts) -> Lines:
        # A promise once made is not held against the buffer again: without it, if need be. Where
        # not all promises on groups can be kept any more, those served later give way.
        for buffers, in_turn in ((True, False), (False, False), (False, True)):
            supplies = basket_supplies(
                facts,
                channel=order.channel,
                method=order.method,
                named=frozenset(),
                oversell_units=0,
                on=None,
                now=now,
                buffers=buffers,
            )
            located = _locate_all(
                supplies, order, waiting, wished, behind=behind if in_turn else _nobody
            )
            if located is not None:
                return located
        raise InsufficientStock([_shortage(supplies[line.sku], order, line) for line in waiting])

    places = [Place(line.sku, None, line.group) for line in waiting]
    return decide_on(db, places, decide, channel=order.channel, method=order.method, now=now)


def _nobody(_line: PromisedLine) -> Sequence[GroupHold]:
    return ()


def _locate_all(
    supplies: dict[str, SkuSupply],
    order: Reservation,
    waiting: Sequence[PromisedLine],
    wished: dict[int, str | None],
    *,
    behind: Callable[[PromisedLine], Sequence[GroupHold]],
) -> Lines | None:
    """Locate line by line, each time leaving the other promises on groups feasible.

    `behind`: the promises that may give way to a line.
    """
    decided = orders.Decided(list(order.lines))
    for line in waiting:
        supply = supplies[line.sku]
        assert line.group is not None
        members = supply.members(line.group, order.method, line.excluded)
        wish = wished[line.line_no]
        if wish is not None and wish not in members:
            problem = f"'{wish}' cannot fulfil '{line.sku}' for group '{line.group}'"
            raise InputRejected(problem, field="location")
        units = line.open_units
        excluded = frozenset(line.excluded)
        supply.withdraw(GroupHold(line.group, line.promised_date, units, order.method, excluded))
        chosen = locate_in_turn(
            supply,
            members if wish is None else [wish],
            units=units,
            promised_date=line.promised_date,
            behind=behind(line),
        )
        if chosen is None:
            return None
        _place_at(decided, line, chosen)
    return decided.lines


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


def _shortage(supply: SkuSupply, order: Reservation, line: PromisedLine) -> Shortage:
    assert line.group is not None
    taking = supply.in_group(line.group, order.method, line.excluded)
    day = max(supply.projection.index(line.promised_date), taking.day_zero)
    available = min(taking.atp[day], line.open_units - 1)
    day_asked, asked = line.promised_date, line.open_units
    return Shortage(line.sku, line.group, day_asked, asked, available, in_group=True)


def _process(
    _db: psycopg.Connection, order: Reservation, _m: OrderMessage, _now: datetime, _actor: str
) -> Lines:
    return order.lines


def _ship(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, actor: str
) -> Lines:
    """On hand and commitment fall together. A count that is true later already knows of it."""
    decided = orders.ship(order.lines, message)
    facts = [
        _fact(order, moved, message, kind="shipment", units=-moved.units, now=now, actor=actor)
        for moved in decided.moved
    ]
    ledger.record(db, facts, now=now)
    # Units that leave before their day are missed by what was promised for the days before it.
    early = {
        (moved.line.sku, moved.line.location or "")
        for moved in decided.moved
        if moved.line.promised_date > (now - BEHIND_UTC_MAX).date()
    }
    if early:
        _write_then_report(db, order, decided.lines, sorted(early), now=now)
    return decided.lines


def _cancel(
    _db: psycopg.Connection, order: Reservation, message: OrderMessage, _now: datetime, _actor: str
) -> Lines:
    return orders.cancel(order.lines, message).lines


def _return(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, actor: str
) -> Lines:
    decided = orders.take_back(order.lines, message)
    for moved in decided.moved:
        catalog.check_position(db, sku=moved.line.sku, location=moved.line.location or "")
    facts = [
        _fact(order, moved, message, kind="return", units=moved.units, now=now, actor=actor)
        for moved in decided.moved
    ]
    ledger.record(db, facts, now=now)
    return decided.lines


def _reject(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, actor: str
) -> Lines:
    """The lines go back to their groups; what the location said about its stock becomes true."""
    decided = orders.reject(order.lines, message)
    places = sorted({(moved.line.sku, moved.line.location or "") for moved in decided.moved})
    keys = {Key(sku, location, AVAILABLE) for sku, location in places}
    ledger.create(db, keys, now=now)
    on_hand = ledger.lock(db, keys).balances
    # What a picker saw at the shelf comes after the last count, whatever the clocks say.
    counted_at = [balance.snapshot_at for balance in on_hand.values() if balance.snapshot_at]
    seen_at = max([now, *(at + timedelta(microseconds=1) for at in counted_at)])
    if message.reason == NOT_IN_STOCK:
        shelves = {_key(moved): moved.line for moved in decided.moved}
        losses = [Moved(line, max(on_hand[key].units, 0)) for key, line in shelves.items()]
    else:
        losses = decided.moved
    changes = [(loss, -loss.units) for loss in losses]
    if message.reason == DAMAGED:
        changes += [(replace(loss, status="defective"), loss.units) for loss in losses]
    facts = [
        _correction(order, moved, message, units=units, at=seen_at, actor=actor)
        for moved, units in changes
        if units
    ]
    ledger.record(db, facts, now=now)
    _write_then_report(db, order, decided.lines, places, now=now)
    return decided.lines


def _write_then_report(
    db: psycopg.Connection,
    order: Reservation,
    lines: Lines,
    places: Sequence[tuple[str, str]],
    *,
    now: datetime,
) -> None:
    """Shortages are judged with the lines as they will be, so these are written first."""
    reservation_rows.write_lines(db, order, replace(order, lines=tuple(lines)))
    events.report_shortages(db, places, now=now)


def _key(moved: Moved) -> Key:
    assert moved.line.location is not None
    return Key(moved.line.sku, moved.line.location, AVAILABLE)


def _fact(
    order: Reservation,
    moved: Moved,
    message: OrderMessage,
    *,
    kind: str,
    units: int,
    now: datetime,
    actor: str,
) -> Fact:
    """A change of stock at the moment the message names; no later than now."""
    at = now if message.at is None else min(message.at, now)
    assert moved.line.location is not None
    return Fact(
        sku=moved.line.sku,
        location=moved.line.location,
        status=moved.status,
        kind=kind,
        stated_units=units,
        effective_at=at,
        source=SOURCE,
        message_id=message.id,
        actor=actor,
        reason=message.reason,
        reservation_id=order.id,
        clamped=message.at is not None and message.at > now,
    )


def _correction(
    order: Reservation, moved: Moved, message: OrderMessage, *, units: int, at: datetime, actor: str
) -> Fact:
    fact = _fact(order, moved, message, kind="correction", units=units, now=at, actor=actor)
    return fact._replace(effective_at=at, clamped=False)


_Act = Callable[[psycopg.Connection, Reservation, OrderMessage, datetime, str], Lines]
_ACTS: dict[str, _Act] = {
    "allocate": _allocate,
    "process": _process,
    "ship": _ship,
    "cancel": _cancel,
    "reject": _reject,
    "return": _return,
}
