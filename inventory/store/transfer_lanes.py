"""Ways between our own locations in PostgreSQL: what they cost, how long they take, what fits."""

from dataclasses import asdict

import psycopg
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from inventory.errors import NotFound, UnknownLocation
from inventory.transfers import Lane

COLUMNS = "origin, destination, freight_per_unit, lead_time_days, handling_per_unit, capacity_units"


def put(db: psycopg.Connection, lane: Lane) -> None:
    """Add or replace a lane. Raises `UnknownLocation`."""
    try:
        db.execute(
            f"insert into transfer_lanes ({COLUMNS}) values (%(origin)s, %(destination)s, "  # noqa: S608 - our own names.
            "%(freight_per_unit)s, %(lead_time_days)s, %(handling_per_unit)s, %(capacity_units)s) "
            "on conflict (origin, destination) do update set "
            "freight_per_unit = excluded.freight_per_unit, "
            "lead_time_days = excluded.lead_time_days, "
            "handling_per_unit = excluded.handling_per_unit, "
            "capacity_units = excluded.capacity_units",
            asdict(lane),
        )
    except ForeignKeyViolation as error:
        wrong = "destination" if "destination" in str(error.diag.constraint_name) else "origin"
        raise UnknownLocation(getattr(lane, wrong)) from error


def remove(db: psycopg.Connection, *, origin: str, destination: str) -> None:
    """Take a lane out of use; transfers that are under way stay. Raises `NotFound`."""
    found = db.execute(
        "delete from transfer_lanes where origin = %s and destination = %s", [origin, destination]
    )
    if found.rowcount == 0:
        raise NotFound("transfer lane", f"{origin} to {destination}")


def read(
    db: psycopg.Connection, *, origin: str | None = None, destination: str | None = None
) -> list[Lane]:
    """Lanes by origin and destination, all or of one end."""
    with db.cursor(row_factory=class_row(Lane)) as rows:
        return rows.execute(
            f"select {COLUMNS} from transfer_lanes "  # noqa: S608
            "where (%(origin)s::text is null or origin = %(origin)s) "
            "and (%(destination)s::text is null or destination = %(destination)s) "
            "order by origin, destination",
            {"origin": origin, "destination": destination},
        ).fetchall()


def between(db: psycopg.Connection, *, origin: str, destination: str) -> Lane:
    """The lane from one location to another. Raises `NotFound` with what to do about it."""
    found = read(db, origin=origin, destination=destination)
    if not found:
        raise NotFound(
            "transfer lane",
            f"{origin} to {destination}",
            remedy=f"say what it costs with PUT /api/v2/transfer-lanes/{origin}/{destination}",
        )
    return found[0]
