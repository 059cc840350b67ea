"""What follows from a change of sellable stock: who loses, who gets what came, who is told.

Promises stay when stock turns out less than was promised from it, and an event names who loses.
Goods that came are dealt out to those who waited. Both before thresholds are judged.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import psycopg

from inventory.ledger import AVAILABLE, Balance, Key
from inventory.store import events, pegs, shortages


def follow_up(
    db: psycopg.Connection,
    *,
    before: Mapping[Key, Balance],
    after: Mapping[Key, Balance],
    now: datetime,
    cause: str,
) -> None:
    """Look at the sellable balances that changed, in the transaction that changed them."""
    changes = {
        (key.sku, key.location): balance.units - before[key].units
        for key, balance in after.items()
        if key.status == AVAILABLE and balance.units != before[key].units
    }
    settle(
        db,
        fallen=[place for place, units in changes.items() if units < 0],
        risen=[place for place, units in changes.items() if units > 0],
        now=now,
        cause=cause,
    )


def settle(
    db: psycopg.Connection,
    *,
    fallen: Iterable[tuple[str, str]] = (),
    risen: Iterable[tuple[str, str]] = (),
    freed: Iterable[tuple[str, str]] = (),
    sooner: Iterable[tuple[str, str]] = (),
    also: Iterable[tuple[str, str]] = (),
    now: datetime,
    cause: str,
) -> None:
    """Report shortages where supply fell, fill pegs where it rose, then announce all of these.

    `freed`: where others gave up what they had been promised; that fills what is due, and leaves
    the rest to who buys today. Where more is to come, or `sooner`, those who wait are told of an
    earlier day.

    The sellable balances of all positions named are held by this transaction, and it changes
    nothing afterwards. `also`: where something else about the promises changed.
    """
    fallen, risen, freed, sooner = list(fallen), list(risen), list(freed), list(sooner)
    if fallen:
        shortages.report(db, fallen, now=now)
    if risen:
        pegs.fill(db, risen, now=now)
    if freed:
        pegs.fill(db, freed, now=now, due_only=True)
    if sooner:
        pegs.report_sooner(db, sooner, now=now)
    events.announce(db, {*fallen, *risen, *freed, *sooner, *also}, now=now, cause=cause)
