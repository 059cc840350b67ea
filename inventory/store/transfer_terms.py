"""Terms of transfers in PostgreSQL: above what value two buyers must approve, by origin."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, UnknownLocation

EVERY_ORIGIN = "*"
"""The name under which terms of all origins stand."""


def put(
    db: psycopg.Connection,
    origin: str,
    *,
    second_approval_above: float | None,
    now: datetime,
    actor: str,
) -> dict[str, Any]:
    """Set the terms of what leaves a place, or any by `*`; None: as for all. Returns as `get` does.

    Raises `UnknownLocation`, `InputRejected`.
    """
    if second_approval_above is not None and not second_approval_above >= 0:
        raise InputRejected("must be 0 or more", field="second_approval_above")
    _check_origin(db, origin)
    db.execute(
        "insert into transfer_terms values (%s, %s, %s, %s) on conflict (origin) do update "
        "set second_approval_above = excluded.second_approval_above, "
        "updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        [origin, second_approval_above, now, actor],
    )
    return get(db, origin)


def get(db: psycopg.Connection, origin: str) -> dict[str, Any]:
    """What was said of an origin (or `*`), who said it, and `in_force`: what holds after all."""
    _check_origin(db, origin)
    with db.cursor(row_factory=dict_row) as rows:
        said = rows.execute(
            "select second_approval_above::float8, updated_at, updated_by from transfer_terms "
            "where origin = %s",
            [origin],
        ).fetchone()
    silent = {"second_approval_above": None, "updated_at": None, "updated_by": None}
    in_force = {"second_approval_above": second_approval_above(db, origin)}
    return {"origin": origin, **(said or silent), "in_force": in_force}


def second_approval_above(db: psycopg.Connection, origin: str) -> float | None:
    """Money at unit cost above which what leaves there needs two buyers; None: nothing does."""
    row = db.execute(
        "select second_approval_above::float8 from transfer_terms "
        "where origin in (%s, %s) and second_approval_above is not null "
        "order by origin = %s limit 1",
        [origin, EVERY_ORIGIN, EVERY_ORIGIN],
    ).fetchone()
    return None if row is None else row[0]


def _check_origin(db: psycopg.Connection, origin: str) -> None:
    if origin == EVERY_ORIGIN:
        return
    if db.execute("select from locations where location = %s", [origin]).fetchone() is None:
        raise UnknownLocation(origin)
