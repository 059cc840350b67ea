"""Figures of stock, orders and promises, read from the functions that define them."""

from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.analytics import DAYS_DEFAULT, DAYS_MAX, FIGURES, Figure
from inventory.errors import InputRejected, NotFound


def figure(name: str) -> Figure:
    """The definition of a table of figures. Raises `NotFound`."""
    if name not in FIGURES:
        raise NotFound("analytics", name, remedy=f"there are {', '.join(FIGURES)}")
    return FIGURES[name]


def days(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """The stretch of days that is meant: by default the last `DAYS_DEFAULT` whole ones.

    Raises `InputRejected` where it ends before it begins, in the future, or is too long.
    """
    last = last or today - timedelta(days=1)
    first = first or last - timedelta(days=DAYS_DEFAULT - 1)
    if last > today:
        raise InputRejected(f"{last} is after today, {today}", field="to")
    if first > last:
        raise InputRejected(f"the first day, {first}, is after the last, {last}", field="from")
    if (last - first).days >= DAYS_MAX:
        raise InputRejected(f"at most {DAYS_MAX} days at once", field="from")
    return first, last


def read(
    db: psycopg.Connection,
    name: str,
    *,
    first: date,
    last: date,
    now: datetime,
    of: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of a table of figures, everything together (key null) first.

    first, last : the days looked at, or for what is not of days, `now`.
    of : only the row of this location, vendor or channel.
    """
    told = figure(name)
    asked: dict[str, list[object]] = {"days": [first, last], "moment": [now], "last job": []}
    arguments = asked[told.of]
    query = sql.SQL("select {columns} from {function}({places}) where {key}").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, told.columns)),
        function=sql.Identifier(f"analytics_{name}"),
        places=sql.SQL(", ").join(sql.Placeholder() * len(arguments)),
        key=sql.SQL("%s::text is null or {} = %s").format(sql.Identifier(told.key)),
    )
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(query, [*arguments, of, of]).fetchall()
