"""The nearest past, where we put it there ourselves."""

import numpy as np
import pytest

from models.analogue import CONTEXT_PERIODS, nearest

WEEK = np.array([1.0, 0.8, 0.9, 1.0, 1.3, 1.6, 1.2])
CONTEXT = CONTEXT_PERIODS[1]


def noisy(weeks, rng, level=10.0):
    return level * np.tile(WEEK, weeks) * rng.uniform(0.5, 1.5, 7 * weeks)


def test_a_planted_precedent_is_found_with_what_followed_it():
    rng = np.random.default_rng(0)
    demand = np.stack([noisy(30, rng), noisy(30, rng)])
    T = demand.shape[1]
    last = T - 1 - 7 * 12
    demand[1, last - CONTEXT + 1 : last + 1] = 2 * demand[0, -CONTEXT:]
    demand[1, last + 1 : last + 8] = 50.0
    found = nearest(demand, 0, horizon=7, period_days=1)
    assert (found.row, found.last) == (1, last)
    assert found.distance == pytest.approx(0.0, abs=1e-9)
    assert found.followed_units == pytest.approx(np.full(7, 25.0)), "told at today's level"


def test_only_stretches_at_the_same_place_in_the_week_with_an_outcome_count():
    rng = np.random.default_rng(1)
    demand = noisy(20, rng)[None]
    T = demand.shape[1]
    demand[0, -CONTEXT - 3 : -3] = demand[0, -CONTEXT:]  # three days off, and without an outcome
    found = nearest(demand, 0, horizon=14, period_days=1)
    assert (T - 1 - found.last) % 7 == 0
    assert found.last + 14 <= T - 1


def test_unknown_days_are_not_compared():
    rng = np.random.default_rng(2)
    demand = noisy(20, rng)[None]
    last = demand.shape[1] - 1 - 7 * 8
    demand[0, last - CONTEXT + 1 : last + 1] = demand[0, -CONTEXT:]
    demand[0, [last - 3, last - 9]] = np.nan
    assert nearest(demand, 0, horizon=7, period_days=1).last == last
    demand[0, last - CONTEXT + 1 : last - 5] = np.nan
    assert nearest(demand, 0, horizon=7, period_days=1).last != last


@pytest.mark.parametrize("demand", [np.zeros((1, 90)), np.full((1, 90), np.nan), np.ones((1, 20))])
def test_without_demand_or_history_there_is_no_precedent(demand):
    assert nearest(demand, 0, horizon=7, period_days=1) is None
