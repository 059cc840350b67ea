"""The chance that a promise is kept, against worlds that are played out one by one."""

from datetime import UTC, datetime, time
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from inventory.calendar import Calendar
from inventory.demand import LEVELS, DemandForecast
from inventory.fulfilment import (
    Lot,
    Shelf,
    WindowDemand,
    arrivals,
    chance_in_time,
    group_chance,
    window_demand,
)
from inventory.promise_buffer import Exposure, promise_buffer

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
WORLDS = 200_000
TOLERANCE = 0.012
"""Quantiles at 18 levels, joined by straight lines, miss a smooth distribution by up to 0.01."""


def forecast_of(distribution, *, days=4):
    """A forecast that is right: the quantiles of a known distribution, the same every day."""
    quantiles = np.tile(distribution.ppf(LEVELS), (1, days, 1))
    return DemandForecast(
        skus=("A",), locations=("S1",), first_day=NOW.date(), levels=np.array(LEVELS),
        quantiles_units=quantiles, mean_units=np.full((1, days), distribution.mean()),
        dependence=np.zeros((1, 2)),
    )  # fmt: skip


def played_out(rng, distribution, *, on_hand, promised, lots, quantity, days=1, share=1.0):
    """How often the pick is made: walk-ins take first, then earlier promises, then this one."""
    left = np.full(WORLDS, float(on_hand))
    for units, chance in lots:
        left += units * (rng.random(WORLDS) < chance)
    for _ in range(days):
        left -= share * distribution.rvs(WORLDS, random_state=rng)
    left -= promised
    return np.mean(left >= quantity)


@pytest.mark.parametrize("quantity", [1, 6, 9, 12, 16, 25])
@pytest.mark.parametrize(
    ("exposure", "lots"),
    [
        (Exposure(), ()),
        (Exposure(competing_share=0.4), ((8, 0.7),)),
        (Exposure(), ((5, 0.9), (10, 0.5), (10, 1.0))),
        (Exposure(exposure_days=3.0), ((10, 0.8),)),
    ],
)
def test_the_chance_is_how_often_it_happens(exposure, lots, quantity):
    distribution = stats.gamma(3.0, scale=2.0)
    demand = window_demand(forecast_of(distribution), exposure, start=0, elapsed_share=0.0, seed=1)
    shelf = Shelf(24 - 4, demand, tuple(Lot(*lot) for lot in lots))
    happened = played_out(
        np.random.default_rng(7), distribution, on_hand=24, promised=4, lots=lots,
        quantity=quantity, days=int(exposure.exposure_days), share=exposure.competing_share,
    )  # fmt: skip
    # Window sums are judged by 1,024 sample paths: three standard errors more.
    allowed = TOLERANCE + (0.03 if exposure.exposure_days > 1 else 0)
    assert shelf.chance(quantity) == pytest.approx(happened, abs=allowed)


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_judged_by_what_its_shelves_hold_together(seed):
    """Five shelves; what lacks at one is not taken from another."""
    rng = np.random.default_rng(seed)
    distributions = [stats.gamma(rng.uniform(1, 4), scale=2.0) for _ in range(5)]
    on_hand = rng.integers(0, 15, 5)
    shelves = [
        Shelf(int(units), window_demand(forecast_of(d), Exposure(), start=0, elapsed_share=0.0,
                                        seed=1), (Lot(4, 0.6),))
        for units, d in zip(on_hand, distributions, strict=True)
    ]  # fmt: skip
    there = np.zeros(WORLDS)
    for units, distribution in zip(on_hand, distributions, strict=True):
        left = units + 4 * (rng.random(WORLDS) < 0.6)
        left = left - distribution.rvs(WORLDS, random_state=rng)
        there += np.maximum(np.floor(left), 0)
    chances = [group_chance(shelves, held_units=3, quantity=q, seed=seed) for q in range(40)]
    happened = [np.mean(there >= 3 + q) for q in range(40)]
    # 2,048 draws: three standard errors are 0.033.
    assert chances == pytest.approx(happened, abs=0.033 + TOLERANCE)
    assert all(later <= earlier for earlier, later in pairwise(chances))


def test_the_chance_never_rises_with_the_quantity():
    demand = window_demand(
        forecast_of(stats.poisson(6)), Exposure(), start=0, elapsed_share=0.3, seed=1
    )
    shelf = Shelf(20, demand, (Lot(5, 0.5), Lot(7, 0.8)))
    chances = [shelf.chance(quantity) for quantity in range(1, 40)]
    assert all(later <= earlier for earlier, later in pairwise(chances))
    assert chances[0] > 0.99
    assert chances[-1] == 0


@pytest.mark.parametrize("level", [0.6, 0.9, 0.95])
@pytest.mark.parametrize("exposure_days", [0.5, 1.0, 2.0])
def test_what_the_buffer_leaves_is_kept_at_the_level_it_was_set_for(level, exposure_days):
    """Two roads to the same figure: the buffer's quantile, and the chance at what it leaves."""
    forecast = forecast_of(stats.gamma(3.0, scale=2.0))
    exposure = Exposure(exposure_days=exposure_days, record_error_units=1.0)
    buffer = promise_buffer(
        forecast, exposure, level=np.array([level]), days=2, elapsed_share_of_first_day=0.25,
        known_units=np.full((1, 2), 2.0), seed=1,
    )  # fmt: skip
    for day in (0, 1):
        demand = window_demand(forecast, exposure, start=day, elapsed_share=0.25, seed=1)
        on_hand = 40
        at_atp = on_hand - int(buffer.units[0, day])
        shelf = Shelf(on_hand + 2.0 - 1.0, demand)
        # Sums over days come from sample paths, each road with its own.
        off = 0.002 if exposure_days <= 1 else 0.02
        assert shelf.chance(at_atp) >= level - off
        # One unit more lies beyond the quantile, unless demand below it is rarer than a unit.
        assert shelf.chance(at_atp + 1) <= level + off


def test_goods_that_come_late():
    """Due at 10:00, gone by 17:00; two days put away. Φ(0) = 0.5, Φ(1) = 0.8413, Φ(-1) = 0.1587."""
    calendar = Calendar("UTC", time(17), 2)
    expected_at = datetime(2026, 6, 4, 17, tzinfo=UTC)

    def chance(day, sd_days):
        return chance_in_time(
            expected_at, calendar=calendar, pick_day_index=day, now=NOW, sd_days=sd_days
        )

    assert chance(5, 2.0) == pytest.approx(0.5)
    assert chance(7, 2.0) == pytest.approx(0.8413, abs=1e-4)
    assert chance(3, 2.0) == pytest.approx(0.1587, abs=1e-4)
    assert [chance(day, 0.0) for day in (4, 5, 6)] == [0.0, 1.0, 1.0]


def test_many_deliveries_are_still_few_outcomes():
    lots = [Lot(10 + n, 0.5) for n in range(30)]
    found = arrivals(lots)
    assert sum(chance for _, chance in found) == pytest.approx(1, abs=1e-6)
    assert max(units for units, _ in found) == sum(lot.units for lot in lots)


def test_demand_that_is_certain():
    certain = WindowDemand(np.full(3, 4.0), np.array([0.1, 0.5, 0.9]), 1.0)
    assert Shelf(10, certain).chance(6) == pytest.approx(1, abs=1e-6)
    assert Shelf(10, certain).chance(7) == pytest.approx(0, abs=1e-6)
