"""Steps of worth: what they sum to is what the paths say, and they never turn."""

import numpy as np
import pytest

from inventory.transfer_value import gains, losses


@pytest.mark.parametrize("seed", range(8))
def test_gains_sum_to_the_sales_they_save(seed):
    """Against the definition: with y more units, each path sells min(y, what it missed)."""
    rng = np.random.default_rng(seed)
    missed = rng.gamma(0.7, 15, 256) * (rng.random(256) < 0.6)
    steps = gains(missed, worth=3.0, most_units=40)
    worth = [step.worth for step in steps]
    assert worth == sorted(worth, reverse=True)
    units = 0
    for number, step in enumerate(steps, start=1):
        units += step.units
        saved = 3.0 * np.minimum(np.floor(missed), units).mean()
        assert sum(s.units * s.worth for s in steps[:number]) == pytest.approx(saved)
    assert units <= 40


@pytest.mark.parametrize("seed", range(8))
def test_losses_sum_to_the_sales_they_cost(seed):
    rng = np.random.default_rng(seed)
    demand = np.floor(rng.gamma(2.0, 8, 256))
    steps = losses(demand, stock_units=60.0, worth=2.0, most_units=50)
    worth = [step.worth for step in steps]
    assert worth == sorted(worth)
    assert sum(step.units for step in steps) == 50
    gone = 0
    for number, step in enumerate(steps, start=1):
        gone += step.units
        sold_before, sold_after = (
            np.minimum(demand, 60).mean(),
            np.minimum(demand, 60 - gone).mean(),
        )
        lost = 2.0 * (sold_before - sold_after)
        assert sum(s.units * s.worth for s in steps[:number]) == pytest.approx(lost)


def test_nothing_missed_is_nothing_wanted():
    assert gains(np.zeros(9), worth=5.0, most_units=10) == ()
    assert gains(np.full(9, 4.0), worth=5.0, most_units=0) == ()
    assert losses(np.ones(9), stock_units=5.0, worth=1.0, most_units=0) == ()
