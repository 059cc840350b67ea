"""The day begins at a store: its counts are set, and what is in flight stays right.

One atomic operation replaces what was believed to be on hand at a location by what was counted
there at one moment. Promises are not touched. What goes wrong elsewhere, and why it does not here:

* An order that shipped before the count, and whose message comes later, is not taken off twice: the
  message lowers the commitment alone, since the goods were gone when they were counted.
* An order that is still open is not taken off at all: its goods are in the building, and its
  commitment stands beside them.
* Goods that are picked and stand in a staging area may be missing from a count of the shelves. Such
  a count says so in `picked`, and they are added; else they would be taken off twice, as missing
  and as promised.
* A source that has taken its open orders off already sends a NET count, and they are added back.
* Half a file resets half a store. Here it changes nothing, and neither does one with a bad row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, UnknownLocation
from inventory.feed_results import SyncResult
from inventory.feeds import FULL_SHARE_MIN
from inventory.ledger import Basis
from inventory.store import catalog, feeds, idempotency

REASON = "start of day"

SHORT_LISTED_MAX = 100
"""Positions that hold less than is promised from them; more of them are counted only."""

Row = dict[str, Any]


def reset(
    db: psycopg.Connection,
    *,
    message_id: str,
    location: str,
    counted_at: datetime,
    rows: Sequence[object],
    now: datetime,
    basis: Basis = "physical",
    source: str = REASON,
    actor: str = "",
    full_share_min: float = FULL_SHARE_MIN,
) -> Row:
    """Set every count of a location as of `counted_at`: SKUs that are not listed have none.

    All or nothing, and once per `message_id`. Returns how many rows did what, what is in flight at
    the location, and where less is on hand now than is promised. A count of the future is one of
    now, by a clock that is ahead of ours: that is flagged.

    Parameters
    ----------
    rows : mappings with sku, quantity (units counted), status, and `picked`: units picked for open
        orders that the count left out. At most `feeds.ROWS_MAX`.
    full_share_min : a file with a smaller share of the last one's rows is taken to be cut off.

    Raises
    ------
    UnknownLocation, InputRejected
        A row that is wrong, which is named, or a file that looks cut off. Nothing has changed then.
    """
    _check_message(db, location, counted_at, rows)
    told = [_fact(row, message_id, number, counted_at) for number, row in enumerate(rows, start=1)]
    body = {"location": location, "basis": basis, "source": source, "rows": told}

    def act() -> Row:
        result = feeds.sync(
            db,
            mode="snapshot",
            basis=basis,
            scope="full",
            location=location,
            rows=told,
            now=now,
            source=source,
            actor=actor,
            full_share_min=full_share_min,
            feed=source,
        )
        _check(result)
        return {
            "location": location,
            "effective_at": min(counted_at, now).isoformat(),
            "counts": {name: n for name, n in result.counts.items() if n},
            "zeroed": result.zeroed,
            "problems": _flags(result),
            **_in_flight(db, location, now=now),
        }

    done = idempotency.once(db, scope="start of day", key=message_id, body=body, now=now, act=act)
    answer: Row = done.response
    return answer


def _check_message(
    db: psycopg.Connection, location: str, counted_at: datetime, rows: Sequence[object]
) -> None:
    if counted_at.tzinfo is None:
        raise InputRejected(
            f"'{counted_at.isoformat()}' has no time zone; add Z for UTC or an offset",
            field="effective_at",
        )
    if catalog.unknown(db, skus=(), locations=[location])[1]:
        raise UnknownLocation(location)
    if not rows:
        raise InputRejected("a store without a single row is a broken file", field="rows")


def _fact(row: object, message_id: str, number: int, counted_at: datetime) -> dict[str, object]:
    """A row of a full file: what is in the building, wherever in it."""
    if not isinstance(row, Mapping):
        raise InputRejected("send an object {'sku': ..., 'quantity': ...}", row=number)
    quantity, picked = row.get("quantity"), row.get("picked")
    if picked is not None:
        if type(picked) is not int or picked < 0:
            raise InputRejected(
                f"{picked!r:.40} is not a count of units; send 0 or more",
                field="picked",
                row=number,
            )
        quantity = quantity + picked if type(quantity) is int and quantity >= 0 else quantity
    return {
        "id": f"{message_id}:{number}",
        "sku": row.get("sku"),
        "quantity": quantity,
        "status": row.get("status", "available"),
        "effective_at": counted_at.isoformat(),
        "reason": REASON,
    }


def _check(result: SyncResult) -> None:
    """Refuse what would reset a part of the store: the caller's transaction undoes it."""
    for number, row in enumerate(result.results, start=1):
        if row.outcome == "quarantined":
            assert row.problem is not None
            raise InputRejected(row.problem.problem, field=row.problem.field, row=number)
    for problem in result.problems:
        raise InputRejected(problem.problem, field=problem.field)


def _flags(result: SyncResult) -> list[dict[str, str | None]]:
    """What was taken and should still be looked into: a clock ahead of ours, told once."""
    flags = dict.fromkeys(row.problem for row in result.results if row.problem is not None)
    return [flag.as_dict() for flag in flags]


def _in_flight(db: psycopg.Connection, location: str, *, now: datetime) -> Row:
    values = {"location": location, "now": now, "limit": SHORT_LISTED_MAX}
    with db.cursor(row_factory=dict_row) as cursor:
        held = cursor.execute(_HELD, values).fetchall()
        short = cursor.execute(_SHORT, values).fetchall()
    total = short[0]["positions"] if short else 0
    return {
        "in_flight": {row["class"]: row["units"] for row in held},
        "short_positions": total,
        "short": [
            {"sku": row["sku"], "on_hand": row["on_hand"], "promised": row["promised"]}
            for row in short
        ],
    }


_HELD = """
    select class, sum(open_units)::bigint as units from reservation_lines
    where location = %(location)s and open_units > 0
        and (expires_at is null or expires_at > %(now)s)
    group by class order by class
"""

_SHORT = """
    select l.sku, coalesce(b.units, 0) as on_hand, l.promised, count(*) over () as positions
    from (
        select sku, sum(open_units)::bigint as promised from reservation_lines
        where location = %(location)s and open_units > 0
            and (expires_at is null or expires_at > %(now)s)
        group by sku
    ) l left join balances b
        on b.sku = l.sku and b.location = %(location)s and b.status = 'available'
    where l.promised > coalesce(b.units, 0)
    order by l.promised - coalesce(b.units, 0) desc, l.sku limit %(limit)s
"""
