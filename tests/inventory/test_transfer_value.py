"""Steps of worth: what they sum to is what the paths say, and they never turn."""

import numpy as np
import pytest

from inventory.transfer_value import Misses, gains, losses


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


@pytest.mark.parametrize("seed", range(8))
def test_units_of_several_speeds_save_what_each_path_says(seed):
    """Each path by itself: early misses are served first, and only by what came early enough."""
    rng = np.random.default_rng(seed)
    early, late = rng.poisson(3, 64).astype(float), rng.poisson(4, 64).astype(float)
    misses = Misses({1: early + late, 4: late}, worth=3.0, most_units=30)
    for fast, slow in rng.integers(0, 12, (6, 2)).tolist():
        saved = []
        for first, rest in zip(early, late, strict=True):
            served = min(fast, first)
            saved.append(served + min(fast - served + slow, rest))
        exact = 3.0 * np.mean(saved)
        assert misses.saved({1: fast, 4: slow}) == pytest.approx(exact)
        # Steps never promise more than that: late ones serve both, early ones the fast only.
        steps = {
            days: sorted((s.worth for s in misses.steps() if s.within_days == days
                          for _ in range(s.units)), reverse=True)
            for days in (1, 4)
        }  # fmt: skip
        promised = max(
            sum(steps[1][:n]) + sum(steps[4][: fast - n + slow]) for n in range(fast + 1)
        )
        assert promised <= exact + 1e-9
