"""The policies that ours are compared with, by hand."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from inventory.next_order import UnitCosts
from inventory.simulate import StockState
from pipelines.order_baselines import (
    BASELINES,
    Case,
    DaysOfCover,
    MinMax,
    SafetyFactor,
    Terms,
    seasonal_order_up_to,
)
from pipelines.replay_demand import ReplayDemand

WEEKS = [date(2022, 1, 3) + timedelta(days=7 * week) for week in range(60)]


def case_of(*series, lead=2, review=1):
    units = np.array(series, dtype=float)
    demand = ReplayDemand(np.nan_to_num(units), units, WEEKS, 7, 0.0)
    terms = Terms(lead, review, UnitCosts(0.2, 1.0), lost_sales=True)
    return Case(demand, np.arange(len(units)), terms)


def state(*on_hand, pipeline=None):
    empty = np.zeros((len(on_hand), 2))
    return StockState(np.array(on_hand, dtype=float), empty if pipeline is None else pipeline)


def test_steady_sales_are_ordered_up_to_four_weeks():
    order = seasonal_order_up_to(case_of([10.0] * 60, [3.0] * 60), 50)
    under_way = np.array([[10.0, 0.0], [0.0, 2.0]])
    assert order(-1, state(5, 0, pipeline=under_way)).tolist() == [40 - 15, 12 - 2]


def test_the_season_ahead_is_ordered_for():
    """All sell double in the weeks 1 to 4, and those lie ahead at the end of week 52."""
    year = [20.0] * 4 + [10.0] * 48
    order = seasonal_order_up_to(case_of(year + year[:8], np.array(year + year[:8]) / 5), 51)
    assert order(-1, state(0, 0)).tolist() == [80, 16]


def test_weeks_without_stock_are_no_weeks_without_demand():
    units = np.full(60, 10.0)
    units[45:50] = np.nan
    order = seasonal_order_up_to(case_of(units), 50)
    assert order(-1, state(0)).tolist() == [40]


@pytest.mark.parametrize("name", BASELINES)
def test_none_sees_a_week_before_it_ends(name):
    steady = [[10.0, 12.0] * 30] * 4
    jumped = [[10.0, 12.0] * 25 + [10.0] + [900.0] * 9, *steady[1:]]
    before, after = (BASELINES[name](case_of(*series), 50) for series in (steady, jumped))
    empty = state(0, 0, 0, 0)
    assert after(-1, empty).tolist() == before(-1, empty).tolist()
    if name != "min_max":
        assert after(0, empty)[0] > before(0, empty)[0]


def test_days_of_cover_are_lead_time_review_and_one():
    assert DaysOfCover()(case_of([10.0] * 60), 50)(-1, state(5)).tolist() == [35]


def test_the_safety_factor_is_the_textbooks():
    """10 ± 2 a week over three weeks at 95 %: 30 + 1.645 · 2 · √3."""
    units = np.array([8.0, 12.0] * 30)
    sigma = units[-13:].std(ddof=1)
    mean = units[-13:].mean()
    got = SafetyFactor(0.95)(case_of(units), 59)(-1, state(0))
    assert got.tolist() == [round(3 * mean + norm.ppf(0.95) * sigma * 3**0.5)]


def test_by_default_the_safety_factor_serves_the_costs():
    units = np.array([8.0, 12.0] * 30)
    given, plain = SafetyFactor(1 / 1.2), SafetyFactor()
    assert given(case_of(units), 59)(-1, state(0)) == plain(case_of(units), 59)(-1, state(0))


def test_min_max_orders_from_the_minimum_up_to_the_maximum():
    """Minimum four weeks, maximum five of them; nothing in between."""
    order = MinMax()(case_of([10.0] * 60, [10.0] * 60, [10.0] * 60), 50)
    assert order(-1, state(40, 41, 15)).tolist() == [10, 0, 35]
