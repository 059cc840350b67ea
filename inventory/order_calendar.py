"""On which days a vendor takes orders: weekdays, less the days on which it is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from inventory.errors import InputRejected

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

AHEAD_DAYS_MAX = 366
"""How far ahead an order day is looked for: a calendar without one for so long is a mistake."""

CLOSED_DAYS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class OrderCalendar:
    """Order days of a vendor, for all it sells or for a location, a category or both."""

    id: str
    vendor: str
    weekdays: tuple[str, ...]
    location: str | None = None
    category: str | None = None
    closed_on: tuple[date, ...] = ()

    def order_day(self, today: date) -> date | None:
        """The first day from `today` on that takes orders; None where a year has none.

        >>> mondays = OrderCalendar("m", "ACME", ("monday",), closed_on=(date(2026, 3, 9),))
        >>> str(mondays.order_day(date(2026, 3, 3)))
        '2026-03-16'
        """
        for days in range(AHEAD_DAYS_MAX):
            day = today + timedelta(days=days)
            if WEEKDAYS[day.weekday()] in self.weekdays and day not in self.closed_on:
                return day
        return None

    def review_days(self, today: date) -> int | None:
        """Days that an order has to last until the next one; None where there is none in a year.

        That is the longest wait between two order days of a week, or the next one where closed
        days make it longer still.

        >>> week = OrderCalendar("w", "ACME", ("monday", "thursday"))
        >>> week.review_days(date(2026, 3, 3))
        4
        """
        first = self.order_day(today)
        second = first and self.order_day(first + timedelta(days=1))
        if first is None or second is None:
            return None
        days = sorted(WEEKDAYS.index(day) for day in set(self.weekdays))
        usual = max(b - a for a, b in pairwise([*days, days[0] + len(WEEKDAYS)]))
        return max(usual, (second - first).days)


def checked(calendar: OrderCalendar) -> OrderCalendar:
    """The calendar, or `InputRejected` naming what cannot be meant."""
    _check_weekdays(calendar.weekdays)
    if len(calendar.closed_on) > CLOSED_DAYS_MAX:
        raise InputRejected(f"at most {CLOSED_DAYS_MAX} closed days", field="closed_on")
    return calendar


def _check_weekdays(weekdays: Sequence[str]) -> None:
    odd = [day for day in weekdays if day not in WEEKDAYS]
    if odd or not weekdays:
        raise InputRejected(
            f"give one or more of {', '.join(WEEKDAYS)}" + (f", not '{odd[0]}'" if odd else ""),
            field="weekdays",
        )
