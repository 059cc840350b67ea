"""Days as a location lives them: its time zone, its cut-off, its put-away lag, its handling.

A promise is made for a day, and a day ends when the last parcel can leave. Day 0 runs from now to
today's cut-off; after the cut-off, day 0 is the next day. Everything that is overdue sits in day 0,
except supply: goods that should have come and did not are worth nothing until they are re-dated.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name."""
    return ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a location's days begin and end."""

    timezone: str = "UTC"
    cutoff: time | None = None
    """Local time after which nothing leaves on that day any more. None: midnight."""
    put_away_lag_days: int = 0
    """Days between the arrival of goods and the moment they can be picked."""
    handling_days: int = 0
    """Days from deciding that something is sent from here to the day it leaves for the customer:
    what a hub needs to handle it, or the lead time of a vendor who ships for us."""

    def day_of(self, moment: datetime) -> date:
        """The day on which something that is here at `moment` can still leave.

        >>> from datetime import UTC
        >>> berlin = Calendar("Europe/Berlin", cutoff=time(17))
        >>> berlin.day_of(datetime(2026, 7, 1, 15, 0, tzinfo=UTC)).isoformat()
        '2026-07-01'
        >>> berlin.day_of(datetime(2026, 7, 1, 15, 1, tzinfo=UTC)).isoformat()
        '2026-07-02'
        """
        assert moment.tzinfo is not None
        local = moment.astimezone(zone(self.timezone))
        if self.cutoff is not None and local.time() > self.cutoff:
            return local.date() + ONE_DAY
        return local.date()

    def pickable_on(self, expected_at: datetime, *, now: datetime) -> date | None:
        """First day on which goods expected then can be promised; None while they are overdue."""
        arrives_on = self.day_of(expected_at)
        if arrives_on < self.day_of(now):
            return None
        return arrives_on + timedelta(days=self.put_away_lag_days + self.handling_days)


UTC_DAYS = Calendar()
"""Days that end at midnight UTC."""
