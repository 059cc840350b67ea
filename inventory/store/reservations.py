"""Reservations in PostgreSQL: the only functions that place, confirm, extend, release or expire."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg

from inventory import asking
from inventory.asking import HORIZON_DAYS
from inventory.errors import InputRejected, NotFound, StateConflict, VouchError
from inventory.reservations import (
    Basket,
    Reservation,
    as_of,
    asked_again,
    check_ttl,
    closed,
    next_state,
)
from inventory.store import (
    announcements,
    general_promises,
    plain_promises,
    reservation_rows,
    supply_shocks,
)
from inventory.store.facts import Place
from inventory.store.positions import has_lapsed, lapse
from inventory.store.retry import is_inside, retrying
from inventory.store.wanted import Wanted, may_be_plain

AFTER_CONFIRMATION = frozenset({"confirmed", "allocated", "processed", "shipped", "rejected"})

SWEEP_BATCH = 200
"""Holds written down in one transaction: promises on their positions wait for its end."""


def place(
    db: psycopg.Connection,
    basket: Basket,
    *,
    reservation_id: str,
    now: datetime,
    actor: str = "",
) -> Reservation:
    """Check and append one basket in one transaction: all of it, or what can be had if so wished.

    Raises `InsufficientStock` with every sum that cannot be promised, `InputRejected`,
    `UnknownSku`, `UnknownLocation`, `NotFound` for a group, `StateConflict` for an order id that is
    taken. `reservation_id` must be new: repeats belong to `inventory.store.idempotency`.
    """
    (outcome,) = place_many(db, [Wanted(reservation_id, basket, actor)], now=now)
    if isinstance(outcome, VouchError):
        raise outcome
    return outcome


def place_many(
    db: psycopg.Connection, wanted: Sequence[Wanted], *, now: datetime
) -> list[Reservation | VouchError]:
    """Place baskets first come, first served, each all or none; a promise or a refusal for each.

    What is plain goes together in one transaction and one trip, the rest afterwards one by one. See
    `place` for the refusals.
    """
    outcomes: list[Reservation | VouchError | None] = [
        objection(want.basket, now=now) for want in wanted
    ]
    plain = [
        number
        for number, want in enumerate(wanted)
        if outcomes[number] is None and may_be_plain(want.basket)
    ]
    if plain:
        placed = place_plain(db, [wanted[number] for number in plain], now=now)
        for number, outcome in zip(plain, placed, strict=True):
            outcomes[number] = outcome
    return [
        general_promises.place(db, want, now=now) if outcome is None else outcome
        for want, outcome in zip(wanted, outcomes, strict=True)
    ]


def objection(basket: Basket, *, now: datetime) -> InputRejected | None:
    """What is wrong with a basket, whatever the stock is."""
    try:
        basket.check()
        asking.check_horizon(HORIZON_DAYS, basket.on, now=now)
    except InputRejected as error:
        return error
    return None


def place_plain(
    db: psycopg.Connection, wanted: Sequence[Wanted], *, now: datetime
) -> list[plain_promises.Outcome]:
    """Baskets that `may_be_plain`, together; None for each that only `place` can tell."""

    def attempt() -> list[plain_promises.Outcome]:
        if not is_inside(db):
            return plain_promises.place(db, wanted, now=now)
        with db.transaction():
            outcomes = plain_promises.place(db, wanted, now=now)
            if outcomes == [None]:
                # The general engine locks more, in its order: nothing may be held before.
                raise psycopg.Rollback
        return outcomes

    try:
        return retrying(db, attempt)
    except psycopg.errors.UniqueViolation:
        return [None] * len(wanted)


def get(db: psycopg.Connection, reservation_id: str, *, now: datetime) -> Reservation:
    """The reservation as of now: expired from the instant of expiry, swept or not."""
    return as_of(reservation_rows.by_id(db, reservation_id), now)


def confirm(
    db: psycopg.Connection,
    reservation_id: str,
    *,
    order_id: str | None,
    now: datetime,
    actor: str = "",
    reacquire: bool = False,
) -> Reservation:
    """Turn a live hold into an order. Never checked against the buffer again.

    A repeat with the same order id finds it done. At or after expiry: `ReservationExpired`, or with
    `reacquire` the same lines are promised anew, as a reservation of their own that is confirmed at
    once; `InsufficientStock` when they are gone.
    """

    def attempt() -> Reservation:
        with db.transaction():
            before = reservation_rows.by_id(db, reservation_id, lock=True)
            order = order_id or before.order_id
            if before.state in AFTER_CONFIRMATION and order == before.order_id:
                return before
            before = _as_held(db, before, now=now)
            if before.state == "expired" and reacquire:
                return _reacquire(db, before, order, now=now, actor=actor)
            state = next_state(before, "confirm")
            after = replace(before, state=state, order_id=order, expires_at=None)
            reservation_rows.move(db, before, after, act="confirm", now=now, actor=actor)
            if after.waits:
                # What it waits for may be here already.
                places = reservation_rows.open_places(db, [reservation_id])
                held = announcements.hold(db, places)
                _settle(db, places, held, now=now, cause="confirm")
            return reservation_rows.by_id(db, reservation_id) if after.waits else after

    return retrying(db, attempt)


def _as_held(db: psycopg.Connection, before: Reservation, *, now: datetime) -> Reservation:
    """A locked reservation as of now, by our clock and by those that decided on its positions."""
    before = as_of(before, now)
    if before.state == "active" and has_lapsed(db, before):
        return replace(before, state="expired", lines=closed(before.lines))
    return before


def _reacquire(
    db: psycopg.Connection,
    expired: Reservation,
    order_id: str | None,
    *,
    now: datetime,
    actor: str,
) -> Reservation:
    """Promise the lines of an expired hold anew, as an order; a repeat finds that done.

    The hold itself has ended and stays so: the new promise has an id of its own, made from the old.
    """
    again = f"{expired.id}-again"
    with contextlib.suppress(NotFound):
        done = reservation_rows.by_id(db, again, lock=True)
        if done.order_id != order_id:
            raise StateConflict("reservation", again, state=done.state, act="confirm")
        return done
    basket = asked_again(expired, order_id=order_id, now=now)
    placed = place(db, basket, reservation_id=again, now=now, actor=actor)
    return confirm(db, placed.id, order_id=order_id, now=now, actor=actor)


def extend(
    db: psycopg.Connection,
    reservation_id: str,
    *,
    ttl_seconds: int,
    now: datetime,
    actor: str = "",
) -> Reservation:
    """Let a live hold live for `ttl_seconds` from now. At or after expiry: `ReservationExpired`."""
    check_ttl(ttl_seconds)

    def attempt() -> Reservation:
        with db.transaction():
            before = reservation_rows.by_id(db, reservation_id, lock=True)
            before = _as_held(db, before, now=now)
            state = next_state(before, "extend")
            after = replace(before, state=state, expires_at=now + timedelta(seconds=ttl_seconds))
            reservation_rows.move(db, before, after, act="extend", now=now, actor=actor)
            return after

    return retrying(db, attempt)


def release(
    db: psycopg.Connection, reservation_id: str, *, now: datetime, actor: str = ""
) -> Reservation:
    """Let a hold go; its units can be promised again at once. A repeat finds it done."""

    def attempt() -> Reservation:
        with db.transaction():
            before = as_of(reservation_rows.by_id(db, reservation_id, lock=True), now)
            if before.state == "released":
                return before
            state = next_state(before, "release")
            places = reservation_rows.open_places(db, [reservation_id])
            held = announcements.hold(db, places)
            after = replace(before, state=state, lines=closed(before.lines))
            reservation_rows.move(db, before, after, act="release", now=now, actor=actor)
            _settle(db, places, held, now=now, cause="release")
            return after

    return retrying(db, attempt)


def sweep(db: psycopg.Connection, *, now: datetime, limit: int = 100_000) -> int:
    """Write down expiries that are already true, oldest first; returns how many.

    Only collects garbage, in short transactions of `SWEEP_BATCH` holds; what somebody else works on
    is left for the next time. Inside a transaction of the caller it is one.
    """
    count = 0
    while count < limit:
        batch = min(SWEEP_BATCH, limit - count)
        written = retrying(db, lambda batch=batch: _sweep_batch(db, now=now, limit=batch))  # type: ignore[misc]
        count += written
        if written < batch:
            break
    return count


def _sweep_batch(db: psycopg.Connection, *, now: datetime, limit: int) -> int:
    with db.transaction():
        ended = reservation_rows.ended(db, now=now, limit=limit)
        if not ended:
            return 0
        places = reservation_rows.open_places(db, ended)
        held = announcements.hold(db, places)
        lapse(db, held, now=now)
        reservation_rows.write_expired(db, ended, now=now)
        _settle(db, places, held, now=now, cause="expire")
        return len(ended)


def _settle(
    db: psycopg.Connection,
    places: Sequence[Place],
    held: Sequence[tuple[str, str]],
    *,
    now: datetime,
    cause: str,
) -> None:
    """Units came free at `places`: for those who wait, and for all others to know."""
    skus = {place.sku for place in places}
    freed = [position for position in held if position[0] in skus]
    supply_shocks.settle(db, freed=freed, now=now, cause=cause)
