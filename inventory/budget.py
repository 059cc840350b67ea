"""Buying under a budget: every pack is ranked by what it earns per money, and the list is cut.

The first pack of an item saves more lost sales than its second, so the ranking keeps the order of
an item's packs by itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.base_stock import LEVEL
from inventory.demand import Floats
from inventory.policy.window_quantiles import loss_at

PACKS_MAX = 2_000_000
"""Packs ranked at once; of larger plans, several packs are taken as one."""


@dataclass(frozen=True, slots=True, eq=False)
class Packs:
    """Every pack of n lines, in the order in which each line would take them: shape (P,)."""

    line: NDArray[np.intp]
    units: Floats
    money: Floats
    value: Floats
    """Money of lost sales that the pack saves until the next order could arrive."""

    @property
    def value_per_money(self) -> Floats:
        """What is ranked; a pack that costs nothing comes first."""
        free = self.money <= 0
        found: Floats = np.where(free, np.inf, self.value / np.where(free, 1.0, self.money))
        return found


def packs_of(
    *,
    quantity_units: Floats,
    position_units: Floats,
    pack_units: Floats,
    unit_cost: Floats,
    unit_margin: Floats,
    quantiles_units: Floats,
) -> Packs:
    """The packs of lines and what each saves: margin times what it takes off the expected shortage.

    All of shape (n,), but for quantiles (n, Q) of demand over lead time and review period at
    `inventory.demand.LEVELS`. Quantities are whole packs; positions are without them.
    """
    counts = np.ceil(quantity_units / pack_units).astype(int)
    bundle = max(1, -(-int(counts.sum()) // PACKS_MAX))
    counts = -(-counts // bundle)
    line = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    step = pack_units[line] * bundle
    before = np.minimum(place * step, quantity_units[line])
    units = np.minimum(quantity_units[line] - before, step)
    start = position_units[line] + before
    saved = loss_at(quantiles_units[line], LEVEL, start) - loss_at(
        quantiles_units[line], LEVEL, start + units
    )
    return Packs(line, units, units * unit_cost[line], np.maximum(saved, 0) * unit_margin[line])


def within_budget(packs: Packs, lines: int, *, money: float, least_units: Floats) -> Floats:
    """Units of each line that a budget allows: shape (lines,).

    The ranking is walked from the top; a pack that is too dear for what is left ends its line, and
    cheaper ones further down may still fit. A line that falls below its minimum is left out, and
    what it would have cost goes to the others.

    Parameters
    ----------
    money : what may be spent. least_units : shape (lines,), the minimum of each line, units.
    """
    allowed = np.ones(lines, dtype=bool)
    while True:
        units = _walked(packs, lines, money, allowed)
        short = allowed & (units > 0) & (units < least_units)
        if not short.any():
            return units
        # The one that is least worth its money goes first; the others are tried again with it.
        value = np.bincount(packs.line, packs.value, minlength=lines)
        cost = np.bincount(packs.line, packs.money, minlength=lines)
        worth = np.where(short, value / np.maximum(cost, 1e-12), np.inf)
        allowed[np.argmin(worth)] = False


def _walked(packs: Packs, lines: int, money: float, allowed: NDArray[np.bool_]) -> Floats:
    ranked = np.argsort(-packs.value_per_money, kind="stable")
    ranked = ranked[allowed[packs.line[ranked]]]
    total = np.cumsum(packs.money[ranked])
    fits = int(np.searchsorted(total, money * (1 + 1e-12), side="right"))
    units = np.bincount(packs.line[ranked[:fits]], packs.units[ranked[:fits]], minlength=lines)
    left = money - (float(total[fits - 1]) if fits else 0.0)
    ended = ~allowed
    for pack in ranked[fits:]:
        line = packs.line[pack]
        if ended[line]:
            continue
        if packs.money[pack] > left * (1 + 1e-12):
            ended[line] = True
            if ended.all():
                break
            continue
        units[line] += packs.units[pack]
        left -= float(packs.money[pack])
    kept: Floats = units.astype(float)
    return kept
