"""The answer of a position by itself, without laying out its days beside those of others.

Nothing is dated at most positions at most times. Then P(t) = OH on every day, so U = OH, and with
B ≥ 0 raw(t) = OH - B whatever the look-ahead: no day differs from another and day 0 itself binds.

Where something is dated, P is a running sum over few changes, and with a buffer B that is the same
every day and looked at over the whole horizon raw(t) = U(t) - B. The first day on which P is lowest
binds. Both are the formulas of `inventory.availability`, solved by hand, at a part of the cost.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date, datetime
from itertools import accumulate

from inventory.availability import Availability
from inventory.buffer_rules import BufferRule, RulesInOrder
from inventory.projection import PositionFacts, offers


class QuietAnswers:
    """Answers of one moment. Shares what positions share: rules of a view, day 0 of a calendar.

    The caller has made sure that no promise on a group, no allowance to oversell and no supply
    link bears on a position.
    """

    def __init__(self, rules: Iterable[BufferRule], *, now: datetime, horizon_days: int) -> None:
        self.now = now
        self.days = horizon_days + 1
        rules = list(rules)
        self._rules = RulesInOrder(rules)
        self._named_skus = {rule.sku for rule in rules if rule.sku is not None}
        self._named_locations = {rule.location for rule in rules if rule.sku is None}
        self._places: dict[tuple[str, str | None], tuple[date, str]] = {}
        """Day 0 and type of locations, by method, where nothing but stock decides."""
        self._withheld: dict[tuple[str, str, str | None, str | None], int] = {}
        """Units by category, type of location, channel and method, where no rule names more."""

    def undated(
        self,
        sku: str,
        location: str,
        category: str,
        units: int,
        *,
        channel: str | None,
        method: str | None,
        quantity: int | None,
    ) -> Availability | None:
        """The answer for so many units on hand, and nothing else, where positions like it were met.

        None where `of` must be asked.
        """
        if sku in self._named_skus:
            return None
        try:
            day_zero, location_type = self._places[location, method]
            raw = units - self._withheld[category, location_type, channel, method]
        except KeyError:
            return None
        atp = raw if raw > 0 else 0  # noqa: FURB136 - a call takes as long as half the rest.
        return Availability(
            sku,
            location,
            None,
            channel,
            method,
            self.now,
            atp,
            raw,
            day_zero,
            day_zero,
            (atp,) * self.days,
            quantity,
            None if quantity is None or atp < quantity else day_zero,
        )

    def of(
        self,
        position: PositionFacts,
        *,
        channel: str | None,
        method: str | None,
        quantity: int | None = None,
    ) -> Availability | None:
        """What a view may take of a position asked for by name; None where more must be looked at.

        That is where units are withheld that change or are looked at for some days only, where
        goods need handling or are sold ahead, and where the method is not offered.
        """
        if position.calendar.handling_days or position.pre_sales:
            return None
        if position.methods and not offers(position, method):
            return None
        rule = self._rules.winner(position, method=method, channel=channel)
        withheld_units = 0 if rule is None else rule.quantity
        if withheld_units is None:
            return None
        day_zero = position.calendar.day_of(self.now)
        dated = bool(position.commitments or position.inbound)
        if dated and rule is not None and rule.lookahead_days is not None:
            return None
        if position.location not in self._named_locations:
            kind = position.location_type
            self._places[position.location, method] = day_zero, kind
            if position.sku not in self._named_skus:
                self._withheld[position.category, kind, channel, method] = withheld_units
        if dated:
            projected = self._projected(position, day_zero)
            free = list(accumulate(reversed(projected), min))
            free.reverse()
            binding_date = _day_after(day_zero, projected.index(free[0]))
            raw = free[0] - withheld_units
            by_day = tuple([max(0, units - withheld_units) for units in free[: self.days]])
        else:
            raw = position.on_hand_units.get("available", 0) - withheld_units
            binding_date, by_day = day_zero, (max(0, raw),) * self.days
        earliest = None
        if quantity is not None and by_day[-1] >= quantity:
            earliest = _day_after(day_zero, bisect_left(by_day, quantity))
        elif quantity is not None and position.inbound:
            return None  # It may be had later, as far ahead as others ask.
        return Availability(
            position.sku,
            position.location,
            None,
            channel,
            method,
            self.now,
            by_day[0],
            raw,
            binding_date,
            day_zero,
            by_day,
            quantity,
            earliest,
        )

    def _projected(self, position: PositionFacts, day_zero: date) -> list[int]:
        """P for the days asked about, and on to the last promise. Beyond it P only grows."""
        zero = day_zero.toordinal()
        taken = [
            (max(c.promised_date.toordinal() - zero, 0), c.units) for c in position.commitments
        ]
        days = max([self.days, *[day + 1 for day, _ in taken]])
        changes = [0] * days
        changes[0] = position.on_hand_units.get("available", 0)
        for day, units in taken:
            changes[day] -= units
        for supply in position.inbound:
            day = position.calendar.day_of(supply.expected_at).toordinal() - zero
            if day < 0:
                continue  # Overdue: worth nothing until it is dated anew.
            day += position.calendar.put_away_lag_days
            if day < days:
                changes[day] += supply.units
        return list(accumulate(changes))


def _day_after(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() + days)
