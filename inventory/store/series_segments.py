"""What kind of seller each series is: how much it sells among all, and how regularly."""

from dataclasses import dataclass
from datetime import date

import psycopg


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where one class of series ends and the next begins."""

    selling_share_min: float
    """Selling on a smaller share of days is intermittent."""
    cv2_max: float
    """A larger squared coefficient of variation of the days that sell is erratic."""
    new_days: int
    """Fewer known days than this are too few to tell."""
    quiet_days: int
    """No sale for so long is quiet."""
    volume_shares: tuple[float, float] = (0.8, 0.95)
    """Share of all units sold by class A, and by A and B together."""


def refresh(db: psycopg.Connection, *, first: date, last: date, bounds: Bounds) -> int:
    """Class every series anew by its sales on sale from `first` to `last`; returns how many."""
    with db.transaction():
        db.execute("lock table series_segments in share row exclusive mode")
        db.execute("delete from series_segments")
        return db.execute(
            _CLASSIFY,
            {
                "first": first,
                "last": last,
                "selling": bounds.selling_share_min,
                "cv2": bounds.cv2_max,
                "new_days": bounds.new_days,
                "quiet_days": bounds.quiet_days,
                "share_a": bounds.volume_shares[0],
                "share_b": bounds.volume_shares[1],
            },
        ).rowcount


_CLASSIFY = """
with told as (
    select sku, location, count(*) as known, sum(units) as units, max(day) as last_known,
        count(*) filter (where units > 0) as selling, avg(units) filter (where units > 0) as mean,
        coalesce(var_pop(units) filter (where units > 0), 0) as variance,
        max(day) filter (where units > 0) as last_sold
    from sales_days
    where day between %(first)s and %(last)s and units is not null
    group by sku, location
),
ranked as (
    select t.*,
        sum(units) over (order by units desc, sku, location) - units as sold_by_larger,
        sum(units) over () as sold
    from told t
)
insert into series_segments (sku, location, volume_class, demand_class)
select sku, location,
    case when sold_by_larger < %(share_a)s * sold then 'A'
        when sold_by_larger < %(share_b)s * sold then 'B' else 'C' end,
    case when known < %(new_days)s then 'new'
        when last_sold is null or last_known - last_sold >= %(quiet_days)s then 'quiet'
        when selling < %(selling)s * known then 'intermittent'
        when variance > %(cv2)s * mean * mean then 'erratic' else 'smooth' end
from ranked
"""
