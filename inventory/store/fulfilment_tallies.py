"""How reliably each location sent its parcels, counted once from the history of reservations."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

WINDOW_DAYS = 90
"""Older parcels say little about how a place works today."""

PRIOR_PARCELS = 20
PRIOR_SHARE = 0.95
"""What is believed of a place before it has sent anything, and how many parcels that is worth."""

EVENTS_MAX = 20_000
"""Events counted in one go: the first reader after a long time does not wait for all of them."""

SETTLED_AFTER = timedelta(minutes=5)
"""Events count once no transaction with an earlier number can still be under way."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """What became of a location's parcels lately."""

    on_time_parcels: int = 0
    late_parcels: int = 0
    rejected_parcels: int = 0

    @property
    def share(self) -> float:
        """Expected share of parcels that leave, and on time: the mean of a beta distribution.

        (on time + 20 · 0.95) / (all + 20), so that one bad parcel does not condemn a new place.
        """
        seen = self.on_time_parcels + self.late_parcels + self.rejected_parcels
        return (self.on_time_parcels + PRIOR_PARCELS * PRIOR_SHARE) / (seen + PRIOR_PARCELS)

    def as_dict(self) -> dict[str, object]:
        return {
            "on_time": self.on_time_parcels,
            "late": self.late_parcels,
            "rejected": self.rejected_parcels,
            "prior": {"parcels": PRIOR_PARCELS, "share": PRIOR_SHARE},
        }


def read(
    db: psycopg.Connection, locations: Collection[str], *, now: datetime
) -> dict[str, Reliability]:
    """The reliability of each location over the last `WINDOW_DAYS` days."""
    rows = db.execute(
        """
        select location, sum(on_time_parcels)::bigint, sum(late_parcels)::bigint,
            sum(rejected_parcels)::bigint
        from fulfilment_tallies where location = any (%s) and day > %s group by location
        """,
        [list(locations), now.date() - timedelta(days=WINDOW_DAYS)],
    )
    found = {location: Reliability(*counts) for location, *counts in rows}
    return {location: found.get(location, Reliability()) for location in locations}


def update(db: psycopg.Connection, *, now: datetime) -> int:
    """Count what happened since the last time; returns how many events were read.

    A parcel is what one shipment takes from one location; it is on time when it leaves no later
    than the promised date there. Whoever comes while another counts does not wait.
    """
    with db.transaction():
        last = db.execute(
            "select event_id from fulfilment_tallied for update skip locked"
        ).fetchone()
        if last is None:
            return 0
        parameters = {"after": last[0], "until": now - SETTLED_AFTER, "most": EVENTS_MAX}
        row = db.execute(_COUNT, parameters).fetchone()
        assert row is not None
        return int(row[0])


_COUNT = """
with fresh as materialized (
    select event_id, reservation_id, act, at, body,
        jsonb_path_query_array(coalesce(body, '{}'), '$.lines[*][2] ? (@ != null)')
            || jsonb_path_query_array(coalesce(body, '{}'), '$.location ? (@ != null)') as places,
        jsonb_path_query_array(coalesce(body, '{}'), '$.lines[*][0]') as skus
    from reservation_events
    where event_id > %(after)s and at <= %(until)s and act in ('ship', 'reject')
        and reason is distinct from 'transfer'  -- No customer's parcel.
    order by event_id limit %(most)s
), sent as (
    select f.event_id, l.location,
        (f.at at time zone lo.timezone)::date as day,
        (f.at at time zone lo.timezone)::date <= max(l.promised_date) as on_time
    from fresh f
    join reservation_lines l on l.reservation_id = f.reservation_id and l.shipped_units > 0
    join locations lo on lo.location = l.location
    where f.act = 'ship' and (f.places = '[]' or f.places ? l.location)
        and (f.skus = '[]' or f.skus ? l.sku or f.skus ? l.bundle_sku)
    group by 1, 2, 3
), refused as (
    select distinct f.event_id, lo.location, (f.at at time zone lo.timezone)::date as day
    from fresh f
    join reservation_lines l on l.reservation_id = f.reservation_id
    join locations lo on lo.location = any (l.excluded_locations)
        or (l.group_id is null and lo.location = l.location)
    where f.act = 'reject' and (f.places = '[]' or f.places ? lo.location)
        and (f.skus = '[]' or f.skus ? l.sku or f.skus ? l.bundle_sku)
), counted as (
    insert into fulfilment_tallies as t
        (location, day, on_time_parcels, late_parcels, rejected_parcels)
    select location, day, sum(on_time), sum(late), sum(rejected) from (
        select location, day, on_time::int as on_time, (not on_time)::int as late, 0 as rejected
        from sent
        union all
        select location, day, 0, 0, 1 from refused
    ) parcels group by location, day
    on conflict (location, day) do update set
        on_time_parcels = t.on_time_parcels + excluded.on_time_parcels,
        late_parcels = t.late_parcels + excluded.late_parcels,
        rejected_parcels = t.rejected_parcels + excluded.rejected_parcels
), noted as (
    update fulfilment_tallied
    set event_id = greatest(event_id, (select max(event_id) from fresh))
    where exists (select from fresh)
)
select count(*) from fresh
"""
