"""What is on the shelf and under way when a replay begins.

`seasonal` lets the 13-week seasonal baseline order from empty shelves for a while before: windows
then begin with a little too much of what has just gone out of season, whoever orders next.
`lean` begins as the VN2 challenge did: on hand the average sales of a period over the last year,
rounded up, and under way the same rounded down, to arrive with the last delivery that is already
out of reach. (The challenge's initial state shows the first for every one of its 599 series, and
the second to a unit or two, nothing arriving the week before.)
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from inventory.simulate import StockState, play_period
from pipelines.order_baselines import Case, Terms, seasonal_order_up_to

Start = Literal["seasonal", "lean"]

WARM_UP_PERIODS = 16
"""Periods of the baseline's own orders, at least, that make a starting stock."""
YEAR_DAYS = 364


def starting_stock(case: Case, start: Start, *, origin: int) -> StockState:
    """Stock at the end of period `origin`."""
    rules: dict[Start, Callable[..., StockState]] = {"seasonal": warmed_up, "lean": lean}
    return rules[start](case, origin=origin)


def warmed_up(case: Case, *, origin: int) -> StockState:
    """Stock at the end of period `origin`, had the baseline ordered from empty shelves before."""
    terms, demand = case.terms, case.demand
    periods = warm_up_periods(terms)
    N, first = len(case.rows), origin - periods
    state = StockState(np.zeros(N), np.zeros((N, terms.lead_time_periods)))
    policy = seasonal_order_up_to(case, first)
    for t in range(periods):
        if t % terms.review_periods == 0:
            state = state.ordered(policy(t - 1, state), lead_time_periods=terms.lead_time_periods)
        period = play_period(
            state, demand.played_units[:, first + 1 + t], lost_sales=terms.lost_sales,
            shelf_life_periods=terms.shelf_life_periods,
        )  # fmt: skip
        state = period.state
    return state


def lean(case: Case, *, origin: int) -> StockState:
    """A period's usual demand on hand, and as much under way."""
    periods = YEAR_DAYS // case.demand.period_days
    usual = case.demand.played_units[:, max(0, origin + 1 - periods) : origin + 1].mean(axis=1)
    pipeline = np.zeros((len(usual), case.terms.lead_time_periods))
    pipeline[:, -1:] = np.floor(usual)[:, None]
    return StockState(np.ceil(usual), pipeline)


def warm_up_periods(terms: Terms) -> int:
    """Whole review periods, long enough for the first orders to have sold."""
    review = terms.review_periods
    least = max(WARM_UP_PERIODS, 2 * terms.protected_periods)
    return -(-least // review) * review
