"""What a periodic-review, order-up-to policy costs against demand that is known by now.

For judging forecasts by what they cause: two sets of targets, the same demand, the same costs.
"""

import numpy as np

from inventory.demand import Floats
from inventory.simulate import StockState, simulate


def shortage_cost_of(*, service_level: float, holding_cost: float, review_periods: int) -> float:
    """Money per unit short at which `service_level` is the best level to order up to.

    What is left over at the end of a review period was held for all of it, so

        α = p / (p + h · R)   ⇔   p = h · R · α / (1 − α)

    Source: the newsvendor's critical ratio; Snyder & Shen, Fundamentals of Supply Chain Theory,
    2nd ed., section 4.4.2 on periodic review. Lost sales and the units in the pipeline are
    ignored, as usual.

    >>> round(shortage_cost_of(service_level=0.95, holding_cost=1.0, review_periods=2), 6)
    38.0
    """
    assert 0 < service_level < 1
    return holding_cost * review_periods * service_level / (1 - service_level)


def order_up_to_costs(
    demand_units: Floats,
    targets_units: Floats,
    *,
    start_units: Floats,
    lead_time_periods: int,
    review_periods: int,
    holding_cost: float,
    shortage_cost: float,
) -> Floats:
    """Money per series (N,): holding and shortage, with sales lost when the shelf is empty.

    Parameters
    ----------
    demand_units : shape (N, T), what customers wanted in each period.
    targets_units : shape (N, K)
        Stock position to order up to at the k-th review, which is at the end of period k · R − 1
        (the first on the eve of period 0). After the last one, nothing more is ordered.
    start_units : shape (N,), on hand on that eve; nothing is on its way.
    lead_time_periods : L ≥ 0. An order of the eve arrives at the start of period L.
    holding_cost, shortage_cost : money per unit left at a period's end, per unit of demand not met.

    Costs count from period L: what comes before is the same whatever is ordered.

    >>> order_up_to_costs(
    ...     np.array([[2.0, 2.0, 2.0]]), np.array([[5.0]]), start_units=np.array([2.0]),
    ...     lead_time_periods=1, review_periods=3, holding_cost=1.0, shortage_cost=10.0,
    ... )
    array([11.])

    The order of 3 arrives in period 1: one unit is left then (1), one is short in period 2 (10).
    """
    N, T = demand_units.shape
    reviews = targets_units.shape[1]

    def decide(t: int, state: StockState) -> Floats:
        review, between = divmod(t + 1, review_periods)
        if between or review >= reviews:
            return np.zeros(N)
        wanted: Floats = np.maximum(targets_units[:, review] - state.position_units, 0.0)
        return wanted

    start = StockState(start_units, np.zeros((N, lead_time_periods)))
    outcome = simulate(
        demand_units, start, decide, lead_time_periods=lead_time_periods, lost_sales=True
    )
    counted = slice(min(lead_time_periods, T), None)
    held: Floats = holding_cost * outcome.left_units[:, counted].sum(axis=1)
    short: Floats = shortage_cost * outcome.unmet_units[:, counted].sum(axis=1)
    return held + short
