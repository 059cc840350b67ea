"""Power-of-two intervals: the best power, at most 6.07 % dearer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.policy.order_interval import cost_ratio, economic_interval, power_of_two_interval


def test_a_yearly_plan_in_weeks():
    """The docstring example of `TQpractical` in inventorize 1.2.6."""
    weeks = 52 * economic_interval(demand_rate_units=1000, order_cost=100, holding_cost=0.25 * 72)
    assert weeks == pytest.approx(5.4812812776251905)
    assert power_of_two_interval(weeks) == 4


@given(st.floats(0.01, 1000), st.sampled_from([1.0, 7.0, 0.25]))
def test_no_power_is_cheaper_and_none_costs_more_than_six_percent(interval, base):
    chosen = cost_ratio(power_of_two_interval(interval, base=base), economic=interval)
    assert chosen <= (math.sqrt(2) + 1 / math.sqrt(2)) / 2 + 1e-9
    for k in range(-14, 14):
        assert chosen <= cost_ratio(base * 2.0**k, economic=interval) + 1e-12
