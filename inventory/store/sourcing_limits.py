"""What locations can give together, where promises on groups or shares of a channel tie them.

A location's own figure leaves room for what was promised on the groups around it, and so does its
neighbour's; but what one gives, the other cannot give too. Instead of writing all such limits down,
a solution is tried out on the supply itself, and only the limit that it breaks is handed back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from inventory.sourcing import Limit
from inventory.sourcing_request import SourcingTerms
from inventory.store.facts import Facts
from inventory.store.general_promises import basket_supplies
from inventory.supply import SkuSupply


def supplies_for(facts: Facts, terms: SourcingTerms, *, now: datetime) -> dict[str, SkuSupply]:
    """What there is to source from, by SKU: no place is named, and nothing is oversold."""
    return basket_supplies(
        facts,
        channel=terms.channel,
        method=terms.method,
        named=frozenset(),
        oversell_units=0,
        on=terms.on,
        now=now,
    )


class JointLimits:
    """Finds the limits that units taken by (SKU, location) break."""

    def __init__(
        self, facts: Facts, terms: SourcingTerms, days: Mapping[str, date], *, now: datetime
    ) -> None:
        self.facts = facts
        self.terms = terms
        self.days = days
        self.now = now

    def __call__(self, taken: Mapping[tuple[str, str], int]) -> Sequence[Limit]:
        """One limit per SKU of which several locations together give too much."""
        by_sku: dict[str, dict[str, int]] = {}
        for (sku, location), units in sorted(taken.items()):
            if units:
                by_sku.setdefault(sku, {})[location] = units
        tied = self.facts.channel_supply is not None
        return [
            self._limit(sku, units)
            for sku, units in by_sku.items()
            if len(units) > 1
            and (tied or self.facts.holds.get(sku))
            and self._is_too_much(sku, units)
        ]

    def _limit(self, sku: str, units: Mapping[str, int]) -> Limit:
        """The smallest set of locations that gives too much, and what it can give.

        What sets of locations can give together is a polymatroid (flows through a network), so that
        for a smallest set the sum itself is what is too much.
        """
        smallest = dict(units)
        for location in units:
            without = {at: n for at, n in smallest.items() if at != location}
            if self._is_too_much(sku, without):
                smallest = without
        return Limit(sku, frozenset(smallest), self._most(sku, smallest))

    def _is_too_much(self, sku: str, units: Mapping[str, int]) -> bool:
        supply = self._supply(sku)
        for location, wanted in units.items():
            if wanted > self._takeable(supply, location):
                return True
            supply.commit_at(location, supply.projection.index(self.days[location]), wanted)
        return False

    def _most(self, sku: str, locations: Collection[str]) -> int:
        supply, total = self._supply(sku), 0
        for location in locations:
            units = self._takeable(supply, location)
            supply.commit_at(location, supply.projection.index(self.days[location]), units)
            total += units
        return total

    def _takeable(self, supply: SkuSupply, location: str) -> int:
        day = supply.projection.index(self.days[location])
        return supply.at_location(location, named=False).atp[day]

    def _supply(self, sku: str) -> SkuSupply:
        facts = replace(self.facts, by_sku={sku: self.facts.by_sku[sku]})
        supplies = supplies_for(facts, self.terms, now=self.now)
        return supplies[sku]
