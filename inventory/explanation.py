"""Why an answer is what it is: signed terms that sum to `raw` on the day that binds."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from inventory.availability import Term, binding_index
from inventory.buffer_rules import buffer_source
from inventory.groups import Cut, GroupLimits
from inventory.pre_sales import waiting_units
from inventory.projection import HARD, PEG, SOFT, PositionFacts, Projection
from inventory.supply import SkuSupply, Taking

NAMED_MAX = 5
"""So many locations of a tier are named in the source of its terms."""

COMMITMENT_TERMS = {SOFT: "soft-holds", HARD: "orders", PEG: "pre-orders"}


def binding_day(supply: SkuSupply, taking: Taking, location: str | None, day: int) -> int:
    """Index of the day that holds back what may be taken at `day`."""
    if location is not None:
        row = supply.row_at(location)
        if _share_binds(taking, day):
            assert taking.room is not None
            return day + int(taking.room[day:].argmin())
        if taking.limits is None or taking.raw[day] >= supply.projection.raw[row, day]:
            return _binding(supply.projection, row, day)[0]
    assert taking.limits is not None, "a group always has limits"
    counted_on = taking.limits.cut_at(day).counted_on
    asked = taking.asked if location is None else [supply.rows[location]]
    return max((counted_on[row] for row in asked), default=day)


def terms(
    supply: SkuSupply,
    taking: Taking,
    location: str | None,
    day: int,
    *,
    by_tier: bool = False,
) -> tuple[Term, ...]:
    """The terms of the raw availability at `day` of a location, or of a group (`location` None).

    `by_tier`: those of a group for all locations of one type together, rather than for each.
    """
    if location is None:
        return tuple(_group_terms(supply, taking, day, by_tier=by_tier))
    row = supply.row_at(location)
    if _share_binds(taking, day):
        return tuple(_share_terms(supply, taking, location, day))
    projection = supply.projection
    parts = list(_position_terms(projection, row, day))
    given_units = int(projection.raw[row, day])
    if given_units > 0 and location in supply.refusing:
        parts.append(Term("method", -given_units, _offered(projection, row)))
        given_units = 0
    elif given_units > 0 and day < projection.opens[row]:
        parts.append(Term("handling", -given_units, _opening(projection, row)))
        given_units = 0
    kept = int(taking.raw[day]) - given_units
    if kept:
        assert taking.limits is not None
        names = _promise_names(taking.limits, taking.limits.cut_at(day))
        parts.append(Term("group-promises", kept, f"kept for promises on {names}"))
    return tuple(parts)


def _share_binds(taking: Taking, day: int) -> bool:
    return taking.stock is not None and bool(taking.raw[day] < taking.stock[day])


def _share_terms(supply: SkuSupply, taking: Taking, location: str, day: int) -> Iterator[Term]:
    """The balance of the day on which the channel's share is smallest, and the rest of others."""
    row = supply.row_at(location)
    binding = binding_day(supply, taking, location, day)
    yield from _balance_terms(supply.projection, row, binding)
    rest = int(supply.projection.balance(row)[binding] - taking.raw[day])
    assert supply.quotas is not None
    yield Term("channel-quota", -rest, supply.quotas.limits[row].quota_source)


def _offered(projection: Projection, row: int) -> str:
    facts = projection.positions[row]
    return f"{facts.location} offers {', '.join(facts.methods)} only"


def _opening(projection: Projection, row: int) -> str:
    opens_on = projection.date(projection.opens[row]).isoformat()
    return f"nothing leaves from here before {opens_on}"


def _binding(projection: Projection, row: int, day: int) -> tuple[int, bool]:
    rule = projection.rules[row]
    return binding_index(
        projection.balance(row).tolist(),
        projection.buffer[row].tolist(),
        day=day,
        lookahead_days=None if rule is None else rule.lookahead_days,
    )


def _position_terms(
    projection: Projection, row: int, day: int, *, where: str = ""
) -> Iterator[Term]:
    """The balance of the binding day, and the buffer if that binds."""
    binding, through_buffer = _binding(projection, row, day)
    yield from _balance_terms(projection, row, binding, where=where)
    rule = projection.rules[row]
    if through_buffer and rule is not None:
        facts = projection.positions[row]
        source = buffer_source(
            rule, computed=facts.computed_buffers.get(rule.rule_id), forecast=facts.forecast
        )
        yield Term("buffer", -int(projection.buffer[row, binding]), where + source)


def _balance_terms(
    projection: Projection, row: int, binding: int, *, where: str = ""
) -> Iterator[Term]:
    """On hand, supply and commitments up to a day, and what is kept for others."""
    facts = projection.positions[row]
    for status, units in sorted(facts.on_hand_units.items()):
        if status == "available":
            yield Term("on-hand", units, f"{where}status available")
        elif units:
            yield Term("on-hand", 0, f"{where}status {status}: {units} units, not for sale")
    yield from _commitment_terms(projection, facts, row, binding, where)
    yield from _inbound_terms(projection, facts, binding, where)
    if row in projection.claimed:
        axis = projection.axis(row)
        waiting = int(waiting_units(facts.pre_sales, axis)[: binding + 1].sum())
        names = ", ".join(sale.pre_sale_id for sale in facts.pre_sales if axis.counts(sale))
        claimed = int(projection.claimed[row][binding])
        source = f"{where}pre-sale {names}: {waiting} units wait for supply, {claimed} are kept"
        yield Term("pre-sale", waiting - claimed, source)
    if row in projection.reserved:
        reserved = int(projection.reserved[row][binding])
        yield Term("reserved-for-channel", -reserved, where + projection.reserved_for[row])


def _commitment_terms(
    projection: Projection, facts: PositionFacts, row: int, binding: int, where: str
) -> Iterator[Term]:
    until = projection.date(binding).isoformat()
    by_class: dict[str, int] = {}
    for commitment in facts.commitments:
        if max(projection.index(commitment.promised_date), projection.opens[row]) <= binding:
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


def _group_terms(supply: SkuSupply, taking: Taking, day: int, *, by_tier: bool) -> Iterator[Term]:
    """Every location of the cut at its own day, then the promises that the cut counts."""
    assert taking.limits is not None
    cut = taking.limits.cut_at(day)
    locations = {row: location for location, row in supply.rows.items()}
    tiers: dict[str, _Tier] = {}
    for row, at in sorted(cut.counted_on.items(), key=lambda item: locations[item[0]]):
        of_member = _member_terms(supply.projection, row, at, lacks=row in taking.asked)
        if not by_tier:
            yield from of_member
            continue
        tier = tiers.setdefault(supply.projection.positions[row].location_type, _Tier())
        tier.add(locations[row], of_member)
    for name, tier in sorted(tiers.items()):
        yield from tier.terms(name)
    for promise, at in cut.joined:
        promised = taking.limits.promises[promise]
        until = supply.projection.date(at).isoformat()
        source = f"group {promised.name}, promised until {until}"
        yield Term("group-promises", -promised.units_by_day[at], source)
    if _share_binds(taking, day):
        assert taking.stock is not None
        assert supply.quotas is not None
        sources = {supply.quotas.limits[row].quota_source for row in taking.asked}
        rest = int(taking.raw[day] - taking.stock[day])
        yield Term("channel-quota", rest, "; ".join(sorted(sources - {""})))


@dataclass(slots=True)
class _Tier:
    """What all locations of one type give together."""

    locations: list[str] = field(default_factory=list)
    units: Counter[str] = field(default_factory=Counter)

    def add(self, location: str, parts: Iterable[Term]) -> None:
        """Count in what a location gives; one that gives nothing and lacks nothing is left out."""
        found = [part for part in parts if part.quantity]
        if found:
            self.locations.append(location)
        for part in found:
            self.units[part.term] += part.quantity

    def terms(self, tier: str) -> Iterator[Term]:
        """One term of each kind."""
        named = ", ".join(self.locations[:NAMED_MAX])
        more = len(self.locations) - NAMED_MAX
        source = f"{tier}: {named}" + (f" and {more} more" if more > 0 else "")
        for term, units in self.units.items():
            yield Term(term, units, source)


def _member_terms(projection: Projection, row: int, day: int, *, lacks: bool) -> Iterator[Term]:
    """What a location gives to the group by that day; what it lacks counts where it was asked."""
    facts = projection.positions[row]
    where = f"{facts.location}: "
    raw = int(projection.raw[row, day])
    if raw > 0 and day < projection.opens[row]:
        return
    yield from _position_terms(projection, row, day, where=where)
    if raw < 0:
        yield Term("floor", -raw, f"{where}gives nothing")
    short = -min(int(projection.projected[row, day:].min()), 0)
    if short and lacks:
        yield Term("shortage", -short, f"{where}promised, not covered by supply")


def _promise_names(limits: GroupLimits, cut: Cut) -> str:
    names = sorted({limits.promises[promise].name for promise, _ in cut.joined})
    return "group " + ", ".join(names)
