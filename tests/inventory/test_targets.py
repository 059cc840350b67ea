"""What a target takes in stock, against the textbook's worked examples and scalar functions."""

import numpy as np
import pytest
from scipy.stats import norm

from inventory.base_stock import LEVEL, WindowDemand
from inventory.policy.fill_rate import safety_stock_for_fill_rate_units
from inventory.policy.newsvendor import critical_ratio
from inventory.policy.safety_stock import safety_stock_variable_lead_time_units
from inventory.targets import Targets, protected


def normal_window(mean, sd):
    mean, sd = np.atleast_1d(mean).astype(float), np.atleast_1d(sd).astype(float)
    quantiles = mean[:, None] + sd[:, None] * norm.ppf(LEVEL)
    return WindowDemand(mean, np.zeros_like(mean), quantiles.astype(np.float32))


def targets(level, *, fill=False):
    level = np.atleast_1d(level).astype(float)
    return Targets(level, np.broadcast_to(fill, level.shape))


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0.70, 371), (0.95, 1163)],
    ids=["Chopra & Meindl, Wal-Mart, CSL 70 %", "Chopra & Meindl, Wal-Mart, CSL 95 %"],
)
def test_cycle_service(level, expected):
    """2,500 a week with deviation 500, two weeks of lead time."""
    window = normal_window(5000, 500 * np.sqrt(2))
    found = protected(window, targets(level), cycle_units=np.array([10_000.0]))
    assert found.safety_stock_units[0] == pytest.approx(expected, abs=0.6)


def test_fill_rate():
    """Chopra & Meindl, ch. 11: 97.5 % with lots of 10,000 takes 67 boxes."""
    window = normal_window(5000, 500 * np.sqrt(2))
    found = protected(window, targets(0.975, fill=True), cycle_units=np.array([10_000.0]))
    assert found.safety_stock_units[0] == pytest.approx(67, abs=0.6)


def test_cost_ratio():
    """Snyder & Shen, example 4.3: h 0.18, p 0.70, N(50, 8) takes 56.6."""
    ratio = critical_ratio(shortage_cost=0.70, holding_cost=0.18)
    found = protected(normal_window(50, 8), targets(ratio), cycle_units=np.array([1.0]))
    assert found.target_units[0] == pytest.approx(56.6, abs=0.05)


def test_a_whole_assortment_agrees_with_the_scalar_functions():
    n = 400
    rng = np.random.default_rng(3)
    rate, spread = rng.gamma(4, 12, n) + 5, rng.uniform(0.1, 0.5, n)
    level = rng.uniform(0.6, 0.998, n)
    lots = rate * rng.uniform(2, 30, n)
    by_fill = np.arange(n) % 2 == 0
    sd = rate * np.sqrt(7 * spread**2 + 0.5**2)
    found = protected(normal_window(7 * rate, sd), Targets(level, by_fill), cycle_units=lots)
    for i in range(n):
        if by_fill[i]:
            expected = safety_stock_for_fill_rate_units(
                target_fill_rate=level[i], lead_time_demand_sd_units=sd[i], lot_units=lots[i]
            )
        else:
            expected = safety_stock_variable_lead_time_units(
                service_level=level[i], demand_mean_units=rate[i],
                demand_sd_units=rate[i] * spread[i], lead_time_days=7.0, lead_time_sd_days=0.5,
            )  # fmt: skip
        assert found.safety_stock_units[i] == pytest.approx(
            max(float(expected), 0), abs=0.002 * (1 + 7 * rate[i])
        )
