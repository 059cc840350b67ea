"""What sourcing must know of locations: where they are, what they cost, how full their day is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from inventory.geography import Point
from inventory.sourcing import COST_PER_KM, COST_PER_PARCEL, COST_PER_UNIT, KM_PER_DAY
from inventory.store import fulfilment_tallies
from inventory.store.fulfilment_tallies import Reliability


@dataclass(frozen=True, slots=True)
class SourcingPlace:
    """A location as sourcing sees it."""

    location: str
    latitude: float | None
    longitude: float | None
    daily_capacity: int | None
    cost_per_parcel: float
    cost_per_unit: float
    cost_per_km: float
    km_per_day: float

    @property
    def point(self) -> Point | None:
        if self.latitude is None or self.longitude is None:
            return None
        return Point(self.latitude, self.longitude)


def read(db: psycopg.Connection, locations: Collection[str]) -> dict[str, SourcingPlace]:
    """Locations by name."""
    with db.cursor(row_factory=class_row(SourcingPlace)) as cursor:
        rows = cursor.execute(
            """
            select location, latitude, longitude, daily_capacity,
                coalesce(cost_per_parcel, %s) as cost_per_parcel,
                coalesce(cost_per_unit, %s) as cost_per_unit,
                coalesce(cost_per_km, %s) as cost_per_km,
                coalesce(km_per_day, %s) as km_per_day
            from locations where location = any (%s)
            """,
            [COST_PER_PARCEL, COST_PER_UNIT, COST_PER_KM, KM_PER_DAY, list(locations)],
        )
        return {place.location: place for place in rows}


def reliability(
    db: psycopg.Connection, locations: Collection[str], *, now: datetime
) -> Mapping[str, Reliability]:
    """How reliably each sent its parcels, with what happened up to a few minutes ago."""
    fulfilment_tallies.update(db, now=now)
    return fulfilment_tallies.read(db, locations, now=now)


def hold_days(db: psycopg.Connection, locations: Collection[str]) -> None:
    """Let nobody else source parcels from those of the locations whose day is limited.

    Taken after the positions, in the order of names; it keeps no other writer waiting.
    """
    db.execute(
        "select from locations where location = any (%s) and daily_capacity is not null "
        "order by location for no key update",
        [list(locations)],
    )


def parcels_assigned(
    db: psycopg.Connection,
    days: Mapping[str, date],
    *,
    now: datetime,
    without: str | None = None,
) -> dict[str, int]:
    """Parcels that each location has for its day: open ones, and those that left.

    A reservation is one parcel per location. Holds that expired are none; `without` is left out.
    """
    rows = db.execute(
        """
        select k.location, count(distinct l.reservation_id)
        from unnest(%s::text[], %s::date[]) as k (location, day)
        join reservation_lines l on l.location = k.location and l.promised_date = k.day
        where l.location is not null and l.open_units + l.shipped_units > 0
            and (l.open_units = 0 or l.expires_at is null or l.expires_at > %s)
            and l.reservation_id is distinct from %s
        group by k.location
        """,
        [list(days), list(days.values()), now, without],
    )
    return dict(rows.fetchall())
