"""Sharing scarce stock: by hand, and against giving away one pack after the other."""

import numpy as np
import pytest

from inventory.demand import LEVELS
from inventory.fair_shares import Claims, fair_shares
from inventory.policy.demand_laws import normal_quantiles
from inventory.policy.window_quantiles import loss_at

LEVEL = np.array(LEVELS)


def claims(units, position, *, mean, pack=1.0, margin=5.0, sd=None):
    n = len(units)
    mean = np.broadcast_to(np.asarray(mean, dtype=float), n)
    variance = np.square(0.3 * mean if sd is None else np.full(n, sd))
    return Claims(
        np.array(units, dtype=float), np.array(position, dtype=float), np.full(n, pack),
        np.full(n, margin), normal_quantiles(mean, variance, LEVEL), mean / 2,
    )  # fmt: skip


def test_where_there_is_enough_everybody_gets_all():
    asked = claims([10, 20, 7], [0, 5, 1], mean=20)
    assert fair_shares(asked, np.array([0, 0, 1]), np.array([30.0, 7.0])).tolist() == [10, 20, 7]


def test_alike_places_get_alike_and_the_emptier_one_more():
    even = fair_shares(claims([20, 20], [0, 0], mean=20), np.zeros(2, int), np.array([20.0]))
    assert even.tolist() == [10, 10]
    # 4 are there already: 24 in all make 12 each.
    first = fair_shares(claims([20, 20], [4, 0], mean=20), np.zeros(2, int), np.array([20.0]))
    assert first.tolist() == [8, 12]


def test_packs_are_whole_and_what_is_left_of_one_stays():
    asked = claims([24, 24], [0, 0], mean=20, pack=6.0)
    assert fair_shares(asked, np.zeros(2, int), np.array([23.0])).tolist() == [12, 6]


def test_what_saves_nothing_anywhere_goes_round():
    """Certain demand of 2 that is there: lots beyond it are worth the same everywhere."""
    asked = claims([9, 9, 9], [50, 50, 50], mean=2, sd=0.0)
    assert fair_shares(asked, np.zeros(3, int), np.array([6.0])).tolist() == [2, 2, 2]
    # Who sells twice as much gets twice as much, to run out with the other: 54 / 1 and 108 / 2.
    asked = claims([90, 90], [50, 100], mean=[2, 4], sd=0.0)
    assert fair_shares(asked, np.zeros(2, int), np.array([12.0])).tolist() == [4, 8]


@pytest.mark.parametrize("seed", range(12))
def test_no_other_pack_would_save_more(seed):
    """The definition: give a pack where it saves most, until the next does not fit."""
    rng = np.random.default_rng(seed)
    n, pack = 12, float(rng.integers(1, 5))
    asked = claims(
        rng.integers(1, 9, n) * pack, rng.integers(0, 15, n), mean=rng.uniform(2, 30, n), pack=pack
    )
    group, room = rng.integers(0, 3, n), rng.integers(5, 60, 3).astype(float)
    shares = fair_shares(asked, group, room)
    for each in range(3):
        rows = np.flatnonzero(group == each)
        given, left = np.zeros(n), room[each]
        if asked.units[rows].sum() <= left:
            given[rows] = asked.units[rows]
            left = 0.0
        while left >= pack:
            after = asked.position_units + given
            saved = loss_at(asked.quantiles_units, LEVEL, after)
            saved -= loss_at(asked.quantiles_units, LEVEL, after + pack)
            open_ = rows[given[rows] < asked.units[rows]]
            best = open_[np.argmax(saved[open_])]
            given[best] += pack
            left -= pack
        # Of equal worth another may come first, so that worth is compared and not units.
        lost = [loss_at(asked.quantiles_units[rows], LEVEL, (asked.position_units + x)[rows]).sum()
                for x in (shares, given)]  # fmt: skip
        assert lost[0] == pytest.approx(lost[1], abs=1e-6)
        assert shares[rows].sum() == given[rows].sum()
