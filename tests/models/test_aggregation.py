"""Aggregated forecasts: a printed series with statsforecast's figures, and plain identities."""

import numpy as np
import pytest

from models.aggregation import adida_units, fitted_croston_units, fitted_level, imapa_units

PRODUCT_C = np.array(
    [[0, 2, 0, 1, 0, 11, 0, 0, 0, 0, 2, 0, 6, 3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0,
      1, 0, 1, 0, 0]],
    dtype=float,
)  # fmt: skip
"""Product C of fpp2 (Hyndman & Athanasopoulos), as printed."""


def test_adida_as_statsforecast_computes_it():
    """statsforecast 2.1.1, ADIDA."""
    assert adida_units(PRODUCT_C) == pytest.approx([0.82997966], abs=1e-6)


@pytest.mark.parametrize("method", [adida_units, imapa_units, fitted_croston_units])
def test_regular_demand_is_forecast_as_it_is(method):
    regular = np.tile([0.0, 0.0, 6.0], (2, 8))
    assert method(regular) == pytest.approx([2.0, 2.0], rel=0.25)
    assert method(np.full((1, 12), 3.0)) == pytest.approx([3.0])


@pytest.mark.parametrize("method", [adida_units, imapa_units, fitted_croston_units])
def test_what_never_sold_is_forecast_as_nothing(method):
    assert method(np.zeros((1, 9))) == pytest.approx([0.0])


def test_no_other_smoothing_errs_less():
    values = np.random.default_rng(0).poisson(4, 40).astype(float)

    def error(alpha):
        level, total = values[0], 0.0
        for value in values[1:]:
            total += (value - level) ** 2
            level += alpha * (value - level)
        return total, level

    best = min(error(alpha) for alpha in np.linspace(0.1, 0.3, 2001))
    assert fitted_level(values) == pytest.approx(best[1], abs=1e-3)
