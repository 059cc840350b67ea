"""Order intervals that a calendar can hold: powers of two of a base period."""

import math


def economic_interval(*, demand_rate_units: float, order_cost: float, holding_cost: float) -> float:
    """Time between economic lots, in the time unit of the rate: T = √(2·K / (h·D)).

    >>> round(52 * economic_interval(demand_rate_units=1000, order_cost=100, holding_cost=18), 3)
    5.481
    """
    return math.sqrt(2 * order_cost / (holding_cost * demand_rate_units))


def power_of_two_interval(interval: float, *, base: float = 1.0) -> float:
    """The best base · 2ᵏ, k whole, for an economic interval: at most 6.07 % dearer than it.

        k = the smallest with base · 2ᵏ ≥ T / √2

    Cost at interval t is ½·(t/T + T/t) times the optimum, so t and T²/t cost the same: of two
    neighbouring powers the change comes at T/√2.

    Source: Roundy, 98 %-effective integer-ratio lot-sizing (1985); Snyder & Shen, chapter 3.

    >>> [power_of_two_interval(weeks) for weeks in (5.481, 5.65, 5.66)]
    [4.0, 4.0, 8.0]
    """
    return float(base * 2.0 ** math.ceil(math.log2(interval / (base * math.sqrt(2)))))


def cost_ratio(interval: float, *, economic: float) -> float:
    """Ordering and holding cost at an interval over that at the economic one: ½·(t/T + T/t).

    >>> cost_ratio(2.0, economic=1.0)
    1.25
    """
    return (interval / economic + economic / interval) / 2
