"""Replays: what is counted, from when, and for whom."""

from datetime import date, timedelta

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.next_order import UnitCosts
from pipelines.order_baselines import BASELINES, Case, DaysOfCover, Terms
from pipelines.policy_backtest import Plan, backtest, figures, rolling_origins
from pipelines.replay_demand import ReplayDemand
from pipelines.service_curve import at_equal_fill, stock_at
from pipelines.starting_stock import lean, warmed_up

WEEKS = [date(2022, 1, 3) + timedelta(days=7 * week) for week in range(60)]


def case_of(*series, lead=2, review=1, **terms):
    units = np.array(series, dtype=float)
    demand = ReplayDemand(units, units, WEEKS, 7, 0.0)
    costs = UnitCosts(0.2, 1.0, waste=0.5)
    return Case(demand, np.arange(len(units)), Terms(lead, review, costs, True, **terms))


def never(_case, _origin):
    return lambda _t, state: np.zeros(len(state.on_hand_units))


def test_a_warm_start_of_steady_sales_is_the_steady_state():
    """Up to 40 at lead time two: 20 on their way, 20 on the shelf before a week takes ten."""
    case = case_of([10.0] * 60)
    assert warmed_up(case, origin=50).on_hand_units.tolist() == [10]
    row = figures(backtest([case], {"it": BASELINES["seasonal"]}, Plan(1, 6)), period_days=7)[0]
    assert (row.fill_rate, row.stock_outs, row.stock_units) == (1.0, 0, 10.0)


def test_a_lean_start_is_a_weeks_sales_and_as_much_under_way():
    start = lean(case_of([1.0, 2.0] * 30), origin=50)
    assert start.on_hand_units.tolist() == [2]
    assert start.pipeline_units.tolist() == [[0, 1]]


def test_figures_count_from_the_first_period_that_an_order_reaches():
    """Nothing ordered: 2 on hand and 1 under way last two of ten a week; then six weeks of ten."""
    case = case_of([10.0] * 60, [2.0] * 60)
    plan = Plan(windows=1, periods=6, start="lean")
    row, _ = figures(backtest([case], {"never": never}, plan), period_days=7)
    assert row.demand_units == 6 * 12
    assert row.fill_rate == 0
    assert row.cost == row.shortage_cost == 72
    assert (row.stock_outs, row.stock_out_share, row.orders) == (12, 1.0, 0)


def test_turns_are_a_years_sales_over_the_stock():
    """Ten a week from a stock of ten: 52 times a year."""
    runs = backtest([case_of([10.0] * 60)], {"it": DaysOfCover()}, Plan(2, 6))
    row = figures(runs, period_days=7)[0]
    assert row.turns == pytest.approx(365.25 / 7)
    assert row.holding_cost == pytest.approx(0.2 * 10 * 12)
    assert row.orders == 12


def test_what_outlives_its_shelf_life_is_counted_and_paid_for():
    """Forty for a demand of ten that keep for one week: thirty go."""
    case = case_of([10.0] * 60, lead=0, shelf_life_periods=1)
    runs = backtest([case], {"it": lambda *_: lambda *_: np.array([40.0])}, Plan(1, 6))
    row = figures(runs, period_days=7)[0]
    assert row.expired_units == 6 * 30
    assert (row.waste_cost, row.holding_cost) == (90, 0)


def test_windows_lie_end_to_end_up_to_the_last_period():
    origins = rolling_origins([case_of([1.0] * 60)], Plan(windows=3, periods=6))
    assert origins == [59 - 24, 59 - 16, 59 - 8]


def test_more_windows_than_the_history_holds_are_refused():
    with pytest.raises(InputRejected, match="holds 5 windows") as refused:
        rolling_origins([case_of([1.0] * 60)], Plan(windows=6, periods=6))
    assert refused.value.field == "windows"


def test_a_policy_reads_nothing_that_has_not_happened():
    """A policy that reads what it may is the same whatever comes later."""
    rng = np.random.default_rng(2)
    units = rng.poisson(5, (3, 60)).astype(float)
    other = np.concatenate([units[:, :56], rng.poisson(50, (3, 4))], axis=1)
    plan = Plan(windows=1, periods=6)
    for name, policy in BASELINES.items():
        first, second = (
            backtest([case_of(*rows)], {name: policy}, plan)[0].outcome for rows in (units, other)
        )
        assert np.array_equal(first.ordered_units[:, :5], second.ordered_units[:, :5])


def test_series_bought_on_other_terms_add_up():
    slow, quick = case_of([10.0] * 60), case_of([4.0] * 60, lead=1)
    plan = Plan(1, 6, start="lean")
    alone = [figures(backtest([c], {"n": never}, plan), period_days=7)[0] for c in (slow, quick)]
    both = figures(backtest([slow, quick], {"n": never}, plan), period_days=7)[0]
    assert both.demand_units == sum(row.demand_units for row in alone)
    assert both.cost == pytest.approx(sum(row.cost for row in alone))
    assert both.stock_units == pytest.approx(sum(row.stock_units for row in alone))


def test_a_slow_review_counts_as_many_periods_and_fewer_orders():
    """Six weeks count for both; ordered every other week, that is three orders."""
    weekly, biweekly = case_of([10.0] * 60), case_of([10.0] * 60, review=2)
    always = lambda *_: lambda *_: np.array([10.0])  # noqa: E731
    runs = backtest([weekly, biweekly], {"it": always}, Plan(1, 6))
    assert [run.outcome.met_units.shape[1] for run in runs] == [6, 6]
    assert [int((run.outcome.ordered_units > 0).sum()) for run in runs] == [6, 3]


def curve(*points):
    runs = backtest([case_of([10.0] * 60)], {"n": never}, Plan(1, 6))
    row = figures(runs, period_days=7)[0]
    from dataclasses import replace

    return [replace(row, fill_rate=fill, stock_units=stock) for fill, stock in points]


def test_curves_are_compared_where_both_reach():
    ours = curve((0.7, 10.0), (0.9, 20.0), (0.98, 40.0))
    theirs = curve((0.8, 20.0), (0.95, 50.0), (0.99, 90.0))
    points = at_equal_fill(ours, theirs, points=3)
    assert [point.fill_rate for point in points] == pytest.approx([0.8, 0.89, 0.98])
    assert points[0].stock_units == pytest.approx(15)
    assert points[0].less == pytest.approx(0.25)
    assert stock_at(ours, 0.94) == pytest.approx(30)
    assert at_equal_fill(curve((0.1, 1.0), (0.2, 2.0)), theirs) == []
