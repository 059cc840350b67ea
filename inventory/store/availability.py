"""What may be promised, read from PostgreSQL: any number of questions, one statement."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import psycopg

from inventory import asking
from inventory.asking import HORIZON_DAYS, Question
from inventory.availability import Availability
from inventory.errors import InputRejected, VouchError
from inventory.projection import PositionFacts
from inventory.promising import Ask
from inventory.quiet_answers import QuietAnswers
from inventory.ship_together import answer_together
from inventory.store import collector, named_stock
from inventory.store.facts import ChannelTerms, Facts, Place, read
from inventory.supply import SkuSupply

ITEMS_MAX = 1_000
"""Questions in one request."""


class AvailabilityItem(NamedTuple):
    """One question: how much of a SKU or bundle a view may take, at a location or in a group."""

    sku: str
    location: str | None = None
    group: str | None = None
    channel: str | None = None
    method: str | None = None
    quantity: int | None = None
    """Also find the earliest date for so many."""
    on: date | None = None
    """Answer for this day rather than for day 0."""
    explain: bool = False

    @property
    def place(self) -> Place:
        return Place(self.sku, self.location, self.group)

    def check(self) -> None:
        """Raise `InputRejected` for a question that cannot be answered."""
        if (self.location is None) == (self.group is None):
            raise InputRejected("give either a location or a group", field="location")
        if self.quantity is not None and self.quantity < 1:
            raise InputRejected("must be at least 1", field="quantity")


def availability(
    db: psycopg.Connection,
    *,
    sku: str,
    location: str | None = None,
    group: str | None = None,
    channel: str | None = None,
    method: str | None = None,
    now: datetime,
    horizon_days: int = HORIZON_DAYS,
    quantity: int | None = None,
    on: date | None = None,
    explain: bool = False,
) -> Availability:
    """What a view may take of a SKU or bundle; raises for what is unknown or malformed.

    `days` of the answer are day 0 to day `horizon_days` of the location's calendar. The look-ahead
    always reaches the last promise, however short the answer is asked to be.
    """
    item = AvailabilityItem(sku, location, group, channel, method, quantity, on, explain)
    (found,) = availability_many(db, [item], now=now, horizon_days=horizon_days)
    if isinstance(found, VouchError):
        raise found
    return found


def availability_many(
    db: psycopg.Connection,
    items: Sequence[AvailabilityItem],
    *,
    now: datetime,
    horizon_days: int = HORIZON_DAYS,
) -> list[Availability | VouchError]:
    """One answer per item, in order. A bad item is an error in its place; the others go through."""
    if len(items) > ITEMS_MAX:
        raise InputRejected(f"at most {ITEMS_MAX} items in one request", field="items")
    results: dict[int, Availability | VouchError] = {}
    last_day = asking.check_horizon(horizon_days, None, now=now)
    good: list[tuple[int, AvailabilityItem]] = []
    by_name = True
    for index, item in enumerate(items):
        _, location, group, _, _, quantity, on, explain = item
        try:
            if (location is None) == (group is None) or (quantity is not None and quantity < 1):
                item.check()
            if on is not None:
                last_day = max(last_day, asking.check_horizon(horizon_days, on, now=now))
        except VouchError as error:
            results[index] = error
            continue
        good.append((index, item))
        by_name = by_name and location is not None and not explain
    if good:
        answers = _named_answers if by_name else _answers
        with collector.paused():  # Answers to many questions are many objects, all of them kept.
            results |= answers(db, good, last_day=last_day, now=now, horizon_days=horizon_days)
    return [results[index] for index in range(len(items))]


def _named_answers(
    db: psycopg.Connection,
    items: Sequence[tuple[int, AvailabilityItem]],
    *,
    last_day: date,
    now: datetime,
    horizon_days: int,
) -> dict[int, Availability | VouchError]:
    """The answers where every item names a location: most need a number each, and no more."""
    pairs = [(item.sku, item.location or "") for _, item in items]
    stock = named_stock.read(
        db,
        pairs,
        channels={item.channel for _, item in items},
        methods={item.method for _, item in items},
        now=now,
    )
    facts, units, dated, categories = stock.facts, stock.units, stock.dated, stock.categories
    if facts.is_limited:
        return _answers(db, items, last_day=last_day, now=now, horizon_days=horizon_days)
    quiet = QuietAnswers(facts.rules, now=now, horizon_days=horizon_days)
    results: dict[int, Availability | VouchError] = {}
    others: list[tuple[int, AvailabilityItem]] = []
    for (index, item), pair in zip(items, pairs, strict=True):
        sku, _, _, channel, method, quantity, on, _ = item
        found: Availability | VouchError | None = None
        category = categories.get(sku)
        if category is not None and pair in units and pair not in dated and on is None:
            found = quiet.undated(
                *pair,
                category,
                units[pair] or 0,
                channel=channel,
                method=method,
                quantity=quantity,
            )
        if found is None:
            try:
                stock.take(pair)
                facts.check(item.place)
                found = _quiet_answer(quiet, facts, item)
            except VouchError as error:
                found = error
        if found is None:
            others.append((index, item))
        else:
            results[index] = found
    if others:
        results |= _projected(facts, others, last_day=last_day, now=now, horizon_days=horizon_days)
    return results


def _answers(
    db: psycopg.Connection,
    items: Sequence[tuple[int, AvailabilityItem]],
    *,
    last_day: date,
    now: datetime,
    horizon_days: int,
) -> dict[int, Availability | VouchError]:
    places = [item.place for _, item in items]
    facts = read(
        db,
        places,
        channels={item.channel for _, item in items},
        methods={item.method for _, item in items},
        now=now,
        with_statuses=any(item.explain for _, item in items),
    )
    results: dict[int, Availability | VouchError] = {}
    others: list[tuple[int, AvailabilityItem]] = []
    quiet = QuietAnswers(facts.rules, now=now, horizon_days=horizon_days)
    for (index, item), place in zip(items, places, strict=True):
        try:
            facts.check(place)
        except VouchError as error:
            results[index] = error
            continue
        found = _quiet_answer(quiet, facts, item)
        if found is None:
            others.append((index, item))
        else:
            results[index] = found
    if others:
        results |= _projected(facts, others, last_day=last_day, now=now, horizon_days=horizon_days)
    return results


def _quiet_answer(quiet: QuietAnswers, facts: Facts, item: AvailabilityItem) -> Availability | None:
    """The answer where the position alone decides."""
    sku, location, channel = item.sku, item.location, item.channel
    if location is None or item.on is not None or item.explain:
        return None
    if sku in facts.bundles or sku in facts.holds or facts.is_limited:
        return None
    if channel in facts.channels and facts.channels[channel].oversell_units:
        return None
    return quiet.of(
        facts.by_sku[sku][location],
        channel=channel,
        method=item.method,
        quantity=item.quantity,
    )


def _projected(
    facts: Facts,
    items: Sequence[tuple[int, AvailabilityItem]],
    *,
    last_day: date,
    now: datetime,
    horizon_days: int,
) -> dict[int, Availability | VouchError]:
    """The answers day by day, all over one projection."""
    results: dict[int, Availability | VouchError] = {}
    asked = [questions_of(facts, item.place, item.channel, item.method) for _, item in items]
    flat = [question for questions in asked for question in questions.values()]
    supplies = iter(asking.supplies_of(flat, facts.rules, last_day=last_day, now=now))
    for (index, item), questions in zip(items, asked, strict=True):
        parts = [(question, next(supplies)) for question in questions.values()]
        try:
            results[index] = _answer(facts, item, parts, horizon_days=horizon_days)
        except VouchError as error:
            results[index] = error
    return results


def _answer(
    facts: Facts,
    item: AvailabilityItem,
    parts: Sequence[tuple[Question, SkuSupply]],
    *,
    horizon_days: int,
) -> Availability:
    bundle = item.sku in facts.bundles
    if item.group is not None and item.sku in facts.ship_together:
        ask = Ask(
            line=1,
            sku=item.sku,
            units=0,
            group=item.group,
            method=item.method,
            on=item.on,
            components=facts.bundles[item.sku],
            ship_together=True,
        )
        return answer_together(
            {question.sku: supply for question, supply in parts},
            ask,
            channel=item.channel,
            horizon_days=horizon_days,
            quantity=item.quantity,
            explain=item.explain,
        )
    first_day = asking.first_day_of_all(parts) if bundle else None
    answers = {
        question.sku: asking.answer(
            supply,
            question,
            horizon_days=supply.projection.days if bundle else horizon_days,
            quantity=None if bundle else item.quantity,
            on=item.on or first_day,
            explain=item.explain and not bundle,
        )
        for question, supply in parts
    }
    if first_day is None:
        return answers[item.sku]
    return asking.bundle_answer(
        item.sku,
        facts.bundles[item.sku],
        answers,
        horizon_days=horizon_days,
        quantity=item.quantity,
        on=item.on,
        first_day=first_day,
        explain=item.explain,
    )


def questions_of(
    facts: Facts, place: Place, channel: str | None, method: str | None
) -> dict[str, Question]:
    """The questions behind one: the SKU itself, or each component of the bundle."""
    terms = facts.channels.get(channel or "", ChannelTerms())
    return {
        sku: Question(
            sku=sku,
            location=place.location,
            group=place.group,
            channel=channel,
            method=method,
            positions=_positions_near(facts, sku, place, whole=terms.oversell_units > 0),
            groups=facts.groups,
            holds=facts.holds.get(sku, ()),
            oversell_units=terms.oversell_units,
            channel_supply=facts.channel_supply,
        )
        for sku in facts.components(place.sku)
    }


def _positions_near(
    facts: Facts, sku: str, place: Place, *, whole: bool
) -> dict[str, PositionFacts]:
    """The positions of the SKU that bear on the answer: few, unless promises on groups do."""
    known = facts.by_sku.get(sku, {})
    if whole:
        return known
    if place.location is not None and sku not in facts.holds:
        return {place.location: known[place.location]}
    near = set(facts.groups[place.group]) if place.group is not None else {place.location}
    for hold in facts.holds.get(sku, ()):
        near.update(facts.groups[hold.group])
    return {location: known[location] for location in known if location in near}
