"""Buying under a budget, against trying every combination."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm

from inventory.base_stock import LEVEL
from inventory.budget import packs_of, within_budget
from inventory.policy.distributions import Normal

QUANTITY = np.array([40.0, 30.0, 24.0])
POSITION = np.array([80.0, 60.0, 40.0])
PACK = np.array([10.0, 10.0, 12.0])
COST = np.array([2.0, 5.0, 3.0])
MARGIN = np.array([3.0, 4.0, 2.0])
LAWS = [Normal(100, 20), Normal(80, 10), Normal(50, 15)]


@pytest.fixture
def packs():
    quantiles = np.stack([norm(law.mean, law.sd).ppf(LEVEL) for law in LAWS])
    return packs_of(
        quantity_units=QUANTITY, position_units=POSITION, pack_units=PACK, unit_cost=COST,
        unit_margin=MARGIN, quantiles_units=quantiles,
    )  # fmt: skip


def saved(units):
    return sum(
        MARGIN[i] * (law.loss(POSITION[i]) - law.loss(POSITION[i] + units[i]))
        for i, law in enumerate(LAWS)
    )


def test_a_pack_saves_what_it_takes_off_the_shortage(packs):
    assert packs.line.tolist() == [0] * 4 + [1] * 3 + [2] * 2
    first = MARGIN[0] * (LAWS[0].loss(80) - LAWS[0].loss(90))
    assert packs.value[0] == pytest.approx(first, rel=1e-3)
    assert packs.value.sum() == pytest.approx(saved(QUANTITY), rel=1e-3)


@pytest.mark.parametrize("money", [20, 55, 70, 120, 200, 260])
def test_no_other_choice_of_packs_saves_much_more(packs, money):
    """Ranking may miss the best choice by no more than what one pack saves."""
    kept = within_budget(packs, 3, money=money, least_units=np.zeros(3))
    assert kept @ COST <= money
    counts = (QUANTITY / PACK).astype(int)
    best = max(
        saved(np.array(choice) * PACK)
        for choice in itertools.product(*(range(n + 1) for n in counts))
        if (np.array(choice) * PACK) @ COST <= money
    )
    assert saved(kept) >= best - packs.value.max()


def test_a_budget_that_is_enough_cuts_nothing(packs):
    kept = within_budget(packs, 3, money=float(QUANTITY @ COST), least_units=np.zeros(3))
    assert kept.tolist() == QUANTITY.tolist()


def test_below_the_cheapest_pack_nothing_is_bought(packs):
    assert within_budget(packs, 3, money=19.0, least_units=np.zeros(3)).tolist() == [0, 0, 0]


def test_a_line_that_falls_below_its_minimum_is_left_out(packs):
    least = np.array([0.0, 30.0, 24.0])
    kept = within_budget(packs, 3, money=120.0, least_units=least)
    assert all(units == 0 or units >= low for units, low in zip(kept, least, strict=True))
    assert kept @ COST <= 120
    assert kept.sum() > 0
