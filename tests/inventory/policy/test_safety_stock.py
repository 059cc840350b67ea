"""Textbook safety stocks, with the numbers that the textbook prints."""

import numpy as np
import pytest

from inventory.policy.fill_rate import (
    expected_shortage_units,
    fill_rate,
    safety_stock_for_fill_rate_units,
)
from inventory.policy.safety_stock import (
    demand_over_lead_time_sd_units,
    safety_stock_units,
    safety_stock_variable_lead_time_units,
)


@pytest.mark.parametrize(
    ("_case", "service_level", "expected_units"),
    [
        ("Chopra & Meindl, Wal-Mart example, CSL 70 %", 0.70, 371),
        ("Chopra & Meindl, Wal-Mart example, CSL 95 %", 0.95, 1163),
    ],
)
def test_weekly_demand_2500_sd_500_lead_time_two_weeks(_case, service_level, expected_units):
    got = safety_stock_units(service_level=service_level, demand_sd_units=500.0, lead_time_days=2.0)
    assert round(float(got)) == expected_units


def test_chopra_supply_uncertainty():
    """Chopra & Meindl, ch. 11: demand 2,500 ± 500 a day, lead time 7 ± 7 days, CSL 90 %."""
    sigma = demand_over_lead_time_sd_units(
        demand_mean_units=2500, demand_sd_units=500, lead_time_days=7, lead_time_sd_days=7
    )
    stock = safety_stock_variable_lead_time_units(
        service_level=0.9,
        demand_mean_units=2500,
        demand_sd_units=500,
        lead_time_days=7,
        lead_time_sd_days=7,
    )
    assert round(float(sigma)) == 17_550
    assert round(float(stock)) == 22_491


def test_periodic_review_snyder_and_shen_example_4_4():
    """Protection over L + R = 5 periods at p/(p+h) = 0.7/0.88: base stock 264.77, so SS 14.77."""
    stock = safety_stock_units(
        service_level=0.7 / 0.88, demand_sd_units=8, lead_time_days=4, review_period_days=1
    )
    assert float(stock) == pytest.approx(264.76689437415484 - 250, rel=1e-6)


def test_a_whole_assortment_at_once():
    levels = np.array([0.5, 0.9, 0.99])
    stock = safety_stock_units(service_level=levels, demand_sd_units=10.0, lead_time_days=4.0)
    assert stock.shape == (3,)
    assert stock[0] == pytest.approx(0, abs=1e-9)
    assert (np.diff(stock) > 0).all()


def test_fill_rate_chopra_exercise_11_4():
    """HP printers: 250 ± 150 a week, lead time 2, reorder at 600, lots of 1,000."""
    sigma = 150 * 2**0.5
    assert expected_shortage_units(
        safety_stock_units=100, lead_time_demand_sd_units=sigma
    ) == pytest.approx(43.86, abs=0.005)
    assert fill_rate(
        safety_stock_units=100, lead_time_demand_sd_units=sigma, lot_units=1000
    ) == pytest.approx(0.956, abs=0.0005)


@pytest.mark.parametrize("target", [0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("lot", [50.0, 1000.0, 20_000.0])
def test_the_inverse_of_the_fill_rate_is_its_inverse(target, lot):
    stock = safety_stock_for_fill_rate_units(
        target_fill_rate=target, lead_time_demand_sd_units=212.0, lot_units=lot
    )
    assert fill_rate(
        safety_stock_units=stock, lead_time_demand_sd_units=212.0, lot_units=lot
    ) == pytest.approx(target, abs=1e-9)
