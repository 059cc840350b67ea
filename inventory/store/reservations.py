"""Reservations in PostgreSQL: the only functions that place, confirm, extend, release or expire."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import psycopg

from inventory import asking
from inventory.asking import HORIZON_DAYS, Question
from inventory.bundles import explode
from inventory.errors import InsufficientStock, Shortage
from inventory.promising import Ask, Grant, grant_all, grant_partly
from inventory.reservations import (
    Basket,
    PromisedLine,
    Reservation,
    as_of,
    check_ttl,
    closed,
    life_seconds,
    next_state,
)
from inventory.ship_together import grant_together
from inventory.store import reservation_rows
from inventory.store.facts import ChannelTerms, Facts, Place
from inventory.store.positions import decide_on
from inventory.store.retry import retrying
from inventory.supply import SkuSupply

AFTER_CONFIRMATION = frozenset({"confirmed", "allocated", "processed", "shipped"})


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
    basket.check()
    asking.check_horizon(HORIZON_DAYS, basket.on, now=now)
    places = [_place_of(basket, line.sku, line.location) for line in basket.lines]

    def decide(facts: Facts) -> Reservation:
        reservation = _promise(facts, basket, reservation_id=reservation_id, now=now)
        reservation_rows.insert(db, reservation, actor=actor)
        return reservation

    channel, method = basket.channel, basket.method
    try:
        return retrying(
            db,
            lambda: decide_on(db, places, decide, channel=channel, method=method, now=now),
        )
    except psycopg.errors.UniqueViolation as error:
        raise reservation_rows.taken(error, reservation_id, basket.order_id, act="place") from error


def _place_of(basket: Basket, sku: str, location: str | None) -> Place:
    at = location or basket.location
    return Place(sku, at, None if at is not None else basket.group)


def _named(basket: Basket) -> frozenset[str]:
    """Locations that the customer asked for, rather than we for him."""
    places = (line.location or basket.location for line in basket.lines if not line.on_behalf)
    return frozenset(place for place in places if place is not None)


def _promise(facts: Facts, basket: Basket, *, reservation_id: str, now: datetime) -> Reservation:
    """Decide on a basket from the facts. Pure; refuses with `InsufficientStock`."""
    terms = facts.channels.get(basket.channel, ChannelTerms())
    asks = _asks(facts, basket)
    supplies = basket_supplies(
        facts,
        channel=basket.channel,
        method=basket.method,
        named=_named(basket),
        oversell_units=terms.oversell_units if basket.kind == "soft" else 0,
        on=basket.on,
        now=now,
    )
    grants = _grants(supplies, asks, partly=basket.allow_partial)
    seconds = life_seconds(
        basket, soft_ttl_seconds=terms.soft_ttl_seconds, order_ttl_seconds=terms.order_ttl_seconds
    )
    whole = basket.arrives_as_order
    return Reservation(
        id=reservation_id,
        kind=basket.kind,
        state="confirmed" if whole else "active",
        channel=basket.channel,
        method=basket.method,
        created_at=now,
        expires_at=None if whole else now + timedelta(seconds=seconds),
        priority=basket.priority,
        order_id=basket.order_id,
        lines=promised_lines(grants, supplies),
    )


def _grants(supplies: Mapping[str, SkuSupply], asks: Sequence[Ask], *, partly: bool) -> list[Grant]:
    """What every ask gets. Bundles that must leave together take what the other lines leave."""
    together = [ask for ask in asks if ask.ship_together and ask.location is None]
    others = [ask for ask in asks if ask not in together]
    grants: list[Grant] = []
    shortages: list[Shortage] = []
    try:
        if others:
            grants += (grant_partly if partly else grant_all)(supplies, others)
    except InsufficientStock as refusal:
        shortages += refusal.shortages
    try:
        grants += grant_together(supplies, together, partly=partly)
    except InsufficientStock as refusal:
        shortages += refusal.shortages
    if shortages and not (partly and grants):
        raise InsufficientStock(shortages)
    return sorted(grants, key=lambda grant: grant.ask.line)


def basket_supplies(
    facts: Facts,
    *,
    channel: str,
    method: str,
    named: frozenset[str],
    oversell_units: int,
    on: date | None,
    now: datetime,
    buffers: bool = True,
    shares: bool = True,
) -> dict[str, SkuSupply]:
    """One supply per SKU over every position that was read.

    `buffers`, `shares`: whether promise buffers and the channel's supply links are looked at, as
    they are for a new promise.
    """
    last_day = asking.check_horizon(HORIZON_DAYS, on, now=now)
    questions = [
        Question(
            sku=sku,
            location=None,
            group=None,
            channel=channel,
            method=method,
            positions=positions,
            groups=facts.groups,
            holds=facts.holds.get(sku, ()),
            oversell_units=oversell_units,
            named=named,
            channel_supply=facts.channel_supply if shares else None,
        )
        for sku, positions in facts.by_sku.items()
    ]
    rules = facts.rules if buffers else ()
    supplies = asking.supplies_of(questions, rules, last_day=last_day, now=now)
    return {supply.sku: supply for supply in supplies}


def _asks(facts: Facts, basket: Basket) -> list[Ask]:
    asks = []
    for number, line in enumerate(basket.lines, start=1):
        at = _place_of(basket, line.sku, line.location)
        asks.append(
            Ask(
                number,
                line.sku,
                line.quantity,
                location=at.location,
                group=basket.group if line.on_behalf else at.group,
                method=basket.method,
                on=basket.on,
                components=facts.bundles.get(line.sku),
                ship_together=line.sku in facts.ship_together,
                pre_order=basket.kind == "preorder",
                earliest=basket.kind == "preorder",
            )
        )
    return asks


def promised_lines(
    grants: Sequence[Grant], supplies: Mapping[str, SkuSupply]
) -> tuple[PromisedLine, ...]:
    """The lines that grants become; a bundle becomes one per component.

    What is promised on a group stays with the members that the channel sold it from.
    """
    lines: list[PromisedLine] = []
    whole = Counter[int]()
    for grant in grants:
        whole[grant.ask.line] += grant.units
    for grant in grants:
        ask = grant.ask
        for sku, units in explode(ask.parts, grant.units).items():
            bundle = None if ask.components is None else ask.sku
            sold_from = grant.sold_ahead.get(sku)
            lines.append(
                PromisedLine(
                    line_no=len(lines) + 1,
                    request_line=ask.line,
                    sku=sku,
                    quantity=units,
                    promised_date=grant.promised_date,
                    open_units=units,
                    location=sold_from.location if sold_from else ask.location,
                    group=ask.group,
                    excluded=tuple(supplies[sku].not_linked(ask.group)) if ask.group else (),
                    bundle=bundle,
                    bundle_units=None if bundle is None else whole[ask.line],
                    pre_sale=sold_from and sold_from.pre_sale,
                )
            )
    return tuple(lines)


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
) -> Reservation:
    """Turn a live hold into an order. Never checked against the buffer again.

    A repeat with the same order id finds it done. At or after expiry: `ReservationExpired`.
    """

    def attempt() -> Reservation:
        with db.transaction():
            before = as_of(reservation_rows.by_id(db, reservation_id, lock=True), now)
            order = order_id or before.order_id
            if before.state in AFTER_CONFIRMATION and order == before.order_id:
                return before
            state = next_state(before, "confirm")
            after = replace(before, state=state, order_id=order, expires_at=None)
            reservation_rows.move(db, before, after, act="confirm", now=now, actor=actor)
            return after

    return retrying(db, attempt)


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
            before = as_of(reservation_rows.by_id(db, reservation_id, lock=True), now)
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
            after = replace(before, state=state, lines=closed(before.lines))
            reservation_rows.move(db, before, after, act="release", now=now, actor=actor)
            return after

    return retrying(db, attempt)


def sweep(db: psycopg.Connection, *, now: datetime, limit: int = 1_000) -> int:
    """Write down expiries that are already true; returns how many. Only collects garbage."""
    return retrying(db, lambda: reservation_rows.expire(db, now=now, limit=limit))
