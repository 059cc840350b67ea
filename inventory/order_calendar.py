"""On which days a vendor takes orders: weekdays, less the days on which it is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from inventory.errors import InputRejected

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

AHEAD_DAYS_MAX = 366
"""A calendar without an order day for so long is a mistake."""

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

    def order_day(self, today: date) -> date:
        """The first day from `today` on that takes orders.

        >>> mondays = OrderCalendar("m", "ACME", ("monday",), closed_on=(date(2026, 3, 9),))
        >>> str(mondays.order_day(date(2026, 3, 3)))
        '2026-03-16'
        """
        for days in range(AHEAD_DAYS_MAX):
            day = today + timedelta(days=days)
            if WEEKDAYS[day.weekday()] in self.weekdays and day not in self.closed_on:
                return day
        raise InputRejected(
            f"calendar '{self.id}' takes no order for a year from {today}; open some of its days",
            field="closed_on",
        )


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
