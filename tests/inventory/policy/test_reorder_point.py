"""Reorder points of the brief and of the textbook."""

import pytest

from inventory.policy.reorder_point import reorder_point_units


def test_the_wireless_mouse_of_the_brief():
    """50 a day over 10 days, and 100 units of safety stock."""
    got = reorder_point_units(demand_per_day_units=50, lead_time_days=10, safety_stock_units=100)
    assert got == 600


def test_chopra_supply_uncertainty():
    """2,500 a day over 7 days, and a safety stock of 22,491."""
    got = reorder_point_units(
        demand_per_day_units=2500, lead_time_days=7, safety_stock_units=22_491.138696520975
    )
    assert float(got) == pytest.approx(39_991.138696520975)


def test_a_review_period_adds_its_demand():
    """Whoever looks once a week must last a week longer."""
    got = reorder_point_units(
        demand_per_day_units=50, lead_time_days=10, review_period_days=7, safety_stock_units=100
    )
    assert got == 50 * 17 + 100
