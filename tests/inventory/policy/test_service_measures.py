"""Measures of service imply each other; figures of a yearly plan; the definition, simulated."""

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.policy import service_measures as measures
from inventory.policy.service_measures import LotService

YEAR = LotService(
    lead_time_mean_units=20_000 * 3 / 52,
    lead_time_sd_units=1200 * (3 / 52) ** 0.5,
    lot_units=4500,
    demand_rate_units=20_000,
    holding_cost=15,
)


def test_figures_of_a_yearly_plan():
    """The docstring example of `inventorymetricsCSL` in inventorize 1.2.6."""
    z = measures.z_for_cycle_service(0.95)
    assert YEAR.shortage_units(z) == pytest.approx(6.021991721963836)
    assert YEAR.fill_rate(z) == pytest.approx(0.9986617796173414)


@pytest.mark.parametrize("z", [0.1, 0.8, 2.5])
def test_each_measure_leads_back_to_the_same_stock(z):
    assert measures.z_for_fill_rate(YEAR, YEAR.fill_rate(z)) == pytest.approx(z)
    assert measures.z_for_cost_per_unit_short(YEAR, YEAR.cost_per_unit_short(z)) == pytest.approx(z)
    assert measures.z_for_cost_per_stockout(YEAR, YEAR.cost_per_stockout(z)) == pytest.approx(z)


def cost_per_year(z, *, per_unit=0.0, per_stockout=0.0):
    """Safety stock held, and what shortages cost, by a plain sum over simulated cycles."""
    demand = np.random.default_rng(0).normal(size=400_000)
    short = YEAR.lead_time_sd_units * np.maximum(demand - z, 0)
    cycles = YEAR.demand_rate_units / YEAR.lot_units
    return (
        YEAR.holding_cost * z * YEAR.lead_time_sd_units
        + cycles * (per_unit * short.mean() + per_stockout * (short > 0).mean())
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "cost", "rule"),
    [
        ("per_unit", 60.0, measures.z_for_cost_per_unit_short),
        ("per_stockout", 9000.0, measures.z_for_cost_per_stockout),
    ],
)
def test_the_stock_that_a_cost_implies_is_the_cheapest(kind, cost, rule):
    z = rule(YEAR, cost)
    best = cost_per_year(z, **{kind: cost})
    assert best < cost_per_year(z - 0.3, **{kind: cost})
    assert best < cost_per_year(z + 0.3, **{kind: cost})


def test_costs_too_small_for_any_stock_are_refused():
    with pytest.raises(InputRejected, match="raise it"):
        measures.z_for_cost_per_unit_short(YEAR, 0.001)
    with pytest.raises(InputRejected, match="raise it"):
        measures.z_for_cost_per_stockout(YEAR, 0.001)
