"""When jobs are due: pure rules of time, for a moment that is given."""

from datetime import UTC, datetime, time, timedelta
from typing import get_args

from pipelines.settings import Weekday

DAY = timedelta(days=1)
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def training_due(
    last: datetime | None, *, now: datetime, every_days: int, weekday: Weekday | None
) -> bool:
    """Whether it is time to train anew: `every_days` have passed, and the weekday is there.

    A weekday that was missed, as by a machine that slept, is caught up on the next day.

    >>> sunday = datetime(2026, 11, 22, 5, tzinfo=UTC)
    >>> training_due(sunday, now=sunday + 6 * DAY, every_days=7, weekday=None)
    False
    >>> training_due(sunday + 3 * DAY, now=sunday + 7 * DAY, every_days=4, weekday="sunday")
    True
    >>> training_due(sunday + 3 * DAY, now=sunday + 5 * DAY, every_days=1, weekday="sunday")
    False
    """
    if last is None:
        return True
    first_day = last.astimezone(UTC).date() + every_days * DAY
    if weekday is not None:
        first_day += ((WEEKDAYS.index(weekday) - first_day.weekday()) % 7) * DAY
    return now.astimezone(UTC).date() >= first_day


def last_due(now: datetime, *, at: time) -> datetime:
    """The latest moment, not after now, at which the daily job was due: every day at that UTC time.

    >>> last_due(datetime(2026, 11, 22, 5, 29, tzinfo=UTC), at=time(5, 30)).isoformat()
    '2026-11-21T05:30:00+00:00'
    """
    today = datetime.combine(now.astimezone(UTC).date(), at, tzinfo=UTC)
    return today if today <= now else today - DAY
