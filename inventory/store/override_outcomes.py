"""What planners' overrides made of the forecasts of a day, as they stood before it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import psycopg

from inventory.demand import DemandForecast
from inventory.overrides import Attributes, Override, SeriesIndex, effective_together
from inventory.store.bulk import copy_in
from inventory.store.effective_forecasts import read_means_in_force
from inventory.store.overrides import read_attributes

DECIDED = {
    "sku": pl.String, "location": pl.String, "final_units": pl.Float64, "override_id": pl.Int64,
}  # fmt: skip


def touching(stated: Sequence[Override], day: date) -> list[Override]:
    """Overrides about a day."""
    return [override for override in stated if override.first_day <= day <= override.last_day]


def lay_overrides(db: psycopg.Connection, day: date, stated: Sequence[Override]) -> int:
    """Put the final forecast into the outcomes of a day; returns outcomes with an override.

    stated : all overrides there ever were. For each lead those count that were in force at the
        moment for which the forecast was taken.
    """
    if not touching(stated, day):
        return 0
    attributes = read_attributes(db)
    decided = 0
    for lead, timezone, at in _moments(db, day):
        frame = _decided(db, day, at=at, stated=stated, attributes=attributes)
        if len(frame):
            decided += _write(db, day, frame, lead=lead, timezone=timezone)
    return decided


def _moments(db: psycopg.Connection, day: date) -> list[tuple[int, str, datetime]]:
    """Lead, time zone, and the end of the local day so many days before."""
    return db.execute(
        """
        select lead, timezone, (%(day)s::date - (lead - 1))::timestamp at time zone timezone
        from (select distinct lead from forecast_outcomes where day = %(day)s) l
        cross join (select distinct timezone from locations) z
        order by 1, 2
        """,
        {"day": day},
    ).fetchall()


def _decided(
    db: psycopg.Connection,
    day: date,
    *,
    at: datetime,
    stated: Sequence[Override],
    attributes: Attributes,
) -> pl.DataFrame:
    """Final units of the series that an override reached: columns `DECIDED`."""
    nothing = pl.DataFrame(schema=DECIDED)
    in_force = [override for override in stated if override.in_force(at)]
    about = touching(in_force, day)
    if not about:
        return nothing
    since = min(override.first_day for override in about)
    acting = [override for override in in_force if override.last_day >= since]
    forecasts = read_means_in_force(db, {override.scope for override in acting}, at=at)
    adjusted = effective_together(forecasts, acting, attributes)
    return pl.concat([nothing, *(_of_run(f, day, about, attributes) for f in adjusted)])


def _of_run(
    forecast: DemandForecast, day: date, about: Sequence[Override], attributes: Attributes
) -> pl.DataFrame:
    """What one run says of the day where an override reached, and which one decided."""
    step = (day - forecast.first_day) // timedelta(days=1)
    inside = 0 <= step < forecast.horizon and forecast.period_days == 1
    deciding = np.zeros(len(forecast.skus), dtype=np.int64)
    index = SeriesIndex(forecast.skus, forecast.locations, attributes)
    # The narrowest holds, and of two alike the later one: so it is named last.
    for override in sorted(about, key=lambda o: (o.scope.narrowness, o.created_at, o.override_id)):
        deciding[index.rows(override.scope)] = override.override_id
    rows = np.flatnonzero(deciding) if inside else np.empty(0, dtype=np.intp)
    return pl.DataFrame({
        "sku": [forecast.skus[row] for row in rows],
        "location": [forecast.locations[row] for row in rows],
        "final_units": forecast.mean_units[rows, step if inside else 0].astype(np.float64),
        "override_id": deciding[rows],
    }, schema=DECIDED)  # fmt: skip


def _write(
    db: psycopg.Connection, day: date, frame: pl.DataFrame, *, lead: int, timezone: str
) -> int:
    db.execute(
        "create temp table decided (sku text, location text, final_units real, "
        "override_id bigint) on commit drop"
    )
    copy_in(db, frame, table="decided", columns=list(DECIDED))
    written = db.execute(
        "update forecast_outcomes o "
        "set final_units = d.final_units, override_id = d.override_id "
        "from decided d join locations l on l.location = d.location and l.timezone = %s "
        "where o.day = %s and o.lead = %s and o.sku = d.sku and o.location = d.location",
        [timezone, day, lead],
    ).rowcount
    db.execute("drop table decided")
    return written
