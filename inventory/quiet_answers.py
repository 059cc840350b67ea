"""The answer where nothing is dated: stock on hand, at most a buffer that is the same every day.

Most positions are like that at most times. Then P(t) = OH on every day, so U = OH, and with B ≥ 0
raw(t) = OH - B whatever the look-ahead: no day differs from another and day 0 itself binds. This is
the same formula as `inventory.availability`, solved by hand, at a hundredth of the cost.
"""

from collections.abc import Sequence
from datetime import date, datetime

from inventory.availability import Availability
from inventory.buffer_rules import BufferRule, RulesInOrder
from inventory.projection import PositionFacts, offers


class QuietAnswers:
    """Answers of one moment. Shares what positions share: rules of a view, day 0 of a calendar."""

    def __init__(self, rules: Sequence[BufferRule], *, now: datetime, horizon_days: int) -> None:
        self.now = now
        self.days = horizon_days + 1
        self._rules = RulesInOrder(rules)
        self._day_zero: dict[str, date] = {}
        """By location."""

    def of(
        self,
        position: PositionFacts,
        *,
        channel: str | None,
        method: str | None,
        quantity: int | None = None,
    ) -> Availability | None:
        """What a view may take of a position asked for by name; None where more must be looked at.

        The caller has made sure that no promise on a group, no allowance to oversell and no supply
        link bears on the position.
        """
        calendar = position.calendar
        if position.commitments or position.inbound or position.pre_sales or calendar.handling_days:
            return None
        if position.methods and not offers(position, method):
            return None
        rule = self._rules.winner(position, method=method, channel=channel)
        raw = position.on_hand_units.get("available", 0)
        if rule is not None:
            if rule.quantity is None:
                return None
            raw -= rule.quantity
        location = position.location
        day_zero = self._day_zero.get(location)
        if day_zero is None:
            day_zero = self._day_zero[location] = calendar.day_of(self.now)
        atp = max(0, raw)
        return Availability(
            position.sku,
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
