"""From the logarithm of a mean to units: nothing lost, no feature favoured."""

import numpy as np
import pytest
from scipy.integrate import quad

from models.boosting_bag import RATIO_SHAPE, parts_of_exponential, ratio_of_logarithm

RNG = np.random.default_rng(5)
LOGARITHMS = RNG.normal(0, 0.7, size=(40, 6))


def test_parts_sum_to_the_exponential_of_the_sum():
    parts = parts_of_exponential(LOGARITHMS)
    assert parts.sum(axis=1) == pytest.approx(np.exp(LOGARITHMS.sum(axis=1)), rel=1e-12)
    assert parts[:, -1] == pytest.approx(np.exp(LOGARITHMS[:, -1]), rel=1e-12)


def test_parts_are_integrals_along_the_straight_path():
    """Aumann-Shapley by definition: integrate each part's slope from the base to the whole."""
    for row, parts in zip(LOGARITHMS[:5], parts_of_exponential(LOGARITHMS[:5]), strict=True):
        *moves, base = row
        area, _ = quad(lambda t, base, total: np.exp(base + t * total), 0, 1,
                       args=(base, sum(moves)))  # fmt: skip
        assert parts[:-1] == pytest.approx(np.array(moves) * area, rel=1e-9)


def test_parts_that_cancel_out_leave_the_base():
    assert parts_of_exponential(np.array([[0.3, -0.3, 1.0]]))[0] == pytest.approx(
        [0.3 * np.e, -0.3 * np.e, np.e]
    )
    assert parts_of_exponential(np.array([[0.0, 0.0, 0.0]]))[0].tolist() == [0, 0, 1]


def test_ratios_come_back_from_their_logarithms():
    ratio = np.array([0.0, 0.01, 1.0, 40.0])
    assert ratio_of_logarithm(np.log1p(RATIO_SHAPE * ratio)) == pytest.approx(ratio)
    assert ratio_of_logarithm(np.array([-0.2]))[0] == 0
