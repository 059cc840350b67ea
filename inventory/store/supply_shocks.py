"""Stock that turns out less than was promised from it: promises stay, and an event says so."""

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
        (key.sku, key.location)
        for key, balance in after.items()
        if key.status == AVAILABLE and balance.units < before[key].units
    ]
    if fallen:
        events.report_shortages(db, fallen, now=now)
