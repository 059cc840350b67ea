"""What may leave a position today: nothing that is promised there, or withheld."""

from collections.abc import Iterable
from datetime import datetime

import psycopg

from inventory.errors import VouchError
from inventory.store.availability import AvailabilityItem, availability_many
from inventory.transfers import TRANSFER

ITEMS_AT_ONCE = 1000


def movable_units(
    db: psycopg.Connection, positions: Iterable[tuple[str, str]], *, now: datetime
) -> list[int]:
    """Units that may leave each position, SKU and location."""
    found: list[int] = []
    items = [
        AvailabilityItem(sku, location, channel=TRANSFER, method=TRANSFER)
        for sku, location in positions
    ]
    for first in range(0, len(items), ITEMS_AT_ONCE):
        answers = availability_many(db, items[first : first + ITEMS_AT_ONCE], now=now)
        found += [0 if isinstance(answer, VouchError) else answer.atp for answer in answers]
    return found
