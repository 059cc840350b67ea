"""The next order: the right period, the right quantile, and what a left-over costs later."""

from datetime import date

import numpy as np
import pytest
from scipy.stats import nbinom, norm

from inventory.demand import LEVELS, DemandForecast
from inventory.next_order import UnitCosts, next_order
from inventory.simulate import StockState, simulate

LEVEL = np.array(LEVELS)
EVEN = UnitCosts(1.0, 1.0)
VN2 = UnitCosts(0.2, 1.0)


def forecast_of(means, *, sd=0.0, dependence=(0.0, 0.0)):
    """One weekly series with the given means."""
    mean = np.array([means], dtype=float)
    spread = np.broadcast_to(sd, mean.shape)[..., None]
    quantiles = np.maximum(mean[..., None] + spread * norm.ppf(LEVEL), 0)
    return DemandForecast(
        skus=("A",),
        locations=("S",),
        first_day=date(2024, 4, 15),
        levels=LEVEL,
        quantiles_units=quantiles,
        mean_units=mean,
        dependence=np.array([dependence], dtype=float),
        period_days=7,
    )


def quantity(
    forecast,
    on_hand,
    *arriving,
    lead=2,
    review=1,
    costs=EVEN,
    lost_sales=True,
    life=None,
    recent=None,
):
    start = StockState(
        np.array([float(on_hand)]), np.array([arriving], dtype=float),
        None if recent is None else np.array([recent], dtype=float),
    )  # fmt: skip
    order = next_order(
        forecast, start, costs, lead_time_periods=lead, review_periods=review,
        lost_sales=lost_sales, seed=7, shelf_life_periods=life,
    )  # fmt: skip
    return float(order.quantity_units[0])


@pytest.mark.parametrize(
    ("_case", "means", "on_hand", "arriving", "lost_sales", "expected"),
    [
        ("nothing there: exactly the third week", [5, 7, 9], 0, (0, 0), True, 9),
        ("what is owed from the first two weeks comes on top", [5, 7, 9], 0, (0, 0), False, 21),
        ("stock for the first two weeks and two more", [5, 7, 9], 14, (0, 0), True, 7),
        ("arrives too late for week one, in time for two", [5, 7, 9], 0, (0, 8), True, 8),
        ("arrives in week one", [5, 7, 9], 0, (15, 0), True, 6),
        ("plenty", [5, 7, 9], 100, (0, 0), True, 0),
        ("due together with this order", [5, 7, 9], 0, (0, 0, 4), True, 5),
    ],
)
def test_with_lead_time_two_the_order_serves_the_third_week(
    *, _case, means, on_hand, arriving, lost_sales, expected
):
    assert quantity(forecast_of(means), on_hand, *arriving, lost_sales=lost_sales) == expected


def test_the_critical_ratio_is_taken_of_the_week_it_serves():
    """Nothing on hand, lost sales: a plain newsvendor on week three, 100 ± 20 at 1.0 / 1.2."""
    got = quantity(forecast_of([100, 100, 100], sd=20), 0, 0, 0, costs=VN2)
    assert got == pytest.approx(100 + 20 * norm.ppf(1 / 1.2), abs=1.5)


def test_uncertain_weeks_before_it_ask_for_more():
    """With backorders, three weeks of 100 ± 20: 300 ± 20·√3."""
    got = quantity(
        forecast_of([100] * 3, sd=20), 0, 0, 0, costs=UnitCosts(1.0, 9.0), lost_sales=False
    )
    assert got == pytest.approx(300 + 20 * 3**0.5 * norm.ppf(0.9), abs=5)


def test_lost_sales_leave_more_on_the_shelf_than_means_would_say():
    """200 on hand for two weeks of 100 ± 60: about half of the paths have stock left."""
    uncertain = quantity(forecast_of([100] * 3, sd=60), 200, 0, 0)
    certain = quantity(forecast_of([100] * 3), 200, 0, 0)
    assert certain == 100
    assert uncertain < certain


def test_lead_time_zero_serves_the_very_next_week():
    assert quantity(forecast_of([5, 7]), 2, lead=0, review=2, costs=VN2) == 10  # 5 + 7 − 2.


def test_holding_counts_in_every_period_until_the_next_order():
    """A unit for day three of three is held two days, at 0.6 a day: worth 1.3, not 1.1."""
    three_days = forecast_of([5, 5, 5])
    assert quantity(three_days, 0, lead=0, review=3, costs=UnitCosts(0.6, 1.3)) == 15
    assert quantity(three_days, 0, lead=0, review=3, costs=UnitCosts(0.6, 1.1)) == 10
    assert quantity(three_days, 0, lead=0, review=3, costs=UnitCosts(0.6, 0.5)) == 5


def test_a_left_over_that_the_next_order_makes_up_for_costs_one_period():
    """Demand goes on as it is: looking further changes nothing."""
    near, far = forecast_of([100] * 3, sd=20), forecast_of([100] * 5, sd=20)
    assert quantity(far, 0, 0, 0, costs=VN2) == quantity(near, 0, 0, 0, costs=VN2)


def test_less_is_bought_for_the_last_week_of_a_season():
    """After it nobody asks any more, so a left-over is held for two more weeks: p / (p + 3 h)."""
    ending = forecast_of([100, 100, 100, 0, 0], sd=[20, 20, 20, 0, 0])
    got = quantity(ending, 0, 0, 0, costs=VN2)
    assert got == pytest.approx(100 + 20 * norm.ppf(1 / 1.6), abs=1.5)


def test_what_expires_before_the_order_arrives_does_not_count():
    """Ten that came last week and keep for two are gone when an order of today arrives."""
    assert quantity(forecast_of([0, 0, 9]), 10, 0, 0, life=2, recent=[10]) == 9
    assert quantity(forecast_of([0, 0, 9]), 10, 0, 0) == 0


@pytest.mark.parametrize("lost_sales", [True, False], ids=["lost", "owed"])
@pytest.mark.parametrize("later", [(0, 0, 15), (0, 9, 0), (0, 3, 8), (0, 0, 60)])
@pytest.mark.parametrize("costs", [EVEN, VN2, UnitCosts(0.5, 6.0)], ids=["even", "cheap", "dear"])
def test_what_comes_later_is_on_no_shelf_before(lost_sales, later, costs):
    """Of all quantities the cheapest, played out along the same paths until the next order's own.

    With backorders a second shortage of one unit is left out, which costs 4 % here at most.
    """
    forecast = forecast_of([8, 9, 7, 8], sd=4, dependence=(0.2, 0.3))
    arriving = (4, *later)
    paths = next(forecast.sample_paths_units(seed=7))[0].T
    S = len(paths)
    start = StockState(np.full(S, 3.0), np.tile(np.array(arriving, dtype=float), (S, 1)))

    def cost(units):
        played = simulate(
            paths, start, lambda *_: np.full(S, float(units)), lead_time_periods=1, orders=1,
            lost_sales=lost_sales,
        )  # fmt: skip
        return played.counted_from(1).cost(holding=costs.holding, shortage=costs.shortage)

    ours = quantity(forecast, 3, *arriving, lead=1, review=3, costs=costs, lost_sales=lost_sales)
    best = min(cost(units) for units in range(60))
    assert cost(ours) <= best * (1.001 if lost_sales else 1.04)


def test_a_later_arrival_does_not_serve_the_week_before_it():
    """Fifty come in the fourth period; nothing but the order of now serves the second."""
    assert quantity(forecast_of([6] * 4), 0, 6, 0, 0, 50, lead=1, costs=VN2) == 6
    assert quantity(forecast_of([6] * 4), 0, 6, 50, 0, 0, lead=1, costs=VN2) == 0


def test_waste_makes_orders_smaller():
    """Goods of one day: a unit too many costs holding and waste, p / (p + h + w)."""
    plain = forecast_of([100], sd=20)
    got = quantity(plain, 0, lead=0, costs=UnitCosts(0.2, 1.0, waste=0.8), life=1)
    assert got == pytest.approx(100 + 20 * norm.ppf(1 / 2.0), abs=1.5)


def test_no_other_base_stock_level_is_cheaper():
    """Played out against the demand that was forecast, ours is within 2 % of the best level."""
    rng = np.random.default_rng(11)
    periods, mean, size = 4000, 3.0, 2.0
    chance = size / (size + mean)
    demand = rng.negative_binomial(size, chance, (1, periods)).astype(float)
    quantiles = np.broadcast_to(nbinom.ppf(LEVEL, size, chance), (1, 5, len(LEVEL)))
    forecast = DemandForecast(
        skus=("A",), locations=("S",), first_day=date(2024, 4, 15), levels=LEVEL,
        quantiles_units=quantiles.astype(float), mean_units=np.full((1, 5), mean),
        dependence=np.zeros((1, 2)), period_days=7,
    )  # fmt: skip
    start = StockState(np.zeros(1), np.zeros((1, 2)))
    orders = {}

    def ours(_, state):
        key = (*state.on_hand_units, *state.pipeline_units[0])
        if key not in orders:
            orders[key] = next_order(
                forecast, state, VN2, lead_time_periods=2, review_periods=1, lost_sales=False,
                seed=7,
            ).quantity_units  # fmt: skip
        return orders[key]

    def cost(policy):
        played = simulate(demand[:, :400], start, policy, lead_time_periods=2, lost_sales=False)
        return played.counted_from(2).cost(holding=0.2, shortage=1.0)

    best = min(
        cost(lambda _, state, level=level: np.maximum(level - state.position_units, 0))
        for level in range(5, 30)
    )
    assert cost(ours) <= 1.02 * best
