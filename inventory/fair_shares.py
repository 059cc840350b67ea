"""Stock too little for all who ask for it, dealt out pack by pack to where it saves most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.budget import Packs, packs_of
from inventory.demand import Floats

WORTH_DIGITS = 9
"""Decimals of money to which worths are compared: what differs by rounding alone is equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """What n places ask for; each of shape (n,), but quantiles (n, Q)."""

    units: Floats
    """Whole packs, or none."""
    position_units: Floats
    """What they have and have coming, without these."""
    pack_units: Floats
    unit_margin: Floats
    """Money lost with a sale."""
    quantiles_units: Floats
    """Demand until more could come, at `inventory.demand.LEVELS`."""
    demand_per_day_units: Floats

    def of(self, rows: NDArray[np.integer]) -> "Claims":
        """Some of them."""
        return Claims(
            self.units[rows], self.position_units[rows], self.pack_units[rows],
            self.unit_margin[rows], self.quantiles_units[rows], self.demand_per_day_units[rows],
        )  # fmt: skip


def fair_shares(claims: Claims, group: NDArray[np.integer], room_units: Floats) -> Floats:
    """Units that each claim gets, (n,): all of it, where a group has room for all of its claims.

    Elsewhere packs go one by one to where each saves most sales in money until more could come, as
    buying under a budget does: whoever has least, against what may be asked there, comes first.
    Packs that save the same, as those that nobody may ask for until then, go to where they sell
    first, so that all run out at one time.

    Parameters
    ----------
    group : (n,), whose stock or room is claimed. room_units : (G,), by group.
    """
    asked = np.bincount(group, claims.units, minlength=len(room_units))
    scarce = np.flatnonzero((asked > room_units)[group] & (claims.units > 0))
    shares = claims.units.copy()
    if not len(scarce):
        return shares
    few = claims.of(scarce)
    packs = packs_of(
        quantity_units=few.units,
        position_units=few.position_units,
        pack_units=few.pack_units,
        unit_cost=np.ones(len(scarce)),
        unit_margin=few.unit_margin,
        quantiles_units=few.quantiles_units,
    )
    whose = group[scarce][packs.line]
    worth = np.round(packs.value_per_money, WORTH_DIGITS)
    ranked = np.lexsort((packs.line, _sold_after_days(few, packs), -worth, whose))
    units, ranked_group = packs.units[ranked], whose[ranked]
    taken = np.cumsum(units)
    before = np.r_[0.0, taken][np.searchsorted(ranked_group, ranked_group)]
    given = taken - before <= room_units[ranked_group]
    shares[scarce] = np.bincount(packs.line[ranked[given]], units[given], minlength=len(scarce))
    return shares


def _sold_after_days(claims: Claims, packs: Packs) -> Floats:
    """When each pack begins to sell at mean demand, (P,)."""
    starts = np.flatnonzero(np.r_[True, packs.line[1:] != packs.line[:-1]])
    sizes = np.diff(np.r_[starts, len(packs.line)])
    earlier = np.cumsum(packs.units) - packs.units
    before = earlier - np.repeat(earlier[starts], sizes)
    rate = claims.demand_per_day_units[packs.line]
    stock = claims.position_units[packs.line] + before
    days: Floats = np.where(rate > 0, stock / np.where(rate > 0, rate, 1.0), np.inf)
    return days
