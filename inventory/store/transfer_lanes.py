"""Ways between our own locations in PostgreSQL: what they cost, how long they take, what fits."""

from dataclasses import asdict, replace

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
    """The way from one location to another. Raises `NotFound` with what to do about it."""
    found = find(db, origin=origin, destination=destination)
    if found is None:
        raise NotFound(
            "transfer lane",
            f"{origin} to {destination}",
            remedy=f"say what it costs with `vouch transfer lane` or "
            f"PUT /api/v2/transfer-lanes/{origin}/{destination}",
        )
    return found


def hubs_supply(db: psycopg.Connection) -> bool:
    """Whether any place is supplied by a hub."""
    return db.execute("select from supply_lanes limit 1").fetchone() is not None


def find(db: psycopg.Connection, *, origin: str, destination: str) -> Lane | None:
    """The way from one location to another, if there is one.

    A hub's way to a place that it supplies needs no lane of its own: it takes the supply lane's
    days, and costs what a transfer lane says, if there is one.
    """
    lanes = read(db, origin=origin, destination=destination)
    supply = db.execute(
        "select ceil(lead_time_days)::int from supply_lanes where hub = %s and location = %s",
        [origin, destination],
    ).fetchone()
    if supply is None:
        return lanes[0] if lanes else None
    lane = lanes[0] if lanes else Lane(origin, destination, 0.0, supply[0])
    return replace(lane, lead_time_days=supply[0])
