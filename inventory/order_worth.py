"""What an order is worth: how soon stock runs out without it, how long it lasts, what it saves.

Stock is projected day by day at the mean of the forecast, and what is not there is not sold:

    stock(t) = max(0, stock(t-1) + supply(t) − demand(t))      missed(t) = demand(t) − sold(t)

Supply comes before the day's demand, and everything else that is on its way is counted. All figures
are kept to `lot_size.QUANTUM_UNITS`, and money to cents, so that the terms of each sum exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats
from inventory.policy.lot_size import on_grid

PROJECTED_DAYS = 120
"""How far ahead stock is projected; what lasts longer is not urgent."""

SAVED_WITHIN_DAYS = 28
"""Sales that an order saves are counted so far ahead, or until the next order could come."""

CRITICAL_DAYS, HIGH_DAYS, MEDIUM_DAYS = 3.0, 7.0, 14.0
"""Stock that lasts less than this is critical, high, medium; else low."""

URGENCIES = ("critical", "high", "medium", "low")

Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class OrderedLines:
    """N lines of orders with the stock they come to; units, days from today on."""

    on_hand_units: Floats
    committed_units: Floats
    supply_units: Floats
    """Other supply by day, shape (N, `PROJECTED_DAYS`)."""
    demand_units: Floats
    """Mean demand by day, shape (N, `PROJECTED_DAYS`)."""
    ordered_units: Floats
    """Still to come of the line."""
    arrives_in_days: Days
    next_in_days: Days
    """Days until an order that is placed one review period later could arrive."""
    price: Floats
    """Money per unit sold."""


@dataclass(frozen=True, slots=True, eq=False)
class OrderWorth:
    """Of N lines, each of shape (N,)."""

    stock_out_days: Floats
    """Until stock runs out without the line; infinite within `PROJECTED_DAYS`."""
    stock_after_units: Floats
    """When the line has arrived."""
    stock_terms: dict[str, Floats]
    """Signed units that sum to it."""
    cover_days: Floats
    """How long that lasts from the arrival on, capped by `PROJECTED_DAYS`."""
    saved_cents: Days
    """Money of sales that the line saves."""
    missed_units: tuple[Floats, Floats]
    """Sales missed without and with it."""
    missed_cents: tuple[Days, Days]


def order_worth(lines: OrderedLines) -> OrderWorth:
    """Stock-out, cover and saved sales of N lines, each judged as if it alone were left out."""
    demand, supply = on_grid(lines.demand_units), on_grid(lines.supply_units)
    free = on_grid(lines.on_hand_units - lines.committed_units)
    arrives = np.clip(lines.arrives_in_days, 0, PROJECTED_DAYS - 1)
    own = np.zeros_like(supply)
    own[np.arange(len(own)), arrives] = lines.ordered_units
    days = np.arange(PROJECTED_DAYS)
    before = days < arrives[:, None]

    stock, missed = _projected(free, supply, demand)
    _, missed_with = _projected(free, supply + own, demand)
    demand_before = (demand * before).sum(axis=1)
    missed_before = (missed * before).sum(axis=1)
    supply_until = (supply * (days <= arrives[:, None])).sum(axis=1)
    terms = {
        "on hand": on_grid(lines.on_hand_units),
        "commitments": free - on_grid(lines.on_hand_units),
        "other supply until then": supply_until,
        "demand until then": -demand_before,
        "missed for want of stock": missed_before,
        "this order": on_grid(lines.ordered_units),
    }
    after = sum(terms.values(), np.zeros(len(free)))
    until = np.maximum(SAVED_WITHIN_DAYS, lines.next_in_days)
    counted = days < until[:, None]
    units = ((missed * counted).sum(axis=1), (missed_with * counted).sum(axis=1))
    cents = tuple(np.rint(u * lines.price * 100).astype(np.int64) for u in units)
    return OrderWorth(
        stock_out_days=_lasting(stock, supply, demand, free),
        stock_after_units=after,
        stock_terms=terms,
        cover_days=_cover(after, demand, arrives),
        saved_cents=cents[0] - cents[1],
        missed_units=units,
        missed_cents=(cents[0], cents[1]),
    )


def urgency(stock_out_days: Floats) -> NDArray[np.str_]:
    """One of `URGENCIES` per line.

    >>> urgency(np.array([0.0, 2.99, 3.0, 6.99, 7.0, 13.99, 14.0, np.inf])).tolist()
    ['critical', 'critical', 'high', 'high', 'medium', 'medium', 'low', 'low']
    """
    bounds = np.array([CRITICAL_DAYS, HIGH_DAYS, MEDIUM_DAYS])
    words: NDArray[np.str_] = np.array(URGENCIES)[np.searchsorted(bounds, stock_out_days, "right")]
    return words


def _projected(free: Floats, supply: Floats, demand: Floats) -> tuple[Floats, Floats]:
    """Stock at the end of each day, and sales missed on it, both of shape (N, days).

    What is committed beyond what is there is owed first, by what comes.
    """
    stock, missed = np.empty_like(demand), np.empty_like(demand)
    left = free
    for day in range(PROJECTED_DAYS):
        there = left + supply[:, day]
        missed[:, day] = np.clip(demand[:, day] - there, 0.0, demand[:, day])
        left = there - demand[:, day] + missed[:, day]
        stock[:, day] = left
    return stock, missed


def _lasting(stock: Floats, supply: Floats, demand: Floats, free: Floats) -> Floats:
    """Days until demand finds too little, counting the part of that day that is served."""
    opening = np.concatenate([free[:, None], stock[:, :-1]], axis=1) + supply
    short = demand > opening
    day = short.argmax(axis=1)
    at = (np.arange(len(day)), day)
    wanted = np.where(short[at], demand[at], 1.0)
    served = np.clip(opening[at], 0.0, None) / wanted
    days: Floats = np.where(short.any(axis=1), day + served, np.inf)
    return days


def _cover(after: Floats, demand: Floats, arrives: Days) -> Floats:
    """How many days of demand from the arrival on the stock there covers."""
    days = np.arange(PROJECTED_DAYS)
    from_then = np.where(days >= arrives[:, None], demand, 0.0)
    used = from_then.cumsum(axis=1)
    short = used > after[:, None]
    day = short.argmax(axis=1)
    at = (np.arange(len(day)), day)
    wanted = np.where(from_then[at] > 0, from_then[at], 1.0)
    part = np.clip((after - used[at] + from_then[at]) / wanted, 0.0, 1.0)
    cover: Floats = np.where(short.any(axis=1), day - arrives + part, PROJECTED_DAYS - arrives)
    return np.maximum(cover, 0.0)
