"""Share of demand met from the shelf (type 2 service), and the safety stock that a share needs."""

from scipy.optimize import brentq

from inventory.policy.newsvendor import unit_normal_loss


def expected_shortage_units(
    *, safety_stock_units: float, lead_time_demand_sd_units: float
) -> float:
    """Units short per replenishment cycle, for normal demand over the lead time: σ_L · G(SS/σ_L).

    Source: Chopra & Meindl, Supply Chain Management, ch. 11.

    >>> round(expected_shortage_units(safety_stock_units=100,
    ...                               lead_time_demand_sd_units=150 * 2 ** 0.5), 2)
    43.86
    """
    z = safety_stock_units / lead_time_demand_sd_units
    return lead_time_demand_sd_units * float(unit_normal_loss(z))


def fill_rate(
    *, safety_stock_units: float, lead_time_demand_sd_units: float, lot_units: float
) -> float:
    """Share of demand met from stock when lots of Q arrive: β = 1 − σ_L·G(SS/σ_L)/Q.

    Source: Chopra & Meindl, ch. 11, exercise 11-4.

    >>> round(fill_rate(safety_stock_units=100, lead_time_demand_sd_units=150 * 2 ** 0.5,
    ...                 lot_units=1000), 2)
    0.96
    """
    short_units = expected_shortage_units(
        safety_stock_units=safety_stock_units, lead_time_demand_sd_units=lead_time_demand_sd_units
    )
    return 1 - short_units / lot_units


def safety_stock_for_fill_rate_units(
    *, target_fill_rate: float, lead_time_demand_sd_units: float, lot_units: float
) -> float:
    """The safety stock that reaches a fill rate; negative where big lots alone exceed it.

    Source: Chopra & Meindl, ch. 11: the root of (1 − β)·Q = σ_L·G(SS/σ_L).

    >>> round(safety_stock_for_fill_rate_units(
    ...     target_fill_rate=0.975, lead_time_demand_sd_units=500 * 2 ** 0.5, lot_units=10_000), 1)
    66.7
    """
    allowed_units = (1 - target_fill_rate) * lot_units

    def excess(safety_stock_units: float) -> float:
        short_units = expected_shortage_units(
            safety_stock_units=safety_stock_units,
            lead_time_demand_sd_units=lead_time_demand_sd_units,
        )
        return short_units - allowed_units

    # Short units are at most lot-sized, so SS = −Q is short by more, and eight σ by nothing.
    lowest = -allowed_units - 8 * lead_time_demand_sd_units
    return float(brentq(excess, lowest, 8 * lead_time_demand_sd_units))
