"""Promise buffers: what they withhold, when they shrink, and that their terms sum."""

from datetime import date

import numpy as np
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.promise_buffer import Exposure, critical_level, promise_buffer, window_weights

LEVEL = np.array(LEVELS)


def forecast_of(mean_units, sd_units, *, horizon=14, dependence=(0.0, 0.0)):
    quantiles = np.maximum(mean_units + sd_units * norm.ppf(LEVEL), 0)
    return DemandForecast(
        skus=("A",),
        locations=("S1",),
        first_day=date(2026, 1, 5),
        levels=LEVEL,
        quantiles_units=np.tile(quantiles, (1, horizon, 1)),
        mean_units=np.full((1, horizon), float(mean_units)),
        dependence=np.array([dependence], dtype=float),
    )


def buffer_of(forecast=None, *, level=0.95, days=3, elapsed=0.0, known=0.0, **exposure):
    return promise_buffer(
        forecast or forecast_of(20, 4),
        Exposure(**exposure),
        level=np.array([level]),
        days=days,
        elapsed_share_of_first_day=elapsed,
        known_units=np.broadcast_to(np.asarray(known, dtype=float), (1, days)),
        seed=7,
    )


def test_the_level_weighs_a_cancellation_against_a_sale():
    """Withhold iff P(gone)·c > P(there)·m: indifferent where P(there) = c / (c + m)."""
    assert critical_level(cancellation_cost=19, margin=1) == 0.95
    assert critical_level(cancellation_cost=5, margin=5) == 0.5


def test_one_day_withholds_the_quantile_of_that_day_rounded_up():
    buffer = buffer_of()
    assert (buffer.units == np.ceil(20 + 4 * norm.ppf(0.95))).all()


def test_a_window_just_over_a_day_is_just_over_the_day():
    """The paths of longer windows agree with the quantile that one day is given directly."""
    day, paths = buffer_of(), buffer_of(exposure_days=1.001)
    assert (np.abs(day.units - paths.units) <= 1).all()


def test_two_days_withhold_less_than_twice_one_day():
    one, two = buffer_of(), buffer_of(exposure_days=2.0)
    assert (two.units < 2 * one.units).all()
    # Independent days: the deviation grows with the root of two.
    assert two.units[0, 0] == pytest.approx(40 + 4 * 2**0.5 * norm.ppf(0.95), abs=2)


def test_the_buffer_shrinks_as_the_day_passes():
    units = [buffer_of(elapsed=share).units[0, 0] for share in (0.0, 0.25, 0.5, 0.75, 0.99)]
    assert units == sorted(units, reverse=True)
    assert units[-1] < units[0] / 10
    assert buffer_of(elapsed=0.5).units[0, 1] == buffer_of().units[0, 1]


def test_orders_that_are_known_leave_the_buffer_and_count_once():
    """What is committed is off the balance already; buffer and commitments together stay even."""
    without, some = buffer_of(), buffer_of(known=7.0)
    assert (some.units == without.units - 7).all()
    assert (buffer_of(known=1000.0).units == 0).all()


def test_the_floor_holds_whatever_is_known():
    assert (buffer_of(known=1000.0, floor_units=3).units == 3).all()
    assert (buffer_of(floor_units=3).units == buffer_of().units).all()


def test_record_error_and_competing_share():
    assert (buffer_of(record_error_units=2.0).units == buffer_of().units + 2).all()
    assert (buffer_of(competing_share=0.5).units < buffer_of().units * 0.6).all()


@pytest.mark.parametrize("elapsed", [0.0, 0.3])
@pytest.mark.parametrize("known", [0.0, 2.7, 99.0])
def test_terms_sum_exactly_to_the_units(elapsed, known):
    buffer = buffer_of(
        elapsed=elapsed, known=known, record_error_units=0.3, floor_units=2, exposure_days=1.5
    )
    assert (sum(buffer.terms.values()) == buffer.units).all()


def test_a_more_expensive_cancellation_withholds_more():
    units = [
        buffer_of(level=critical_level(cancellation_cost=cost, margin=1.0)).units[0, 0]
        for cost in (0.5, 1, 4, 19, 99)
    ]
    assert units == sorted(units)
    assert units[-1] > units[0]


@pytest.mark.parametrize(
    ("exposure_days", "elapsed", "weights"),
    [
        (1.0, 0.0, [1.0]),
        (2.0, 0.25, [0.75, 1.0]),
        (0.5, 0.25, [0.5]),  # Six hours in, half a day ahead is still inside the day.
        (0.5, 0.75, [0.25]),  # Eighteen hours in, only the rest of the day is.
        (1.5, 0.0, [1.0, 0.5]),
    ],
)
def test_share_of_each_day_still_ahead(exposure_days, elapsed, weights):
    assert window_weights(exposure_days, elapsed_share=elapsed).tolist() == weights
