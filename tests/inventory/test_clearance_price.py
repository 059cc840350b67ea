"""Prices against trying them all, and cautious where little is known."""

import numpy as np
import pytest

from inventory.clearance_price import Elasticity, best_price, clearance_price
from inventory.errors import InputRejected

TOLD = {"price": 10.0, "salvage": 1.0, "units": 300.0, "per_day_units": 5.0, "days": 20.0,
        "price_min": 4.0, "price_max": 12.0}  # fmt: skip


@pytest.mark.parametrize("value", [-1.5, -2.0, -3.5])
def test_the_best_of_all_prices_is_found(value):
    """With an elasticity that is sure: a fine grid of prices, by the definition."""
    found = clearance_price(Elasticity(value, value, value), **TOLD)
    prices = np.linspace(4, 10, 6001)
    sold = np.minimum(300, 100 * (prices / 10) ** value)
    returned = prices * sold + (300 - sold) * 1.0
    assert found.gain.mean == pytest.approx(returned.max() - returned[-1], rel=0.01)
    assert found.price == pytest.approx(prices[returned.argmax()], abs=0.11)
    assert found.sold_units.mean == pytest.approx(sold[returned.argmax()], rel=0.05)


def test_less_surely_known_is_less_boldly_priced():
    sure = clearance_price(Elasticity(-2.0, -2.1, -1.9), **TOLD)
    unsure = clearance_price(Elasticity(-2.0, -3.2, -0.8), **TOLD)
    assert sure.gain.low > 0
    assert isinstance(unsure, str)
    assert "surely" in unsure


def test_stock_that_sells_anyway_keeps_its_price():
    assert isinstance(clearance_price(Elasticity(-2, -2.1, -1.9), **(TOLD | {"units": 90})), str)


def test_no_price_that_was_not_tried():
    found = clearance_price(Elasticity(-4, -4.1, -3.9), **(TOLD | {"price_min": 8.0}))
    assert found.price >= 8.0
    assert best_price(Elasticity(-3, -4, -2), unit_cost=10, price_min=5, price_max=14).mean == 14


def test_demand_that_hardly_answers_has_no_best_price():
    assert "highest price" in best_price(Elasticity(-1.2, -1.6, -0.8), unit_cost=5, price_min=4,
                                         price_max=9)  # fmt: skip


@pytest.mark.parametrize("wrong", [{"price": 0.0}, {"price_min": 0.0}], ids=["price", "tried"])
def test_what_has_no_price_is_refused(wrong):
    with pytest.raises(InputRejected):
        clearance_price(Elasticity(-2, -2.1, -1.9), **(TOLD | wrong))
