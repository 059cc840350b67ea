"""Acts on confirmed orders in PostgreSQL: allocate, process, ship, cancel, reject, return, redate.

Every act is one message with an id, and one transaction: the lines, the balances and the record of
what happened change together, or nothing does.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg

from inventory import asking, orders
from inventory.asking import HORIZON_DAYS
from inventory.errors import InputRejected, InsufficientStock, Shortage, StateConflict
from inventory.ledger import AVAILABLE, Fact, Key
from inventory.orders import DAMAGED, NOT_IN_STOCK, Moved, OrderMessage
from inventory.redating import Wait, first_dates, redated
from inventory.reservations import PromisedLine, Reservation, as_of, next_state
from inventory.store import (
    announcements,
    catalog,
    idempotency,
    ledger,
    reservation_rows,
    supply_shocks,
)
from inventory.store.allocation import allocate
from inventory.store.facts import Facts, Place
from inventory.store.general_promises import order_supplies
from inventory.store.idempotency import Outcome
from inventory.store.positions import decide_on
from inventory.supply import SkuSupply
from inventory.transfers import TRANSFER

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
    of_transfer: bool = False,
) -> Outcome:
    """Carry out one act, once per message id for ever; the response is the order afterwards.

    `of_transfer`: the commitment of a transfer, which only the transfer itself may act on.

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
        if before.method == TRANSFER and not of_transfer:
            raise StateConflict("order", order_id, state="a transfer: act on that", act=act)
        state = next_state(before, act)
        held = set() if act == "process" else _hold(db, before, message)
        if before.waits:
            # Goods that came meanwhile changed lines, under the positions that are held now.
            before = as_of(reservation_rows.by_id(db, before.id), now)
        done = _ACTS[act](db, before, message, now, actor)
        reached = orders.state_after(state, done.lines, before=before.state)
        after = replace(before, state=reached, lines=tuple(done.lines))
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
        also = held.union(done.touched)
        supply_shocks.settle(
            db,
            fallen=done.fallen,
            risen={place for place in also if place[0] in done.risen},
            freed={place for place in also if place[0] in done.freed},
            also=also,
            now=now,
            cause=act,
        )
        return after.as_dict()

    body = {"order": order_id, "act": act, **message.as_dict()}
    return idempotency.once(db, scope="orders", key=message.id, body=body, now=now, act=once)


Lines = Sequence[PromisedLine]


@dataclass(frozen=True, slots=True)
class _Done:
    """Lines after an act, and where it changed what others may have."""

    lines: Lines
    fallen: Collection[tuple[str, str]] = ()
    """Positions at which promises may have lost their supply."""
    risen: Collection[str] = ()
    """SKUs of which units came back to be sold."""
    freed: Collection[str] = ()
    """SKUs of which units are not promised to this order any more."""
    touched: Collection[tuple[str, str]] = ()
    """Further positions that the act holds."""


def _hold(
    db: psycopg.Connection, order: Reservation, message: OrderMessage
) -> set[tuple[str, str]]:
    """Lock all that the act may bear on: where the lines are, and where the message says."""
    named = {message.location, *(line.location for line in message.lines)} - {None}
    places = [Place(line.sku, line.location, _group_of(line)) for line in order.lines]
    places += [Place(sku, at) for sku in {line.sku for line in order.lines} for at in named]
    return set(announcements.hold(db, places))


def _allocate(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, _actor: str
) -> _Done:
    return _Done(allocate(db, order, message, now=now))


def _process(
    _db: psycopg.Connection, order: Reservation, _m: OrderMessage, _now: datetime, _actor: str
) -> _Done:
    return _Done(order.lines)


def _ship(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, actor: str
) -> _Done:
    """On hand and commitment fall together. A count that is true later already knows of it."""
    if message.rest not in (None, *orders.RESTS):
        raise InputRejected(f"must be one of {', '.join(orders.RESTS)}", field="rest")
    decided = orders.ship(order.lines, message)
    facts = [
        _fact(order, moved, message, kind="shipment", units=-moved.units, now=now, actor=actor)
        for moved in decided.moved
    ]
    ledger.record(db, facts, now=now)
    if decided.rests and message.rest == orders.BACK_ORDER_REST:
        _back_order(db, order, decided, now=now)
    # Units that leave before their day are missed by what was promised for the days before it.
    early = {
        (moved.line.sku, moved.line.location or "")
        for moved in decided.moved
        if moved.line.promised_date > (now - BEHIND_UTC_MAX).date()
    }
    return _Done(decided.lines, fallen=early, freed=_skus(decided.rests))


def _back_order(
    db: psycopg.Connection, order: Reservation, decided: orders.Decided, *, now: datetime
) -> None:
    """Promise each rest for the first day that can carry it, beside everybody else."""
    # As they are without the rests: what these gave up may be what they get.
    reservation_rows.write_lines(db, order, replace(order, lines=tuple(decided.lines)))
    places = [Place(rest.line.sku, *_place_of_rest(rest.line)) for rest in decided.rests]

    def decide(facts: Facts) -> None:
        supplies = order_supplies(facts, order, now=now, buffers=False)
        waits = [
            Wait(rest.line.sku, rest.units, *_place_of_rest(rest.line), rest.line.excluded)
            for rest in decided.rests
        ]
        days = first_dates(supplies, waits, method=order.method)
        for rest, day in zip(decided.rests, days, strict=True):
            if day is None:
                raise _nothing_coming(supplies[rest.line.sku], rest)
            orders.back_order(decided, rest, promised_date=day)

    decide_on(db, places, decide, channel=order.channel, method=order.method, now=now)


def _place_of_rest(line: PromisedLine) -> tuple[str | None, str | None]:
    return (None, line.group) if line.group is not None else (line.location, None)


def _nothing_coming(supply: SkuSupply, rest: Moved) -> InsufficientStock:
    last_day = supply.projection.date(supply.projection.days - 1)
    place = rest.line.group or rest.line.location or ""
    in_group = rest.line.group is not None
    return InsufficientStock(
        [Shortage(rest.line.sku, place, last_day, rest.units, 0, in_group=in_group)]
    )


def _redate(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, _actor: str
) -> _Done:
    """Promise open lines for another day: the one asked for, or the first that can be kept."""
    named = {line.sku for line in message.lines}
    lines = [
        line
        for line in order.lines
        if line.open_units and (not named or {line.sku, line.bundle} & named)
    ]
    if odd := sorted(named - {name for line in lines for name in (line.sku, line.bundle)}):
        raise InputRejected(f"no open line of this order is of '{odd[0]}'", field="lines")
    places = [Place(line.sku, line.location, _group_of(line)) for line in lines]
    asking.check_horizon(HORIZON_DAYS, message.on, now=now)

    def decide(facts: Facts) -> Lines:
        supplies = order_supplies(facts, order, now=now, buffers=False)
        return redated(supplies, order, lines, on=message.on)

    decided = decide_on(db, places, decide, channel=order.channel, method=order.method, now=now)
    return _Done(decided)


def _group_of(line: PromisedLine) -> str | None:
    return None if line.location is not None else line.group


def _cancel(
    _db: psycopg.Connection, order: Reservation, message: OrderMessage, _now: datetime, _actor: str
) -> _Done:
    decided = orders.cancel(order.lines, message)
    return _Done(decided.lines, freed=_skus(decided.rests))


def _skus(moves: Sequence[Moved]) -> set[str]:
    return {moved.line.sku for moved in moves}


def _return(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, actor: str
) -> _Done:
    decided = orders.take_back(order.lines, message)
    places = {(moved.line.sku, moved.line.location or "") for moved in decided.moved}
    for sku, location in places:
        catalog.check_position(db, sku=sku, location=location)
    facts = [
        _fact(order, moved, message, kind="return", units=moved.units, now=now, actor=actor)
        for moved in decided.moved
    ]
    ledger.record(db, facts, now=now)
    sellable = [moved for moved in decided.moved if moved.status == AVAILABLE]
    return _Done(decided.lines, risen=_skus(sellable), touched=places)


def _reject(
    db: psycopg.Connection, order: Reservation, message: OrderMessage, now: datetime, actor: str
) -> _Done:
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
    return _Done(decided.lines, fallen=places, touched=places)


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


_Act = Callable[[psycopg.Connection, Reservation, OrderMessage, datetime, str], _Done]
_ACTS: dict[str, _Act] = {
    "allocate": _allocate,
    "process": _process,
    "ship": _ship,
    "cancel": _cancel,
    "reject": _reject,
    "return": _return,
    "redate": _redate,
}
