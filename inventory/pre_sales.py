"""Stock that is sold before it is there: up to a cap over all channels, and one per channel.

A pre-sale says that units of a SKU will be at a place from a day on. While it is in force, a
pre-order for that day or a later one is accepted as long as

    sold + q ≤ cap        and        sold through the channel + q ≤ cap of the channel

whatever the stock says: without inbound behind it, the cap is the supply. Units that were given
back can be sold again; those that shipped stay sold.

To ordinary promises a pre-sale is dated supply that only pre-orders may take. What was sold ahead
and still waits neither takes from the stock on hand nor adds to it: supply and demand of the
pre-sale cancel out. Supply that is really announced takes its place, unit by unit, from the day on
which it can be picked. Until the pre-sale is covered, ordinary promises get none of it:

    claim(t) = min( waiting(t) + unsold(t),  announced supply up to t,  max(0, U(t)) )
    P(t)     = balance without what was sold ahead − claim(t)

`unsold` counts from the day of availability while the pre-sale is in force. As the claim is never
more than U, what is free on that and all later days, a pre-order cannot push U below zero: no
ordinary promise made before it is broken by it. And as it is never more than what was announced,
stock on hand stays for sale.

The day of availability is a promise of supply, and it is treated as one: from the day after it,
like overdue inbound, it is worth nothing until it is dated anew. What still waits then counts like
any other promise, takes from what is on hand, and stops further sales. What was filled from goods
that arrived (`inventory.pegs`) is an ordinary promise from then on, for the day of availability
where they came before it: what stood on the shelf stays for sale until that day is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from inventory.availability import Units


@dataclass(frozen=True, slots=True)
class SoldAhead:
    """Units sold under a pre-sale through one channel for one day."""

    channel: str
    promised_date: date
    waiting_units: int
    """Neither filled nor shipped."""
    sold_units: int
    """All that were not given back."""


@dataclass(frozen=True, slots=True)
class PreSaleFacts:
    """A pre-sale at a position, and what was sold under it so far."""

    pre_sale_id: str
    available_on: date
    cap_units: int
    in_force: bool = True
    channel_caps: Mapping[str, int] = field(default_factory=dict)
    sold: Sequence[SoldAhead] = ()

    @property
    def unsold_units(self) -> int:
        """What is left of the cap over all channels; nothing when it is not in force."""
        sold = sum(part.sold_units for part in self.sold)
        return max(0, self.cap_units - sold) if self.in_force else 0

    def left_units(self, channel: str | None) -> int:
        """What may still be sold through a channel.

        >>> day = date(2026, 7, 1)
        >>> sold = [SoldAhead("web", day, 4, 4), SoldAhead("app", day, 3, 3)]
        >>> sale = PreSaleFacts("p", day, 10, True, {"web": 5}, sold)
        >>> sale.left_units("web"), sale.left_units("app")
        (1, 3)
        """
        cap = self.channel_caps.get(channel or "")
        if cap is None:
            return self.unsold_units
        sold = sum(part.sold_units for part in self.sold if part.channel == channel)
        return max(0, min(self.unsold_units, cap - sold))


@dataclass(frozen=True, slots=True)
class Axis:
    """Days of a projection, as one position lives them."""

    first_day: date
    days: int
    day_zero: int
    opens: int
    """The first day on which something can leave from there."""

    def index(self, day: date) -> int:
        """Where a date counts: what is overdue counts on the first day that there is."""
        return max((day - self.first_day).days, self.opens)

    def counts(self, sale: PreSaleFacts) -> bool:
        """Whether the day of availability is still to come, or is today."""
        return (sale.available_on - self.first_day).days >= self.day_zero


def waiting_units(sales: Sequence[PreSaleFacts], axis: Axis) -> Units:
    """Sold ahead and waiting, per day on which it is due, shape (D,); not what is overdue."""
    waiting = np.zeros(axis.days, np.int64)
    for sale in sales:
        for part in sale.sold:
            if axis.counts(sale) and axis.index(part.promised_date) < axis.days:
                waiting[axis.index(part.promised_date)] += part.waiting_units
    return waiting


def claimed_units(
    sales: Sequence[PreSaleFacts], axis: Axis, *, supply_units: Units, free_units: Units
) -> Units:
    """What pre-sales take of announced supply up to each day, shape (D,): it never falls.

    `supply_units`: announced supply up to each day. `free_units`: U without anything sold ahead.
    """
    wanted = waiting_units(sales, axis)
    for sale in sales:
        if axis.counts(sale) and axis.index(sale.available_on) < axis.days:
            wanted[axis.index(sale.available_on)] += sale.unsold_units
    claim: Units = np.minimum(
        np.cumsum(wanted), np.minimum(supply_units, np.maximum(free_units, 0))
    )
    return claim


class PreOrders:
    """What one channel may still sell ahead of a SKU at a place. Changes as units are taken."""

    def __init__(self, sales: Sequence[PreSaleFacts], channel: str | None, axis: Axis) -> None:
        open_sales = [sale for sale in sales if sale.in_force and axis.counts(sale)]
        self.sales = sorted(open_sales, key=lambda sale: (sale.available_on, sale.pre_sale_id))
        self.axis = axis
        self.left = {sale.pre_sale_id: sale.left_units(channel) for sale in self.sales}

    def __bool__(self) -> bool:
        return bool(self.sales)

    @property
    def first_day(self) -> date:
        """The first day for which anything is sold ahead."""
        return self.sales[0].available_on

    @property
    def units_by_day(self) -> Units:
        """The largest pre-order for each day, shape (D,): one is served by one pre-sale."""
        units = np.zeros(self.axis.days, np.int64)
        for sale in self.sales:
            day = self.axis.index(sale.available_on)
            units[day:] = np.maximum(units[day:], self.left[sale.pre_sale_id])
        return units

    def take(self, day: int, units: int) -> str:
        """Sell units for a day of the axis; returns the pre-sale: the latest that has so many."""
        for sale in reversed(self.sales):
            if self.axis.index(sale.available_on) <= day and self.left[sale.pre_sale_id] >= units:
                self.left[sale.pre_sale_id] -= units
                return sale.pre_sale_id
        raise AssertionError("more was taken than can be sold ahead")
