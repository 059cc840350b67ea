"""From stock facts to answers: the supplies of a question, and the availability of a place.

Several questions share one projection, so that a thousand cost little more than one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from inventory import explanation
from inventory.availability import Availability, PreSaleLeft, Term, earliest_index
from inventory.buffer_rules import BufferRule, RulesInOrder
from inventory.bundles import binding_component, bundle_atp, bundle_atp_by_day
from inventory.catalog import EVERYWHERE
from inventory.channel_supply import ChannelSupply
from inventory.channel_view import limit_to_channel
from inventory.errors import InputRejected
from inventory.projection import PositionFacts, Projection, member_method, offers
from inventory.promising import day_asked
from inventory.supply import GroupHold, SkuSupply, Taking

HORIZON_DAYS = 28
"""How far ahead an answer looks at least. Promises for later days lengthen it."""

HORIZON_DAYS_MAX = 730
"""The furthest day that may be asked for, or promised."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one view may take of one SKU (not a bundle) at a location or in a group.

    `positions`: every position that bears on the answer, by location.
    """

    sku: str
    location: str | None
    group: str | None
    channel: str | None
    method: str | None
    positions: Mapping[str, PositionFacts]
    groups: Mapping[str, Sequence[str]]
    holds: Sequence[GroupHold] = ()
    oversell_units: int = 0
    named: frozenset[str] = frozenset()
    """Further locations that a basket asks for by name."""
    channel_supply: ChannelSupply | None = None
    """Links that bear on the answer; None where there are none."""

    def member_method_at(self, location: str) -> str | None:
        """How that location fulfils what was asked of a group."""
        return member_method(self.method, self.positions[location].location_type)

    @property
    def named_otherwise(self) -> list[str]:
        """Locations asked for by name that fulfil as asked, and not as they would for a group."""
        return [at for at in self._asked_by_name if self.member_method_at(at) != self.method]

    @property
    def refusing(self) -> frozenset[str]:
        """Locations asked for by name that do not offer the method."""
        return frozenset(
            at for at in self._asked_by_name if not offers(self.positions[at], self.method)
        )

    @property
    def _asked_by_name(self) -> list[str]:
        named = self.named if self.location is None else self.named | {self.location}
        return [location for location in sorted(named) if location in self.positions]


def supplies_of(
    questions: Sequence[Question], rules: Sequence[BufferRule], *, last_day: date, now: datetime
) -> list[SkuSupply]:
    """The supply behind each question, all on one axis that reaches at least `last_day`."""
    positions: list[PositionFacts] = []
    row_rules: list[BufferRule | None] = []
    rows: list[dict[str, int]] = []
    named_rows: list[dict[str, int]] = []
    by_name = RulesInOrder(rules)
    for question in questions:
        places = list(question.positions)
        named = question.named_otherwise
        rows.append({place: len(positions) + i for i, place in enumerate(places)})
        named_rows.append(
            {place: len(positions) + len(places) + i for i, place in enumerate(named)}
        )
        facts = [question.positions[place] for place in (*places, *named)]
        methods = [question.member_method_at(place) for place in places]
        methods += [question.method] * len(named)
        row_rules += [
            by_name.winner(position, method=method, channel=question.channel)
            for position, method in zip(facts, methods, strict=True)
        ]
        positions += facts
    first_day = min((_day_zero(p, now) for p in positions), default=now.date())
    holds = [hold for question in questions for hold in question.holds]
    days = _days(positions, holds, first_day=first_day, last_day=last_day)
    projection = Projection(positions, rules=row_rules, first_day=first_day, days=days, now=now)
    supplies = [
        SkuSupply(
            question.sku,
            projection,
            rows_of,
            named_rows=named_of,
            holds=question.holds,
            groups=question.groups,
            oversell_units=question.oversell_units,
            refusing=question.refusing,
        )
        for question, rows_of, named_of in zip(questions, rows, named_rows, strict=True)
    ]
    for question, supply in zip(questions, supplies, strict=True):
        limit_to_channel(
            supply, question.channel_supply, channel=question.channel, method=question.method
        )
    return supplies


def _day_zero(position: PositionFacts, now: datetime) -> date:
    return position.calendar.day_of(now)


def _days(
    positions: Iterable[PositionFacts],
    holds: Iterable[GroupHold],
    *,
    first_day: date,
    last_day: date,
) -> int:
    """Length of the axis: no promise may lie beyond it, or the look-ahead would not see it."""
    promised = [c.promised_date for position in positions for c in position.commitments]
    promised += [hold.promised_date for hold in holds]
    furthest = first_day + timedelta(days=HORIZON_DAYS_MAX)
    launches = [sale.available_on for position in positions for sale in position.pre_sales]
    promised += [day for day in launches if day <= furthest]
    last = max([last_day, first_day + timedelta(days=HORIZON_DAYS), *promised])
    return (last - first_day).days + 1


def taking_of(supply: SkuSupply, question: Question) -> Taking:
    """What may be taken at the place of the question."""
    if question.location is not None:
        return supply.at_location(question.location)
    assert question.group is not None
    return supply.in_group(question.group, question.method)


def answer(
    supply: SkuSupply,
    question: Question,
    *,
    horizon_days: int,
    quantity: int | None,
    on: date | None,
    explain: bool,
) -> Availability:
    """The published answer for one SKU."""
    projection = supply.projection
    taking = taking_of(supply, question)
    day_zero = taking.day_zero
    day = day_zero if on is None else day_asked(projection, on, day_zero=day_zero)
    atp = taking.atp
    earliest = None if quantity is None else earliest_index(atp, quantity, start=day)
    binding = explanation.binding_day(supply, taking, question.location, day)
    terms = None
    if explain:
        by_tier = question.group == EVERYWHERE
        terms = explanation.terms(supply, taking, question.location, day, by_tier=by_tier)
    return Availability(
        sku=question.sku,
        location=question.location,
        group=question.group,
        channel=question.channel,
        method=question.method,
        as_of=projection.now,
        atp=atp[day],
        raw=int(taking.raw[day]),
        binding_date=projection.date(binding),
        first_day=projection.date(day_zero),
        atp_by_day=tuple(atp[day_zero : day_zero + horizon_days + 1]),
        quantity=quantity,
        earliest_date=None if earliest is None else projection.date(earliest),
        terms=terms,
        pre_sales=_pre_sales(supply, question),
    )


def _pre_sales(supply: SkuSupply, question: Question) -> tuple[PreSaleLeft, ...]:
    """What the channel may still sell ahead where it asks."""
    if not supply.pre_orders:
        return ()
    if question.location is not None:
        places = [question.location]
    else:
        places = supply.members(question.group or "", question.method)
    return tuple(
        PreSaleLeft(sale.pre_sale_id, place, sale.available_on, ahead.left[sale.pre_sale_id])
        for place in places
        if (ahead := supply.pre_orders.get(place)) is not None
        for sale in ahead.sales
    )


def first_day_of_all(parts: Sequence[tuple[Question, SkuSupply]]) -> date:
    """The first day on which every component of a bundle can leave, each from places of its own."""
    projection = parts[0][1].projection
    return projection.date(max(taking_of(supply, question).day_zero for question, supply in parts))


def bundle_answer(
    bundle: str,
    components: Mapping[str, int],
    answers: Mapping[str, Availability],
    *,
    horizon_days: int,
    quantity: int | None,
    on: date | None,
    first_day: date,
    explain: bool,
) -> Availability:
    """The answer for a bundle from those of its components, each up to the last day of the axis.

    `first_day`: the day 0 of the bundle; some component may have days before it.
    """
    raw = {sku: component.raw for sku, component in answers.items()}
    binding = binding_component(raw, components)
    limiting = answers[binding]
    common_days = {
        sku: component.atp_by_day[(first_day - component.first_day).days :]
        for sku, component in answers.items()
    }
    by_day = bundle_atp_by_day(common_days, components)
    start = 0 if on is None else (on - first_day).days
    earliest = None
    if quantity is not None:
        found = earliest_index(by_day, quantity, start=start)
        earliest = None if found is None else first_day + timedelta(days=found)
    bundle_raw = bundle_atp(raw, components)
    terms = [
        Term("component", bundle_raw if sku == binding else 0, _enough(sku, units, components[sku]))
        for sku, units in sorted(raw.items(), key=lambda part: part[0] != binding)
    ]
    return replace(
        limiting,
        sku=bundle,
        atp=bundle_atp({sku: a.atp for sku, a in answers.items()}, components),
        raw=bundle_raw,
        first_day=first_day,
        atp_by_day=tuple(by_day[: horizon_days + 1]),
        quantity=quantity,
        earliest_date=earliest,
        terms=tuple(terms) if explain else None,
        pre_sales=(),
    )


def _enough(sku: str, units: int, in_each: int) -> str:
    return f"component {sku}: {units} units, {in_each} in each, enough for {units // in_each}"


def check_horizon(horizon_days: int, on: date | None, *, now: datetime) -> date:
    """The last day that an answer must cover; raises `InputRejected` when that is too far."""
    if not 0 <= horizon_days <= HORIZON_DAYS_MAX:
        raise InputRejected(f"must be from 0 to {HORIZON_DAYS_MAX}", field="horizon")
    today = now.date()
    # Two days more: the first day of a place in another time zone, past its cut-off.
    last_day = today + timedelta(days=horizon_days + 2)
    if on is None:
        return last_day
    if on > today + timedelta(days=HORIZON_DAYS_MAX):
        raise InputRejected(f"at most {HORIZON_DAYS_MAX} days from today", field="on")
    return max(last_day, on)
