"""The best level of the newsvendor is the best one in the simulation too."""

import numpy as np
import pytest
from scipy.stats import poisson

from inventory.periodic_review import order_up_to_costs, shortage_cost_of


@pytest.mark.parametrize("service_level", [0.8, 0.95])
def test_the_cheapest_target_is_the_quantile_at_the_service_level(service_level):
    """One review period of one day, no lead time: the newsvendor, whose optimum is known."""
    rng = np.random.default_rng(0)
    demand = rng.poisson(20, (20_000, 1)).astype(float)
    shortage = shortage_cost_of(service_level=service_level, holding_cost=1.0, review_periods=1)
    targets = np.arange(15.0, 40.0)
    costs = [
        order_up_to_costs(
            demand, np.full(demand.shape, target), start_units=np.zeros(len(demand)),
            lead_time_periods=0, review_periods=1, holding_cost=1.0, shortage_cost=shortage,
        ).sum()
        for target in targets
    ]  # fmt: skip
    assert targets[int(np.argmin(costs))] == pytest.approx(poisson.ppf(service_level, 20), abs=1)


def test_after_the_last_review_nothing_is_ordered_and_the_lead_time_is_free():
    cost = order_up_to_costs(
        np.full((2, 6), 1.0), np.array([[2.0], [4.0]]), start_units=np.array([0.0, 1.0]),
        lead_time_periods=2, review_periods=3, holding_cost=1.0, shortage_cost=5.0,
    )  # fmt: skip
    # Two arrive in period 2 (left 1, 0), then two are short; three arrive (left 2, 1, 0), one is.
    assert cost.tolist() == [1 + 0 + 5 * 2, 2 + 1 + 0 + 5]
