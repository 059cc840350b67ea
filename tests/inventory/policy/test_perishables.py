"""Estimated outdating, against a simulation day by day."""

import numpy as np
import pytest

from inventory.policy.perishables import ages_first_in_first_out, estimated_outdating_units


def simulated(batches, demand, window):
    """Sell `demand` a day from the oldest; what expires at the end of its last day is lost.

    So is what had expired before, and it is not sold any more. What expires on the evening of the
    window's last day has been there to be sold for all of it.
    """
    lost = sum(units for life, units in batches if life <= 0)
    left = sorted(batch for batch in batches if batch[0] > 0)
    for day in range(1, window):
        wanted = demand
        for i, (life, units) in enumerate(left):
            sold = min(units, wanted)
            left[i], wanted = (life, units - sold), wanted - sold
        lost += sum(units for life, units in left if life == day)
        left = [(life, units) for life, units in left if life > day]
    return lost


def test_it_is_what_a_simulation_loses():
    rng = np.random.default_rng(2)
    position, days, units, expected, rates, windows = [], [], [], [], [], []
    for row in range(200):
        batches = [(int(rng.integers(-2, 9)), float(rng.integers(1, 30)))
                   for _ in range(rng.integers(0, 5))]  # fmt: skip
        rate, window = float(rng.integers(1, 12)), int(rng.integers(1, 8))
        expected.append(simulated(batches, rate, window))
        position += [row] * len(batches)
        days += [life for life, _ in batches]
        units += [held for _, held in batches]
        rates.append(rate)
        windows.append(window)
    found = estimated_outdating_units(
        np.array(position), np.array(days, dtype=float), np.array(units),
        demand_per_day_units=np.array(rates), window_days=np.array(windows, dtype=float),
    )  # fmt: skip
    assert found == pytest.approx(expected)


def test_what_is_left_is_the_youngest():
    left = ages_first_in_first_out(
        np.array([1, 0, 1, 0]), np.array([2.0, 1.0, 0.5, 9.0]), np.array([5.0, 4.0, 3.0, 7.0]),
        np.array([6.0, 20.0]),
    )  # fmt: skip
    assert left.tolist() == [5, 4, 3, 2]
