"""Stock health in one word."""

import numpy as np
import pytest

from inventory.health import days_of_cover, stock_health


def health_of(sellable, *, reorder_point=20.0, up_to=50.0, rate=2.0):
    return stock_health(
        sellable_units=np.array([float(sellable)]),
        reorder_point_units=np.array([reorder_point]),
        order_up_to_units=np.array([up_to]),
        demand_per_day_units=np.array([rate]),
    )[0]


@pytest.mark.parametrize(
    ("sellable", "word"),
    [(-3, "out"), (0, "out"), (1, "low"), (20, "low"), (21, "healthy"), (110, "healthy"),
     (111, "over")],
)  # fmt: skip
def test_words_change_at_their_limits(sellable, word):
    """Over means more than the order-up-to level of 50 by thirty days of 2."""
    assert health_of(sellable) == word


def test_what_does_not_sell_is_healthy_without_stock_and_over_with_it():
    assert health_of(0, reorder_point=0, up_to=0, rate=0) == "healthy"
    assert health_of(5, reorder_point=0, up_to=0, rate=0) == "over"


def test_cover_is_endless_where_nothing_sells():
    cover = days_of_cover(
        sellable_units=np.array([10.0, 10.0, -4.0]), demand_per_day_units=np.array([4.0, 0.0, 1.0])
    )
    assert cover.tolist() == [2.5, np.inf, 0.0]


def test_a_position_may_have_too_much_on_its_own_terms():
    told = {
        "sellable_units": np.array([80.0, 80.0]), "reorder_point_units": np.array([20.0, 20.0]),
        "order_up_to_units": np.array([50.0, 50.0]), "demand_per_day_units": np.array([2.0, 2.0]),
    }  # fmt: skip
    assert stock_health(**told, over_cover_days=np.array([10.0, 30.0])).tolist() == [
        "over", "healthy",
    ]  # fmt: skip
