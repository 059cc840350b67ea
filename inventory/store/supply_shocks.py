"""Stock or supply that turns out less than was promised: promises stay, and an event says so."""

from collections.abc import Mapping
from datetime import datetime

import psycopg

from inventory.ledger import AVAILABLE, Balance, Key
from inventory.store import events


def report_fallen(
    db: psycopg.Connection,
    *,
    before: Mapping[Key, Balance],
    after: Mapping[Key, Balance],
    now: datetime,
) -> None:
    """Look at the sellable balances that fell. Runs in the transaction that made them fall."""
    fallen = [
        (key.sku, key.location, balance.units)
        for key, balance in after.items()
        if key.status == AVAILABLE and balance.units < before[key].units
    ]
    suspects = _below_commitments(db, fallen)
    if suspects:
        events.report_shortages(db, suspects, now=now)


def _below_commitments(
    db: psycopg.Connection, positions: list[tuple[str, str, int]]
) -> list[tuple[str, str]]:
    """Positions (SKU, location, units on hand) with less than is promised from them.

    A sieve, and a cheap one: whether supply on its way still covers the promises is for the closer
    look to say.
    """
    if not positions:
        return []
    found = db.execute(
        """
        select k.sku, k.location
        from unnest(%b::text[], %b::text[], %b::bigint[]) as k (sku, location, units)
        where k.units < (
            select coalesce(sum(open_units), 0) from reservation_lines l
            where l.sku = k.sku and l.location = k.location and l.open_units > 0)
        order by k.sku, k.location
        """,
        [list(column) for column in zip(*positions, strict=True)],
    )
    return found.fetchall()
