"""The replenishment decision: what triggers, how much, and that its terms sum exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.base_stock import ProtectionDemand
from inventory.order_plan import (
    Constraints,
    Policy,
    Positions,
    economic_lots,
    plan_orders,
    policy,
)
from inventory.policy.lot_size import on_grid


def arrays(*values):
    return [np.atleast_1d(np.asarray(value, dtype=float)) for value in values]


def demand_of(lead, review, target):
    return ProtectionDemand(*[on_grid(a) for a in arrays(lead, review, target)])


def constraints(minimum=0.0, pack=1.0, maximum=np.inf, *, n=1):
    return Constraints(*[np.broadcast_to(a, n) for a in arrays(minimum, pack, maximum)])


def policy_of(lead, review, target, *, rate=50.0, order_cost=50.0, holding=2.0, life=np.inf,
              limits=None):  # fmt: skip
    lot = economic_lots(
        demand_per_day_units=np.atleast_1d(float(rate)),
        order_cost=np.atleast_1d(float(order_cost)),
        holding_cost_per_year=np.atleast_1d(float(holding)),
        shelf_life_days=np.atleast_1d(float(life)),
    )
    demand = demand_of(lead, review, target)
    return policy(demand, lot_units=lot, constraints=limits or constraints())


def plan(chosen, on_hand, on_order=0, committed=0, *, limits=None, may_order=True):
    n = len(chosen.reorder_point_units)
    return plan_orders(
        chosen,
        Positions(*arrays(on_hand, on_order, committed)),
        limits or constraints(n=n),
        may_order=np.full(n, may_order),
    )


MOUSE = policy_of(500, 0, 600)
"""The brief's wireless mouse: 50 a day over 10 days, SS 100, D 18,250, K 50, h 2."""


def test_the_brief_s_mouse_has_reorder_point_600_and_lot_955():
    assert MOUSE.reorder_point_units.tolist() == [600]
    assert MOUSE.safety_stock_units.tolist() == [100]
    assert MOUSE.economic_lot_units[0] == pytest.approx(955.2487, abs=0.001)
    assert MOUSE.order_quantity_units.tolist() == [956]
    # On arrival, ten days of demand have left: 600 + 955 − 500, not the 1,555 of the brief.
    arrived = MOUSE.order_up_to_units[0] - MOUSE.demand.lead_time_mean_units[0]
    assert arrived == pytest.approx(1055.25, abs=0.01)


@pytest.mark.parametrize(
    ("on_hand", "on_order", "committed", "triggers"),
    [
        (601, 0, 0, False),
        (600, 0, 0, True),  # At the reorder point.
        (100, 501, 0, False),  # Position, not stock: what is on its way counts.
        (1000, 0, 400, True),  # Sold but not shipped does not.
        (0, 600, 0, True),
        (0, 2000, 0, False),
    ],
)
def test_the_position_triggers_not_the_stock(on_hand, on_order, committed, triggers):
    decided = plan(MOUSE, on_hand, on_order, committed)
    assert decided.triggered.tolist() == [triggers]
    assert (decided.quantity_units > 0).tolist() == [triggers]


def test_once_ordered_it_does_not_trigger_again():
    first = plan(MOUSE, 600)
    again = plan(MOUSE, 600, on_order=first.quantity_units[0])
    assert again.quantity_units.tolist() == [0]


def test_a_line_that_a_person_has_in_hand_is_left_alone():
    assert plan(MOUSE, 0, may_order=False).quantity_units.tolist() == [0]


def test_what_does_not_sell_is_not_ordered_but_what_is_owed_is():
    dust = policy_of(0, 0, 0, rate=0.0)
    assert plan(dust, 0).quantity_units.tolist() == [0]
    assert plan(dust, 0, committed=3).quantity_units.tolist() == [3]


def test_a_lot_does_not_outlive_its_goods():
    fresh = policy_of(100, 50, 180, life=2.0)
    assert fresh.economic_lot_units.tolist() == [100]  # Two days of 50, not 955.


def test_without_holding_cost_there_is_no_economic_lot():
    assert policy_of(500, 0, 600, holding=0.0).order_up_to_units.tolist() == [600]


def test_a_whole_assortment_at_once():
    n = 1000
    rng = np.random.default_rng(5)
    lead, review = on_grid(rng.gamma(2, 20, n)), on_grid(rng.gamma(2, 5, n))
    chosen = Policy(
        demand=ProtectionDemand(lead, review, on_grid((lead + review) * 1.4)),
        economic_lot_units=on_grid(rng.gamma(2, 30, n)),
        lot=None,
    )
    limits = Constraints(rng.integers(0, 50, n) * 1.0, rng.integers(1, 25, n) * 1.0,
                         np.full(n, np.inf))  # fmt: skip
    stock = rng.integers(0, 150, n) * 1.0
    decided = plan_orders(
        chosen, Positions(stock, np.zeros(n), np.zeros(n)), limits, may_order=np.ones(n, bool)
    )
    assert (decided.triggered == (stock <= chosen.reorder_point_units)).all()
    after = stock + decided.quantity_units
    assert (after[decided.triggered] >= chosen.order_up_to_units[decided.triggered]).all()


@given(
    lead=st.floats(0, 5000), review=st.floats(0, 500), safety=st.floats(-5, 2000),
    on_hand=st.integers(-50, 6000), on_order=st.integers(0, 2000), owed=st.integers(0, 500),
    minimum=st.integers(0, 200), pack=st.integers(1, 48), rate=st.floats(0, 300),
)  # fmt: skip
def test_terms_sum_exactly_to_the_quantity(
    *, lead, review, safety, on_hand, on_order, owed, minimum, pack, rate
):
    limits = constraints(minimum, pack)
    chosen = policy_of(lead, review, max(lead + review + safety, 0), rate=rate, limits=limits)
    decided = plan(chosen, on_hand, on_order, owed, limits=limits)
    assert sum(term[0] for term in decided.terms.values()) == decided.quantity_units[0]
    if decided.triggered[0]:
        assert decided.quantity_units[0] % pack == 0
    else:
        assert decided.quantity_units[0] == 0
