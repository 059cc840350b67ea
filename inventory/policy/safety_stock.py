"""Replenishment safety stock: the textbook forms, which the forecast form must reduce to.

Not the promise buffer (`inventory.promise_buffer`): safety stock is there to be sold, it covers
demand over lead time and review period. Where a `DemandForecast` exists, policy takes its quantiles
(`inventory.base_stock`), which need none of the assumptions made here.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from inventory.demand import Floats


def safety_stock_units(
    *,
    service_level: ArrayLike,
    demand_sd_units: ArrayLike,
    lead_time_days: ArrayLike,
    review_period_days: ArrayLike = 0.0,
) -> Floats:
    """Stock to hold above mean demand, for a given chance of no stockout per cycle.

    Demand per day is taken as independent and normal, and lead time as known.

        SS = z(α) · σ · √(L + R)

    Parameters
    ----------
    service_level : α, in (0, 1)
        Probability of no stockout in a replenishment cycle (not the fill rate).
    demand_sd_units : σ ≥ 0, units per √day
        Standard deviation of one day's demand.
    lead_time_days : L ≥ 0, days
        From placing an order to having it on the shelf.
    review_period_days : R ≥ 0, days
        Days between order opportunities. Zero means continuous review.

    Returns
    -------
    units, in the broadcast shape of the arguments. Not rounded. Negative when α < 0.5.

    Source
    ------
    Chopra & Meindl, Supply Chain Management, ch. 11; Snyder & Shen, Fundamentals of Supply Chain
    Theory, 2nd ed., ch. 4 (periodic review).

    >>> float(safety_stock_units(service_level=0.90, demand_sd_units=500.0, lead_time_days=2.0))
    906.19...
    """
    return safety_stock_variable_lead_time_units(
        service_level=service_level,
        demand_mean_units=0.0,
        demand_sd_units=demand_sd_units,
        lead_time_days=lead_time_days,
        lead_time_sd_days=0.0,
        review_period_days=review_period_days,
    )


def safety_stock_variable_lead_time_units(
    *,
    service_level: ArrayLike,
    demand_mean_units: ArrayLike,
    demand_sd_units: ArrayLike,
    lead_time_days: ArrayLike,
    lead_time_sd_days: ArrayLike,
    review_period_days: ArrayLike = 0.0,
) -> Floats:
    """The same, when the lead time varies too.

        SS = z(α) · √((L + R) · σ² + d² · σ_L²)

    Parameters
    ----------
    service_level : α, in (0, 1).
    demand_mean_units : d ≥ 0, units per day.
    demand_sd_units : σ ≥ 0, units per √day.
    lead_time_days, lead_time_sd_days : mean L and standard deviation σ_L, days.
    review_period_days : R ≥ 0, days.

    Returns
    -------
    units, in the broadcast shape of the arguments. Not rounded.

    Valid while demand and lead time are independent and their product is near normal. With
    σ_L as large as L (as in the example) it is a rule of thumb: use the forecast's paths instead.

    Source
    ------
    Chopra & Meindl, Supply Chain Management, ch. 11, "impact of supply uncertainty".

    >>> round(float(safety_stock_variable_lead_time_units(
    ...     service_level=0.90, demand_mean_units=2500, demand_sd_units=500,
    ...     lead_time_days=7, lead_time_sd_days=7)))
    22491
    """
    sigma = demand_over_lead_time_sd_units(
        demand_mean_units=demand_mean_units,
        demand_sd_units=demand_sd_units,
        lead_time_days=np.add(lead_time_days, review_period_days),
        lead_time_sd_days=lead_time_sd_days,
    )
    units: Floats = ndtri(np.asarray(service_level, dtype=float)) * sigma
    return units


def demand_over_lead_time_sd_units(
    *,
    demand_mean_units: ArrayLike,
    demand_sd_units: ArrayLike,
    lead_time_days: ArrayLike,
    lead_time_sd_days: ArrayLike,
) -> Floats:
    """Standard deviation of demand over a random lead time: √(L·σ² + d²·σ_L²), units.

    >>> round(float(demand_over_lead_time_sd_units(
    ...     demand_mean_units=2500, demand_sd_units=500, lead_time_days=7, lead_time_sd_days=7)))
    17550
    """
    variance = np.multiply(lead_time_days, np.square(demand_sd_units)) + np.square(
        np.multiply(demand_mean_units, lead_time_sd_days)
    )
    units: Floats = np.sqrt(variance)
    return units
