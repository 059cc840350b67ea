"""The facts behind questions about positions by name: `inventory.store.facts`, the short way.

Units come in the order of asking, so that a position at which nothing is dated, as at most, costs
a number and not a row. What is dated there is kept by position.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

import psycopg

from inventory.ledger import AVAILABLE
from inventory.projection import PositionFacts
from inventory.store.facts import (
    COUNTED_INBOUND_STATES,
    DATED,
    Facts,
    Row,
    date_vendors,
    facts_of,
    rule_methods,
)

Pair = tuple[str, str]
"""SKU and location."""


@dataclass(slots=True)
class NamedStock:
    """What was read, all of one moment."""

    facts: Facts
    """Everything about SKUs that are `involved`; locations and rules for all."""
    units: dict[Pair, int | None] = field(default_factory=dict)
    """On hand, of the SKUs that are not involved; None without a balance."""
    categories: dict[str, str] = field(default_factory=dict)
    """By SKU, of those that exist."""
    dated: dict[Pair, list[Row]] = field(default_factory=dict)

    def take(self, pair: Pair) -> None:
        """Add everything about a position to `facts`, if it was left out of them."""
        sku, location = pair
        facts = self.facts
        if pair not in self.units or facts.position(sku, location) is not None:
            return
        if sku not in self.categories:
            facts.unknown_skus.add(sku)
        elif location not in facts.locations:
            facts.unknown_locations.add(location)
        else:
            units = self.units[pair]
            facts.by_sku.setdefault(sku, {})[location] = PositionFacts(
                sku,
                location,
                self.categories[sku],
                *facts.locations[location],
                {} if units is None else {AVAILABLE: units},
            )
            for row in self.dated.get(pair, ()):
                DATED[row[0]](facts, [row[:8]])


def read(
    db: psycopg.Connection,
    pairs: Collection[Pair],
    *,
    channels: Iterable[str | None],
    methods: Iterable[str | None],
    now: datetime,
) -> NamedStock:
    """Read the facts of positions.

    Bundles and SKUs that are promised on groups come with all that bears on them. Nothing comes
    but `facts.is_limited` where a channel has views of supply or an allowance of its own: then the
    long way is the only one.
    """
    asked = sorted(set(pairs), key=_SKU)  # In the order of the indexes: neighbours lie together.
    parameters = [
        [sku for sku, _ in asked],
        [location for _, location in asked],
        sorted({channel for channel in channels if channel is not None}),
        rule_methods(methods),
        list(COUNTED_INBOUND_STATES),
        now,
    ]
    rows = db.execute(_READ, parameters, binary=True).fetchall()
    stock = NamedStock(facts_of(rows))
    for row in rows:
        if row[0] in DATED:
            stock.dated.setdefault((row[1], row[2]), []).append(row)
        elif row[0] == "named":
            skus, involved, units, categories = row[8:]
            others = set(involved)
            named = [pair for pair in asked if pair[0] not in others] if others else asked
            stock.units = dict(zip(named, units or (), strict=True))
            stock.categories = dict(zip(skus or (), categories or (), strict=True))
    if stock.facts.vendor_dated:
        _take_vendors(db, stock)
    return stock


def _take_vendors(db: psycopg.Connection, stock: NamedStock) -> None:
    """When stock at a vendor's can leave depends on the SKU too: it counts as dated."""
    for pair in stock.units:
        if pair[1] in stock.facts.vendor_dated:
            stock.dated.setdefault(pair, [])
            stock.take(pair)
    date_vendors(db, stock.facts)


_SKU = itemgetter(0)
_READ = "select * from named_stock_facts(%b, %b, %s, %s, %s, %s)"
