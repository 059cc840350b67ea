"""Which promise buffer a view gets: the most specific rule wins, buffers never add up.

    (SKU, location, method, channel) > (SKU, location, method) > (SKU, location)
        > (category, location type, method) > nothing

A rule says how many units to withhold as a quantity, as days of cover of the forecast, or leaves it
to the forecast of competing demand (`inventory.promise_buffer`, worked out by a job and stored).
"""

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BufferRule:
    """One rule. A field that is None matches every view; exactly one measure is given."""

    rule_id: str
    sku: str | None = None
    category: str | None = None
    location: str | None = None
    location_type: str | None = None
    method: str | None = None
    channel: str | None = None
    quantity: int | None = None
    days_of_cover: float | None = None
    from_forecast: bool = False
    floor_units: int = 0
    """Least that a forecast rule withholds, also before its first computation."""
    lookahead_days: int | None = None

    @property
    def specificity(self) -> tuple[bool, ...]:
        """Compares as the order above: a SKU says more than a place, a place more than a view."""
        fields = (self.sku, self.location, self.category, self.location_type)
        return tuple(field is not None for field in (*fields, self.method, self.channel))


@dataclass(frozen=True, slots=True)
class View:
    """Where, what and through whom a promise is asked for."""

    sku: str
    category: str
    location: str
    location_type: str
    method: str | None
    channel: str | None


def matches(rule: BufferRule, view: View) -> bool:
    """Whether the rule speaks of this view."""
    return (
        rule.sku in (None, view.sku)
        and rule.category in (None, view.category)
        and rule.location in (None, view.location)
        and rule.location_type in (None, view.location_type)
        and rule.method in (None, view.method)
        and rule.channel in (None, view.channel)
    )


def most_specific_first(rules: Iterable[BufferRule]) -> list[BufferRule]:
    """The rules in the order in which they win; equals by their id."""
    by_id = sorted(rules, key=lambda rule: rule.rule_id)
    return sorted(by_id, key=lambda rule: rule.specificity, reverse=True)


def winning_rule(rules_in_order: Iterable[BufferRule], view: View) -> BufferRule | None:
    """The first rule that matches, of rules put `most_specific_first`. None: no buffer.

    >>> rules = [BufferRule("b", method="bopis", quantity=1), BufferRule("a", sku="A", quantity=2)]
    >>> view = View("A", "toys", "S1", "store", "bopis", None)
    >>> winning_rule(most_specific_first(rules), view).rule_id
    'a'
    """
    return next((rule for rule in rules_in_order if matches(rule, view)), None)


class Viewed(Protocol):
    """A position, as far as rules speak of it."""

    sku: str
    category: str
    location: str
    location_type: str


class RulesInOrder:
    """Rules by what they name: the winner of a thousand views costs little more than that of one.

    A rule that names a SKU wins over all that do not, and then one that names a location; so only
    rules that name neither are compared, once for every kind of view.
    """

    def __init__(self, rules: Iterable[BufferRule]) -> None:
        self._by_sku: dict[str, list[BufferRule]] = {}
        self._by_location: dict[str, list[BufferRule]] = {}
        self._general: list[BufferRule] = []
        self._winners: dict[tuple[str, str, str | None, str | None], BufferRule | None] = {}
        for rule in most_specific_first(rules):
            if rule.sku is not None:
                self._by_sku.setdefault(rule.sku, []).append(rule)
            elif rule.location is not None:
                self._by_location.setdefault(rule.location, []).append(rule)
            else:
                self._general.append(rule)

    def winner(
        self, position: Viewed, *, method: str | None, channel: str | None
    ) -> BufferRule | None:
        """The rule of a view: that of `winning_rule` over all of them."""
        named: Sequence[BufferRule] = ()
        if position.sku in self._by_sku:
            named = self._by_sku[position.sku]
        if position.location in self._by_location:
            named = [*named, *self._by_location[position.location]]
        if named:
            found = winning_rule(named, _view(position, method, channel))
            if found is not None:
                return found
        kind = (position.category, position.location_type, method, channel)
        if kind not in self._winners:
            self._winners[kind] = winning_rule(self._general, _view(position, method, channel))
        return self._winners[kind]


def _view(position: Viewed, method: str | None, channel: str | None) -> View:
    return View(
        position.sku,
        position.category,
        position.location,
        position.location_type,
        method,
        channel,
    )


@dataclass(frozen=True, slots=True)
class DatedUnits:
    """Units per day from a first day on. Before it nothing, after the last day its value."""

    first_day: date
    units: Sequence[float]
    run_id: str = ""

    def over(self, first_day: date, days: int) -> list[float]:
        """The values of so many days from `first_day` on."""
        if not self.units:
            return [0] * days
        offset = (first_day - self.first_day).days
        before = min(max(-offset, 0), days)
        inside = list(self.units[max(offset, 0) : max(offset, 0) + days - before])
        after = days - before - len(inside)
        return [0] * before + inside + [self.units[-1]] * after


def cover_units(
    forecast: DatedUnits, days_of_cover: float, *, first_day: date, days: int
) -> list[int]:
    """Whole units that mean demand takes in so many days from each day on.

    A part of a day counts in part; what is left over a whole unit is rounded up. Rounding errors
    of the stored forecast, kept in single precision, do not buy another unit.
    """
    whole = math.floor(days_of_cover)
    parts = [1.0] * whole + [days_of_cover - whole]
    mean = forecast.over(first_day, days + whole)
    return [math.ceil(sum(map(operator.mul, parts, mean[day:])) - 1e-4) for day in range(days)]


def buffer_units(
    rule: BufferRule | None,
    *,
    first_day: date,
    days: int,
    computed: DatedUnits | None = None,
    forecast: DatedUnits | None = None,
) -> list[int]:
    """B over so many days, units ≥ 0. `computed`: the stored buffer of a forecast rule.

    `forecast`: mean demand of the position, for days of cover; without one nothing is withheld.
    """
    if rule is None:
        return [0] * days
    if rule.quantity is not None:
        return [rule.quantity] * days
    if rule.days_of_cover is not None:
        if forecast is None:
            return [0] * days
        return cover_units(forecast, rule.days_of_cover, first_day=first_day, days=days)
    if computed is None:
        return [rule.floor_units] * days
    return [max(rule.floor_units, int(units)) for units in computed.over(first_day, days)]


def buffer_source(
    rule: BufferRule | None,
    *,
    computed: DatedUnits | None = None,
    forecast: DatedUnits | None = None,
) -> str:
    """Words for the explanation: the rule, and the forecast run its figure came from."""
    if rule is None:
        return "no buffer rule"
    used = computed if rule.from_forecast else forecast if rule.days_of_cover is not None else None
    return f"buffer-rule {rule.rule_id}" + (f", forecast run {used.run_id}" if used else "")
