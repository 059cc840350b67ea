"""The general way to a promise: whatever bears on a basket is read under lock and decided upon.

It is what the rules mean. Shorter ways (`inventory.store.plain_promises`) give the same answers
where they give one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import psycopg

from inventory import asking
from inventory.asking import HORIZON_DAYS, Question
from inventory.bundles import explode
from inventory.errors import InsufficientStock, Shortage, VouchError
from inventory.promising import Ask, Grant, grant_all, grant_partly
from inventory.reservations import Basket, PromisedLine, Reservation, life_seconds
from inventory.ship_together import grant_together
from inventory.store import pegs, reservation_rows, supply_shocks
from inventory.store.facts import ChannelTerms, Facts, Place
from inventory.store.positions import decide_on
from inventory.store.retry import retrying
from inventory.store.wanted import Wanted
from inventory.supply import SkuSupply


def place(db: psycopg.Connection, want: Wanted, *, now: datetime) -> Reservation | VouchError:
    """Check and append one basket that was found in order; the promise, or the refusal."""
    basket, reservation_id = want.basket, want.reservation_id
    places = [_place_of(basket, line.sku, line.location) for line in basket.lines]

    def decide(facts: Facts) -> Reservation:
        reservation = _promise(facts, basket, reservation_id=reservation_id, now=now)
        if ahead := {
            (line.sku, line.location or "") for line in reservation.lines if line.pre_sale
        }:
            pegs.watch(db, ahead, now=now)
        reservation_rows.insert(db, reservation, actor=want.actor)
        touched = _touched(facts, reservation)
        # A pre-order that comes as an order may find on the shelf what it waits for.
        waits = reservation.waits and reservation.state == "confirmed"
        freed = touched if waits else ()
        supply_shocks.settle(db, freed=freed, also=touched, now=now, cause="place")
        return reservation

    channel, method = basket.channel, basket.method
    try:
        return retrying(
            db,
            lambda: decide_on(db, places, decide, channel=channel, method=method, now=now),
        )
    except psycopg.errors.UniqueViolation as error:
        return reservation_rows.taken(error, reservation_id, basket.order_id, act="place")
    except VouchError as refusal:
        return refusal


def _touched(facts: Facts, reservation: Reservation) -> set[tuple[str, str]]:
    """Positions of which less is free now: a promise on a group takes from all its members."""
    touched: set[tuple[str, str]] = set()
    for line in reservation.lines:
        located = [line.location] if line.location is not None else facts.by_sku[line.sku]
        touched |= {(line.sku, location) for location in located}
    return touched


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


def order_supplies(
    facts: Facts, order: Reservation, *, now: datetime, buffers: bool = True
) -> dict[str, SkuSupply]:
    """What there is for an order that was promised before, by SKU."""
    return basket_supplies(
        facts,
        channel=order.channel,
        method=order.method,
        named=frozenset(),
        oversell_units=0,
        on=None,
        now=now,
        buffers=buffers,
        shares=False,
    )


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


def _not_linked(supply: SkuSupply, ask: Ask) -> tuple[str, ...]:
    """Members of the ask's group that its channel does not sell from.

    For a location chosen on behalf of a group, who chose it knows them: the group was not read.
    """
    if ask.group is None or ask.location is not None:
        return ()
    return tuple(supply.not_linked(ask.group))


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
                    excluded=_not_linked(supplies[sku], ask),
                    bundle=bundle,
                    bundle_units=None if bundle is None else whole[ask.line],
                    pre_sale=sold_from and sold_from.pre_sale,
                )
            )
    return tuple(lines)
