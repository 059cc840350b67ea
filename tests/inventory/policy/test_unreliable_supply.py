"""Unreliable suppliers: Snyder & Shen's chapter 9, other quantities, and a simulated supplier."""

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.policy.distributions import Normal, Uniform
from inventory.policy.lot_size import economic_order_quantity_units
from inventory.policy.unreliable_supply import (
    Disruptions,
    lot_with_share_received,
    lot_with_units_added,
    newsvendor_with_disruptions,
    newsvendor_with_units_added,
)

ICE = Disruptions(1300, 8, 0.225, 5, disruption_rate=1.5, recovery_rate=14)
EOQ = {"demand_rate_units": 75_000, "order_cost": 18_500, "holding_cost": 0.06}


def test_snyder_and_shen_example_9_1():
    best = ICE.best_lot_units()
    assert best == pytest.approx(772.8110739983106, rel=1e-5)
    assert ICE.cost_per_time(best) == pytest.approx(173.95000257319708)


def test_example_9_1_approximated():
    lot = ICE.approximate_lot_units()
    assert lot == pytest.approx(773.1432417118889)
    cost = ICE.cost_per_time(lot, approximate=True)
    assert cost == pytest.approx(173.9572293851750)
    assert cost == pytest.approx(0.225 * lot)  # At its best lot the approximate cost is h·Q.


def test_no_other_lot_is_cheaper():
    best = ICE.cost_per_time(ICE.best_lot_units())
    assert best <= min(ICE.cost_per_time(lot) for lot in np.linspace(100, 3000, 500)) + 1e-9


def test_a_supplier_who_is_never_down_asks_for_the_economic_lot():
    steady = Disruptions(1300, 8, 0.225, 5, disruption_rate=1e-9, recovery_rate=14)
    assert steady.best_lot_units() == pytest.approx(304.0467800264368, rel=1e-4)


def test_cost_with_disruptions_is_what_a_simulated_supplier_causes():
    """Lots of Q run out after Q/D; if the supplier is down then, sales are lost until he is up."""
    rng = np.random.default_rng(1)
    cycles, lot = 400_000, 400.0
    time = lot / 1300
    both = 1.5 + 14
    stays_up = 14 / both + 1.5 / both * np.exp(-both * time)
    # Each cycle starts with the supplier up, since the order could be placed.
    down = rng.random(cycles) > stays_up
    waits = np.where(down, rng.exponential(1 / 14, cycles), 0.0)
    money = 8 + 0.225 * lot * time / 2 + 5 * 1300 * waits
    simulated = money.sum() / (time + waits).sum()
    assert ICE.cost_per_time(lot) == pytest.approx(simulated, rel=0.005)


def test_vendor_who_ships_short_example_9_5():
    found = lot_with_share_received(**EOQ, yield_mean=5 / 6, yield_sd=0.14085904245475275)
    assert found.lot_units == pytest.approx(254_460.21299998942)
    assert found.cost_per_time == pytest.approx(13_086.525239999457)


@pytest.mark.parametrize(
    ("rule", "mean", "sd"),
    [(lot_with_share_received, 0.8, 0.2), (lot_with_units_added, -15_000, 9_000)],
)
def test_uncertain_yield_no_other_lot_is_cheaper(rule, mean, sd):
    best = rule(**EOQ, yield_mean=mean, yield_sd=sd)
    for factor in (0.8, 0.99, 1.01, 1.25):
        lot = factor * best.lot_units
        other = rule(**EOQ, yield_mean=mean, yield_sd=sd, lot_units=lot)
        assert other.lot_units == lot
        assert other.cost_per_time > best.cost_per_time


@pytest.mark.parametrize(
    ("rule", "mean"), [(lot_with_share_received, 1), (lot_with_units_added, 0)]
)
def test_certain_yield_is_the_economic_lot(rule, mean):
    usual = float(economic_order_quantity_units(**EOQ))
    assert rule(**EOQ, yield_mean=mean, yield_sd=0).lot_units == pytest.approx(usual)


def test_share_received_cost_is_what_simulated_deliveries_cause():
    rng = np.random.default_rng(2)
    received = 200_000 * rng.beta(5, 1, 400_000)
    mean, sd = 5 / 6, (5 / (36 * 7)) ** 0.5
    cost = lot_with_share_received(**EOQ, yield_mean=mean, yield_sd=sd, lot_units=200_000)
    cycles = received / 75_000
    simulated = (18_500 + 0.06 * received * cycles / 2).sum() / cycles.sum()
    assert cost.cost_per_time == pytest.approx(simulated, rel=0.005)


def test_units_added_beyond_any_order_are_refused():
    with pytest.raises(InputRejected, match="nothing to order"):
        lot_with_units_added(**EOQ, yield_mean=1e9, yield_sd=0)


@pytest.mark.parametrize(("holding", "shortage"), [(1, 9), (0.25, 3), (1, 99)])
def test_newsvendor_with_disruptions_against_a_simulated_supplier(holding, shortage):
    rng = np.random.default_rng(3)
    closes, opens, demand = 0.04, 0.25, 20.0
    level, cost = newsvendor_with_disruptions(
        demand_units=demand, holding_cost=holding, shortage_cost=shortage,
        disruption_chance=closes, recovery_chance=opens,
    )  # fmt: skip
    closed_for, is_open = np.zeros(200_000), True
    draws = rng.random(len(closed_for))
    for t in range(1, len(closed_for)):
        is_open = draws[t] > closes if is_open else draws[t] < opens
        closed_for[t] = 0 if is_open else closed_for[t - 1] + 1

    def simulated(target):
        left = target - (closed_for + 1) * demand
        return (holding * np.maximum(left, 0) + shortage * np.maximum(-left, 0)).mean()

    assert cost == pytest.approx(simulated(level), rel=0.03)
    for other in (level - demand, level + demand):
        given = newsvendor_with_disruptions(
            demand_units=demand, holding_cost=holding, shortage_cost=shortage,
            disruption_chance=closes, recovery_chance=opens, target_units=other,
        )  # fmt: skip
        assert given[1] >= cost - 1e-12


@pytest.mark.parametrize("received", [Normal(-5, 3), Uniform(-12, 4)])
def test_newsvendor_with_units_added_no_other_level_is_cheaper(received):
    money = {"holding_cost": 1, "shortage_cost": 4}
    level, cost = newsvendor_with_units_added(100, received, **money)
    for other in np.linspace(level - 10, level + 10, 41):
        assert (
            newsvendor_with_units_added(100, received, target_units=other, **money)[1]
            >= cost - 1e-9
        )
