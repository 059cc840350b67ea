"""Order days of vendors in PostgreSQL, and the day on which each planned line is ordered."""

from datetime import date
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, UnknownLocation
from inventory.order_calendar import WEEKDAYS, OrderCalendar, checked


def put(db: psycopg.Connection, calendar: OrderCalendar) -> OrderCalendar:
    """Add a calendar or write it anew.

    Raises `NotFound` for an unknown vendor, `UnknownLocation`, and `InputRejected` for weekdays
    that there are not or a scope that another calendar has.
    """
    checked(calendar)
    days = sorted(WEEKDAYS.index(day) + 1 for day in set(calendar.weekdays))
    try:
        with db.transaction():
            db.execute(
                _PUT,
                [calendar.id, calendar.vendor, calendar.location, calendar.category, days,
                 sorted(set(calendar.closed_on))],
            )  # fmt: skip
    except errors.ForeignKeyViolation as missing:
        if "location" in (missing.diag.constraint_name or ""):
            raise UnknownLocation(str(calendar.location)) from missing
        raise NotFound("vendor", calendar.vendor) from missing
    except errors.UniqueViolation as taken:
        raise InputRejected(
            "another calendar of this vendor has the same location and category; change that one",
            field="id",
        ) from taken
    return get(db, calendar.id)


_PUT = """
    insert into order_calendars (calendar_id, vendor, location, category, weekdays, closed_on)
    values (%s, %s, %s, %s, %s, %s)
    on conflict (calendar_id) do update set vendor = excluded.vendor,
        location = excluded.location, category = excluded.category,
        weekdays = excluded.weekdays, closed_on = excluded.closed_on
"""


def get(db: psycopg.Connection, calendar_id: str) -> OrderCalendar:
    """The calendar of that id, or `NotFound`."""
    found = _read(db, {"id": calendar_id, "vendor": None})
    if not found:
        raise NotFound("order calendar", calendar_id)
    return found[0]


def list_calendars(db: psycopg.Connection, *, vendor: str | None = None) -> list[OrderCalendar]:
    """Calendars by vendor and id, of one vendor or all."""
    return _read(db, {"id": None, "vendor": vendor})


def delete(db: psycopg.Connection, calendar_id: str) -> None:
    """Take a calendar away: what it named may be ordered on any day. Raises `NotFound`."""
    gone = db.execute("delete from order_calendars where calendar_id = %s", [calendar_id])
    if not gone.rowcount:
        raise NotFound("order calendar", calendar_id)


def _read(db: psycopg.Connection, given: dict[str, Any]) -> list[OrderCalendar]:
    with db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_READ, given).fetchall()
    return [
        OrderCalendar(**row | {
            "weekdays": tuple(WEEKDAYS[day - 1] for day in row["weekdays"]),
            "closed_on": tuple(row["closed_on"]),
        })
        for row in rows
    ]  # fmt: skip


_READ = """
    select calendar_id as id, vendor, location, category, weekdays, closed_on
    from order_calendars where (%(id)s::text is null or calendar_id = %(id)s)
        and (%(vendor)s::text is null or vendor = %(vendor)s) order by vendor, calendar_id
"""


def date_plan(db: psycopg.Connection, *, today: date) -> None:
    """Give each row of `plan_staged` its calendar and order day, and its arrival that much later.

    Where a vendor has none for a line, it is ordered today, under no calendar.
    """
    days = {c.id: day for c in list_calendars(db) if (day := c.order_day(today))}
    db.execute(_DATE, {"ids": list(days), "days": list(days.values()), "today": today})


_DATE = """
    with days as (
        select c.*, d.order_on
        from unnest(%(ids)s::text[], %(days)s::date[]) as d (calendar_id, order_on)
        join order_calendars c using (calendar_id)
    ), chosen as (
        select distinct on (s.sku, s.location) s.sku, s.location, d.calendar_id, d.order_on
        from plan_staged s join skus k on k.sku = s.sku
        join days d on d.vendor = s.vendor
            and (d.location is null or d.location = s.location)
            and (d.category is null or d.category = k.category)
        order by s.sku, s.location, d.location nulls last, d.category nulls last
    )
    update plan_staged s set calendar = c.calendar_id, order_on = c.order_on,
        expected_on = s.expected_on + (c.order_on - %(today)s::date)
    from chosen c where c.sku = s.sku and c.location = s.location
"""
