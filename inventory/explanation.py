"""Why an answer is what it is: signed terms that sum to `raw` on the day that binds."""

from collections.abc import Iterator

from inventory.availability import Term, binding_index
from inventory.buffer_rules import buffer_source
from inventory.groups import Cut, tightest_from
from inventory.projection import HARD, PEG, SOFT, PositionFacts, Projection
from inventory.supply import SkuSupply, Taking

COMMITMENT_TERMS = {SOFT: "soft-holds", HARD: "orders", PEG: "pre-orders"}


def binding_day(supply: SkuSupply, taking: Taking, location: str | None, day: int) -> int:
    """Index of the day that holds back what may be taken at `day`."""
    if taking.cuts:
        cut = tightest_from(taking.cuts, day)
        if location is None or cut.slack_units < supply.projection.raw[supply.rows[location], day]:
            counted_on = _days_of_locations(supply, taking, cut)
            names = (name for name, row in supply.rows.items() if row in taking.asked)
            return max((counted_on[name] for name in names), default=cut.day)
    assert location is not None, "a group is always held back by a cut"
    return _binding(supply.projection, supply.rows[location], day)[0]


def terms(supply: SkuSupply, taking: Taking, location: str | None, day: int) -> tuple[Term, ...]:
    """The terms of the raw availability at `day` of a location, or of a group (`location` None)."""
    if location is None:
        return tuple(_group_terms(supply, taking, day))
    row = supply.rows[location]
    parts = list(_position_terms(supply.projection, row, day))
    kept = int(taking.raw[day] - supply.projection.raw[row, day])
    if kept:
        names = _promise_names(taking, tightest_from(taking.cuts, day))
        parts.append(Term("group-promises", kept, f"kept for promises on {names}"))
    return tuple(parts)


def _binding(projection: Projection, row: int, day: int) -> tuple[int, bool]:
    rule = projection.rules[row]
    return binding_index(
        projection.projected[row].tolist(),
        projection.buffer[row].tolist(),
        day=day,
        lookahead_days=None if rule is None else rule.lookahead_days,
    )


def _position_terms(
    projection: Projection, row: int, day: int, *, where: str = ""
) -> Iterator[Term]:
    """On hand, supply and commitments up to the binding day, and the buffer if that binds."""
    binding, through_buffer = _binding(projection, row, day)
    facts = projection.positions[row]
    for status, units in sorted(facts.on_hand_units.items()):
        if status == "available":
            yield Term("on-hand", units, f"{where}status available")
        elif units:
            yield Term("on-hand", 0, f"{where}status {status}: {units} units, not for sale")
    yield from _commitment_terms(projection, facts, row, binding, where)
    yield from _inbound_terms(projection, facts, binding, where)
    rule = projection.rules[row]
    if through_buffer and rule is not None:
        source = buffer_source(
            rule, computed=facts.computed_buffers.get(rule.rule_id), forecast=facts.forecast
        )
        yield Term("buffer", -int(projection.buffer[row, binding]), where + source)


def _commitment_terms(
    projection: Projection, facts: PositionFacts, row: int, binding: int, where: str
) -> Iterator[Term]:
    until = projection.date(binding).isoformat()
    by_class: dict[str, int] = {}
    for commitment in facts.commitments:
        if max(projection.index(commitment.promised_date), projection.day_zero[row]) <= binding:
            name = commitment.commitment_class
            by_class[name] = by_class.get(name, 0) + commitment.units
    for name, units in sorted(by_class.items()):
        yield Term(COMMITMENT_TERMS[name], -units, f"{where}promised until {until}")


def _inbound_terms(
    projection: Projection, facts: PositionFacts, binding: int, where: str
) -> Iterator[Term]:
    for inbound in facts.inbound:
        pickable_on = facts.calendar.pickable_on(inbound.expected_at, now=projection.now)
        if pickable_on is None:
            source = f"{where}{inbound.inbound_id}: {inbound.units} units overdue, not counted"
            yield Term("inbound", 0, source)
        elif projection.index(pickable_on) <= binding:
            source = f"{where}{inbound.inbound_id} ({inbound.state}) on {pickable_on.isoformat()}"
            yield Term("inbound", inbound.units, source)


def _group_terms(supply: SkuSupply, taking: Taking, day: int) -> Iterator[Term]:
    """Every location of the cut at its own day, then the promises that the cut counts."""
    cut = tightest_from(taking.cuts, day)
    for location, at in sorted(_days_of_locations(supply, taking, cut).items()):
        yield from _member_terms(supply.projection, supply.rows[location], at)
    for promise, at in cut.joined:
        name = taking.promises[promise].name
        until = supply.projection.date(at).isoformat()
        units = taking.promises[promise].units_by_day[at]
        yield Term("group-promises", -units, f"group {name}, promised until {until}")


def _days_of_locations(supply: SkuSupply, taking: Taking, cut: Cut) -> dict[str, int]:
    """The latest day at which each location of the cut is counted."""
    names = {row: location for location, row in supply.rows.items()}
    days = dict.fromkeys((names[row] for row in taking.asked), cut.day)
    for promise, at in cut.joined:
        for row in taking.promises[promise].members:
            days[names[row]] = max(days.get(names[row], 0), at)
    return days


def _member_terms(projection: Projection, row: int, day: int) -> Iterator[Term]:
    location = projection.positions[row].location
    raw = int(projection.raw[row, day])
    short = -min(int(projection.projected[row, day:].min()), 0)
    if raw > 0 and day < projection.day_zero[row]:
        return
    yield from _position_terms(projection, row, day, where=f"{location}: ")
    if raw < 0:
        yield Term("floor", -raw, f"{location}: gives nothing")
    if short:
        yield Term("shortage", -short, f"{location}: promised, not covered by supply")


def _promise_names(taking: Taking, cut: Cut) -> str:
    names = sorted({taking.promises[promise].name for promise, _ in cut.joined})
    return "group " + ", ".join(names)
