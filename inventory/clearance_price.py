"""Which price clears too much stock at the best return, and which price earns most otherwise.

Both follow from how demand answers to price, which is known only so well: every figure is a mean
with an interval, and a price is recommended only inside the prices that were tried before and
where the gain is above zero at the cautious end.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from inventory.errors import InputRejected

LEVEL = 0.9
"""Chance that an interval is meant to hold its figure."""

STEPS = 600
"""Prices that are tried between the lowest and the highest."""

DRAWS = 41
"""Elasticities that stand for what it may be: evenly spread quantiles."""


@dataclass(frozen=True, slots=True)
class Elasticity:
    """Demand changes by `value` per cent where price changes by one; `low` to `high` at `LEVEL`."""

    value: float
    low: float
    high: float

    @property
    def draws(self) -> np.ndarray:
        """Values it may have, (DRAWS,): normal, and never above zero."""
        sd = (self.high - self.low) / (2 * norm.ppf((1 + LEVEL) / 2))
        drawn: np.ndarray = np.minimum(
            self.value + sd * norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS), 0.0
        )
        return drawn


@dataclass(frozen=True, slots=True)
class Range:
    """A mean with the bounds that hold it with chance `LEVEL`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A price and what it brings over the present one, in the days that were asked for."""

    price: float
    sold_units: Range
    gain: Range


def clearance_price(
    elasticity: Elasticity,
    *,
    price: float,
    salvage: float,
    units: float,
    per_day_units: float,
    days: float,
    price_min: float,
    price_max: float,
) -> Recommendation | str:
    """The price at which `units` return most within `days`, or why there is none better.

        sold(p) = min(units, per_day · (p / price)^ε · days)
        return(p) = p · sold(p) + salvage · (units − sold(p))

    Parameters
    ----------
    price : what is asked now. salvage : money for a unit that is left; below zero where it costs.
    per_day_units : mean demand at the present price. days : until what is left is salvaged.
    price_min, price_max : the prices that were tried; beyond them nobody knows.

    Source
    ------
    Talluri & van Ryzin, The Theory and Practice of Revenue Management, 5.2: a constant-elasticity
    markdown with deterministic demand. Chance demand would sell slightly less at any price.

    >>> sure = Elasticity(-2.0, -2.0, -2.0)
    >>> found = clearance_price(sure, price=10.0, salvage=0.0, units=400, per_day_units=10.0,
    ...                         days=10, price_min=5.0, price_max=10.0)
    >>> round(found.price, 2), round(found.gain.mean)
    (5.0, 1000)
    """
    _check(price=price, price_min=price_min, price_max=price_max)
    tried = np.unique(np.append(np.linspace(price_min, min(price, price_max), STEPS), price))
    sold, returned = _outcomes(elasticity, tried, price, salvage, units, per_day_units * days)
    now = int(np.flatnonzero(tried == price)[0])
    gains = returned - returned[now]
    best = int(gains.mean(axis=1).argmax())
    gain = _range(gains[best])
    if best == now or gain.low <= 0:
        return "no lower price that was tried before surely returns more than the present one"
    return Recommendation(float(tried[best]), _range(sold[best]), gain)


def best_price(
    elasticity: Elasticity, *, unit_cost: float, price_min: float, price_max: float
) -> Range | str:
    """The price that earns most while stock lasts, with its interval; or why it cannot be told.

        p* = c · ε / (1 + ε),  ε < −1

    held within the prices that were tried.

    Source
    ------
    The Lerner condition, (p − c) / p = −1 / ε: Phillips, Pricing and Revenue Optimization, 3.3.

    >>> best_price(Elasticity(-3.0, -4.0, -2.5), unit_cost=10.0, price_min=5.0, price_max=40.0)
    Range(mean=15.0, low=13.333333333333334, high=16.666666666666668)
    """
    if elasticity.high >= -1:
        return (
            "demand may answer so little to price that the highest price earns most: "
            "nothing that was tried says where that ends"
        )
    low, mean, high = (
        float(np.clip(unit_cost * e / (1 + e), price_min, price_max))
        for e in (elasticity.low, elasticity.value, elasticity.high)
    )
    return Range(mean, low, high)


def _check(*, price: float, price_min: float, price_max: float) -> None:
    if not 0 < price_min <= price_max:
        raise InputRejected("prices tried must be above 0", field="price_min")
    if price <= 0:
        raise InputRejected("has no price, so none can be compared with it", field="price")


def _outcomes(  # noqa: PLR0917 - the terms of one formula.
    elasticity: Elasticity,
    tried: np.ndarray,
    price: float,
    salvage: float,
    units: float,
    demand_units: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Units sold and money returned, (prices, draws)."""
    wanted = demand_units * (tried[:, None] / price) ** elasticity.draws
    sold = np.minimum(wanted, units)
    return sold, tried[:, None] * sold + salvage * (units - sold)


def _range(drawn: np.ndarray) -> Range:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Range(float(drawn.mean()), float(low), float(high))
