"""The order to place now: each unit must save more shortage than what it leaves over costs.

Sample paths of demand say what an order meets. Along each, stock is projected to the order's
arrival (`inventory.simulate` keeps the timing), so every path has its own stock there. The unit
that lifts the stock then to x

    saves  p   where demand until the next order's arrival reaches x,
    costs  h   for every period up to then at whose end it is still unsold,
    costs  h   for every later period, too, as long as it is unsold and the stock that is left is
               more than would be wanted in that review period anyway,
    costs  w   where it is still unsold when its shelf life ends.

With one period between orders, nothing beyond it and goods that keep, this is the newsvendor's
quantile p / (p + h). The third term is what that leaves out: a unit too many is no loss where the
next order is simply one smaller, and a loss for weeks where demand falls or is hardly there. A unit
above a later target would have served someone now and then; that is left out.

Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., 4.3 (newsvendor) and 4.5 (the
myopic policy, which is best while the next target lies within reach).
"""

from dataclasses import dataclass

import numpy as np

from inventory.base_stock import chunks
from inventory.demand import DemandForecast, Floats
from inventory.policy.lot_size import on_grid
from inventory.simulate import StockState, project

LATER_REVIEWS = 2
"""Review periods after the order's own in which a left-over is followed. On the VN2 history, none
cost 4 % more, and four cost as much as two."""


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Money per unit: held at a period's end, short, and thrown away at the end of its life."""

    holding: float
    shortage: float
    waste: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class NextOrder:
    """The decision for N series, each of shape (N,), units.

    `target_units − stock_units`, rounded to whole units and not below zero, is the quantity.
    """

    quantity_units: Floats
    target_units: Floats
    """Stock that would be wanted when the order arrives."""
    stock_units: Floats
    """Stock that is expected to be there without it: the mean over paths."""
    mean_units: Floats
    """Mean demand over the L + R periods."""


def horizon_wanted(*, lead_time_periods: int, review_periods: int) -> int:
    """Periods that a forecast must cover for `next_order` to follow left-overs all the way."""
    return lead_time_periods + (1 + LATER_REVIEWS) * review_periods


def next_order(
    forecast: DemandForecast,
    start: StockState,
    costs: UnitCosts,
    *,
    lead_time_periods: int,
    review_periods: int,
    lost_sales: bool,
    seed: int,
    shelf_life_periods: int | None = None,
) -> NextOrder:
    """What to order now for the N series.

    forecast : covers L + R periods at least; whole review periods beyond are used, up to
        `LATER_REVIEWS`.
    start : on hand (N,) and pipeline (N, K), as in `inventory.simulate`.
    lead_time_periods : L ≥ 0. An order placed now arrives at the start of period L + 1 from now.
    review_periods : R ≥ 1, periods between orders.
    """
    N, L, R = len(forecast.skus), lead_time_periods, review_periods
    reviews = min((forecast.horizon - L) // R, 1 + LATER_REVIEWS)
    assert reviews >= 1, "the forecast must reach until the next order's arrival"
    needed: Floats = np.empty(N)
    stock: Floats = np.empty(N)
    for rows, paths in chunks(forecast, seed=seed, periods=L + reviews * R):
        at_arrival = stock_at_arrival(
            start.select(rows), paths, lead_time_periods=L, lost_sales=lost_sales,
            shelf_life_periods=shelf_life_periods,
        )  # fmt: skip
        asked = paths[:, L:].reshape(len(paths), reviews, R, -1)
        needed[rows] = _needed(asked, at_arrival, costs, shelf_life_periods)
        stock[rows] = at_arrival.mean(axis=1)
    stock = on_grid(stock)
    needed = on_grid(needed)
    return NextOrder(
        # A path's demand is no whole number: half a unit more than a whole one is none.
        quantity_units=np.maximum(np.round(needed), 0.0),
        target_units=needed + stock,
        stock_units=stock,
        mean_units=forecast.mean_units[:, : L + R].sum(axis=1),
    )


def stock_at_arrival(
    start: StockState,
    paths: Floats,
    *,
    lead_time_periods: int,
    lost_sales: bool,
    shelf_life_periods: int | None = None,
) -> Floats:
    """Stock of each path (n, S) at the start of period L + 1, arrivals due then included.

    Everything under way then or later counts: the order must not repeat what is coming anyway.
    """
    n, _, S = paths.shape
    recent = start.recent_units
    each = StockState(
        np.broadcast_to(start.on_hand_units[:, None], (n, S)),
        np.broadcast_to(start.pipeline_units[:, None], (n, S, start.pipeline_units.shape[1])),
        None if recent is None else np.broadcast_to(recent[:, None], (n, S, recent.shape[1])),
    )
    after = project(
        each, paths[:, :lead_time_periods], lost_sales=lost_sales,
        shelf_life_periods=shelf_life_periods,
    )  # fmt: skip
    return after.position_units


def _needed(asked: Floats, stock: Floats, costs: UnitCosts, shelf_life: int | None) -> Floats:
    """Units (n,) to add to the stock (n, S), given demand (n, reviews, R, S) from then on.

    The last unit worth buying is a weighted quantile: every cost begins, on each path, at a stock
    of its own, and they are added up from the lowest on until they come to p.
    """
    n, reviews, R, S = asked.shape
    life = reviews * R if shelf_life is None else shelf_life
    sold = asked.reshape(n, reviews * R, S).cumsum(axis=1)
    begins = [sold[:, min(life, R) - 1]]
    money = [costs.shortage]
    for review in range(reviews):
        before = sold[:, review * R - 1] if review else 0.0
        enough = before + _enough(asked[:, review], costs)[:, None] if review else 0.0
        for period in range(review * R, min((review + 1) * R, life)):
            begins.append(np.maximum(sold[:, period], enough))
            money.append(costs.holding)
    if costs.waste and life <= reviews * R and shelf_life is not None:
        begins.append(sold[:, life - 1])
        money.append(costs.waste)
    thresholds = np.stack(begins, axis=1) - stock[:, None]
    weights = np.repeat(np.array(money) / S, S)
    return _weighted_quantile(thresholds.reshape(n, -1), weights, costs.shortage)


def _enough(asked: Floats, costs: UnitCosts) -> Floats:
    """Stock (n,) wanted at the start of a review period (n, R, S), seen by itself."""
    n, R, S = asked.shape
    sold = asked.cumsum(axis=1)
    money = np.full(R, costs.holding)
    money[-1] += costs.shortage
    return _weighted_quantile(sold.reshape(n, -1), np.repeat(money / S, S), costs.shortage)


def _weighted_quantile(values: Floats, weights: Floats, wanted: float) -> Floats:
    """Of each row (n, m): the least value up to which the weights (m,) come to `wanted`."""
    order = np.argsort(values, axis=1)
    reached = weights[order].cumsum(axis=1)
    # Sums of many weights fall a little short of what they are.
    place = (reached < wanted * (1 - 1e-9)).sum(axis=1).clip(max=values.shape[1] - 1)
    at = np.take_along_axis(order, place[:, None], axis=1)
    found: Floats = np.take_along_axis(values, at, axis=1)[:, 0]
    return found
