"""Days that came, against the forecasts that were in force before them: found and kept in sets.

A forecast is judged as it stood at the end of the day `lead` days before, by the clock of its
place. A day is compared again only when something that its comparison read has changed: its sales,
the sales it is naively expected to repeat, what was in force, or what planners had said. So a late
or corrected sale reaches all figures, in whatever order sales arrive.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import psycopg
from psycopg import sql

from inventory.overrides import Override
from inventory.store.forecasts import MOMENT_DAYS
from inventory.store.override_outcomes import lay_overrides, touching
from inventory.store.overrides import read_overrides

LEADS = (1, 7, 14, 21, 28)
"""Days ahead at which forecasts are judged, as far as their horizon reaches."""

FULL_SHARE = 0.999
"""Share of the day on sale from which sales say what demand was: `features.demand`."""

NAIVE_WEEKS = 5
"""How many weeks back a day on sale is looked for, to be repeated by the naive forecast."""

WEEKS_BACK = 9
"""The oldest week that a naive forecast may repeat, counted from the day itself: a run four weeks
old and `NAIVE_WEEKS` more."""


def evaluate(db: psycopg.Connection, *, first: date, last: date, now: datetime) -> tuple[int, int]:
    """Compare each day from `first` to `last` that is due; returns days and outcomes written."""
    implied = not _zeros_are_told(db, first=first, last=last)
    stated = read_overrides(db, since=first)
    days = written = 0
    for day, digest in _due(db, stated, first=first, last=last, implied=implied).items():
        days += 1
        with db.transaction():
            # Whoever compares at the same time takes turns, and writes the same again.
            db.execute("lock table forecast_outcome_days in share row exclusive mode")
            written += _evaluate_day(db, day, digest=digest, zeros_implied=implied, now=now)
            lay_overrides(db, day, stated)
    return days, written


def last_day(db: psycopg.Connection, *, until: date) -> date | None:
    """The last day that was compared, no later than `until`."""
    row = db.execute("select max(day) from forecast_outcomes where day <= %s", [until]).fetchone()
    return row[0] if row else None


def drop_before(db: psycopg.Connection, day: date) -> int:
    """Forget outcomes of earlier days; returns how many."""
    db.execute("delete from forecast_outcome_days where day < %s", [day])
    return db.execute("delete from forecast_outcomes where day < %s", [day]).rowcount


def _zeros_are_told(db: psycopg.Connection, *, first: date, last: date) -> bool:
    """Whether the history ever says zero; where it never does, silence means that none sold."""
    row = db.execute(
        "select exists (select from sales_days where day between %s and %s and units = 0)",
        [first - timedelta(weeks=WEEKS_BACK), last],
    ).fetchone()
    return bool(row and row[0])


def _due(
    db: psycopg.Connection,
    stated: Sequence[Override],
    *,
    first: date,
    last: date,
    implied: bool,
) -> Mapping[date, str]:
    """Days with sales whose comparison would read something else than it did, oldest first."""
    sales = _sales_digests(db, first=first - timedelta(weeks=WEEKS_BACK), last=last)
    moments = db.execute(
        "select in_force_at at time zone 'UTC', moment_id, run_id from forecast_moments "
        "where in_force_at >= %s order by 1, 2",
        [first - timedelta(days=MOMENT_DAYS)],
    ).fetchall()
    done: dict[date, str] = dict(
        db.execute(
            "select day, digest from forecast_outcome_days where day between %s and %s",
            [first, last],
        ).fetchall()
    )
    due = {}
    for day in sorted(day for day in sales if first <= day):
        read = [sales.get(day - timedelta(weeks=week)) for week in range(WEEKS_BACK + 1)]
        # Somewhere the day begins twelve hours after it does in Greenwich.
        begins = datetime.combine(day, time(12))
        oldest = begins - timedelta(days=MOMENT_DAYS)
        in_force = [moment for moment in moments if oldest <= moment[0] < begins]
        said = [(o.override_id, o.withdrawn_at and o.withdrawn_at.timestamp())
                for o in touching(stated, day)]  # fmt: skip
        told = repr((read, in_force, said, implied)).encode()
        digest = hashlib.sha256(told).hexdigest()[:16]
        if in_force and done.get(day) != digest:
            due[day] = digest
    return due


def _sales_digests(db: psycopg.Connection, *, first: date, last: date) -> dict[date, int]:
    """A number per day that changes when any of its sales does."""
    found = db.execute(
        "select day, sum(hash_record_extended((sku, location, units, in_stock), 0)::numeric) "
        "from sales_days where day between %s and %s and units is not null group by day",
        [first, last],
    ).fetchall()
    return {day: int(digest) for day, digest in found}


def _evaluate_day(
    db: psycopg.Connection, day: date, *, digest: str, zeros_implied: bool, now: datetime
) -> int:
    """Write the outcomes of one day in place of those it had; inside a transaction."""
    given = {
        "day": day,
        "leads": list(LEADS),
        "past_days": [day - timedelta(weeks=w) for w in range(1, WEEKS_BACK + 1)],
        "implied": 0.0 if zeros_implied else None,
        "full": FULL_SHARE,
        "naive_weeks": NAIVE_WEEKS,
    }
    db.execute("delete from forecast_outcomes where day = %s", [day])
    # A table with a key: guessing its size wrong, the planner would walk all of it for each series.
    db.execute(
        "create temp table past (sku text, location text, on_sale real[], recorded real[], "
        "primary key (sku, location)) on commit drop"
    )
    weeks = range(1, WEEKS_BACK + 1)
    db.execute(
        _PAST.format(on_sale=_listed(_ON_SALE, weeks), recorded=_listed(_RECORDED, weeks)), given
    )
    db.execute("analyze past")
    places = _listed("max(e.place) filter (where e.lead_max >= {})", LEADS)
    written = db.execute(_COMPARE.format(places=places), given).rowcount
    db.execute("drop table past")
    db.execute(
        "insert into forecast_outcome_days (day, digest, evaluated_at) values (%s, %s, %s) "
        "on conflict (day) do update set digest = excluded.digest, "
        "evaluated_at = excluded.evaluated_at",
        [day, digest, now],
    )
    return written


def _listed(pattern: str, values: range | tuple[int, ...]) -> sql.Composed:
    """The pattern for each value, with a comma between."""
    return sql.SQL(", ").join(sql.SQL(pattern).format(sql.Literal(value)) for value in values)


_RECORDED = "coalesce(max(units) filter (where day = %(day)s - 7 * {0}), %(implied)s)"

_ON_SALE = """case when count(*) filter (where day = %(day)s - 7 * {0}) = 0 then %(implied)s
    else max(units) filter (where day = %(day)s - 7 * {0} and in_stock >= %(full)s) end"""

_PAST = sql.SQL("""
insert into past (sku, location, on_sale, recorded)
select sku, location, array[{on_sale}], array[{recorded}]
from sales_days
where day = any(%(past_days)s::date[]) and units is not null
group by sku, location
""")

_COMPARE = sql.SQL("""
with covering as (
    select min(m.in_force_at) as since
    from forecast_moments m join forecast_runs r using (run_id)
    where r.period_days = 1 and %(day)s >= r.first_day and %(day)s < r.first_day + r.horizon
),
moment as (
    select m.run_id, m.in_force_at,
        row_number() over (order by m.in_force_at, m.moment_id) as place
    from forecast_moments m, covering c
    where m.in_force_at >= c.since and m.in_force_at < %(day)s::date + interval '2 days'
),
-- The farthest lead for which a moment had passed, by the clock of each place.
eligible as (
    select z.timezone, m.run_id, m.place, max(l.lead) as lead_max
    from moment m
    cross join (select distinct timezone from locations) z
    cross join unnest(%(leads)s::int[]) as l (lead)
    where m.in_force_at < (%(day)s::date - (l.lead - 1))::timestamp at time zone z.timezone
    group by z.timezone, m.run_id, m.place
),
-- `week`: how many weeks back the last same weekday lies that the run had seen.
in_force as materialized (
    select k.sku, k.location, l.lead, m.run_id, %(day)s::date - r.first_day + 1 as step,
        (%(day)s::date - r.first_day + 7) / 7 as week,
        (%(day)s::date - r.first_day) * cardinality(r.levels) as skipped,
        array_position(r.levels, 0.95) as place_95, array_position(r.levels, 0.99) as place_99
    from (
        select f.sku, f.location, array[{places}] as places
        from forecasts f
        join locations p on p.location = f.location
        join eligible e on e.run_id = f.run_id and e.timezone = p.timezone
        group by f.sku, f.location
    ) k
    cross join lateral unnest(%(leads)s::int[], k.places) as l (lead, place)
    join moment m on m.place = l.place
    join forecast_runs r on r.run_id = m.run_id
    where r.period_days = 1 and %(day)s >= r.first_day and %(day)s < r.first_day + r.horizon
)
insert into forecast_outcomes (day, lead, sku, location, run_id, units, censored, naive_units,
    statistical_units, final_units, q95_units, q99_units)
select %(day)s, k.lead, k.sku, k.location, k.run_id, coalesce(s.units, %(implied)s),
    coalesce(s.in_stock < %(full)s, false),
    coalesce(
        (array_remove(p.on_sale[k.week : k.week + %(naive_weeks)s - 1], null))[1],
        (array_remove(p.recorded[k.week : k.week + %(naive_weeks)s - 1], null))[1],
        case when p.sku is null then %(implied)s end),
    f.mean_units[k.step], f.mean_units[k.step],
    f.quantiles_units[k.skipped + k.place_95], f.quantiles_units[k.skipped + k.place_99]
from in_force k
join forecasts f on f.sku = k.sku and f.location = k.location and f.run_id = k.run_id
left join sales_days s on s.sku = k.sku and s.location = k.location and s.day = %(day)s
left join past p on p.sku = k.sku and p.location = k.location
where coalesce(s.units, %(implied)s) is not null
""")
